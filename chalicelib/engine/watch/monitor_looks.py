"""The sweep's part of monitors: jobs that run or wait for too long, failure rates, and that nothing ran by a time; and
failures that were not told in time.

What is to be told is written before it is told, with a lease, and noted as told afterwards. An invocation that dies in
between leaves it to the next look, which tells it under the same id once the lease has expired. Of two looks at the
same time, one writes, and the other finds the lease held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import assert_never

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.errors import TryAgain
from chalicelib.core.lease import is_free
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.monitor.counts import bucket_ms
from chalicelib.core.monitor.failure_rate import FailureRate, rate_notice
from chalicelib.core.monitor.job_times import children_run, is_pending_array
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.nothing_ran import (
    SETTLED_MS,
    AwaitEvents,
    Deadline,
    NothingRan,
    NothingSucceeded,
    SomethingRan,
    judge_deadline,
    last_deadline,
    nothing_ran_notice,
)
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.monitor.run_times import months_before, p95_ms
from chalicelib.core.monitor.too_long import DurationRule, Overdue, judge_duration, overdue_notice
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.engine.publishing.deliver import publish
from chalicelib.engine.watch.monitors import tell_left
from chalicelib.engine.watch.observe import as_batch_knows
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.watching import REMEMBERED_SECONDS
from chalicelib.engine.world.world import World

log = logging.getLogger(__name__)

JOBS_MAXIMUM = 20_000
"""How many jobs under way a look goes through, the longest known first: they run or wait the longest."""
JOBS_AT_A_TIME = 1_000
ASKED_AT_A_TIME = 1_000
"""Of so many jobs it is asked whether they were told, before the time is looked at again."""
TOLD_TOGETHER_MAXIMUM = 5_000
"""Of one notice. What more there is waits for the next look."""
NAMED_MAXIMUM = 10
_STRIDE = 619
"""By how many jobs further each look begins. A prime, so that the looks come to begin everywhere."""
LATE_MS = 86_400_000
"""A deadline that is past for longer is not spoken of any more: the counts of then may be gone."""


def look_at_monitors(world: World, until_ms: int) -> int:
    """Let each monitor look, until the time is over; how many did."""
    monitors = world.monitors()
    if not monitors:
        return 0
    around = _Around(world, until_ms, monitors)
    # Each look begins with another one, so that none is left out for ever where the time is too short for all.
    first = around.turn % len(monitors)
    for number, monitor in enumerate((*monitors[first:], *monitors[:first])):
        if world.clock.now_ms() >= until_ms:
            return number
        about = telemetry.ids(monitor=monitor.name)
        for look_at in (_look_at_failures, _look_at_jobs, _look_at_counts):
            try:
                look_at(around, monitor)
            except TryAgain as failure:
                log.warning("monitor %s looks again later: %s", monitor.name, failure, extra=about)
            except Exception:
                log.exception("monitor %s could not look", monitor.name, extra=about)
    return len(monitors)


class _Around:
    """What the monitors of one look share: the jobs under way, and how long those of a definition take."""

    def __init__(self, world: World, until_ms: int, monitors: Sequence[Monitor]) -> None:
        self.world = world
        self.now_ms = world.clock.now_ms()
        self.turn = self.now_ms // (world.settings.sweep_seconds * 1000)
        self._until_ms = until_ms
        self._monitors = monitors
        self._arrays: dict[str, JobRecord] = {}
        self.jobs: Callable[..., list[JobRecord]] = cache(self._jobs)
        self.p95_ms: Callable[[str], int | None] = cache(self._p95_ms)
        self.events_waiting: Callable[[], int] = cache(partial(_events_waiting, world))

    def _rules(self, kind: type[DurationRule]) -> Iterator[tuple[Monitor, DurationRule]]:
        """The rules of that type, with their monitors."""
        return ((one, rule) for one in self._monitors for rule in one.duration_rules if isinstance(rule, kind))

    def _jobs(self, kind: type[DurationRule]) -> list[JobRecord]:
        """The jobs that run or wait, but for those that are too young for any monitor to speak of them."""
        youngest_ms = min(rule.shortest_ms for _, rule in self._rules(kind))
        found: list[JobRecord] = []
        after = None
        while True:
            listed = self.world.store.open_jobs(JOBS_AT_A_TIME, kind.states, self.now_ms - youngest_ms + 1, after=after)
            found += listed.jobs
            after = listed.after
            if after is None:
                break
            if len(found) >= JOBS_MAXIMUM or self.is_over:
                log.warning("%s is looked for among the %d longest known jobs under way alone", kind.kind, len(found))
                break
        return self._with_arrays(kind, self._turned(found))

    def _with_arrays(self, kind: type[DurationRule], jobs: list[JobRecord]) -> list[JobRecord]:
        """The jobs, arrays as Batch knows them where their records may be behind: it tells when an array is pending,
        and not when its first job begins. Those that it could not be asked about wait for the next look."""
        doubtful = {job.job_id: job for job in jobs if self._is_doubtful(kind, job)}
        if not doubtful:
            return jobs
        asked = [one for job_id, one in doubtful.items() if job_id not in self._arrays]
        try:
            for one in as_batch_knows(self.world, asked[:DESCRIBE_IDS]) if asked else ():
                self._arrays[one.job_id] = one
        except TryAgain as failure:
            log.warning("arrays that may wait or run are looked at later: %s", failure)
        known = (self._arrays.get(job.job_id) if job.job_id in doubtful else job for job in jobs)
        return [job for job in known if job is not None]

    def _is_doubtful(self, kind: type[DurationRule], job: JobRecord) -> bool:
        if not is_pending_array(job) or children_run(job):
            return False
        return any(monitor.watches(job) for monitor, _ in self._rules(kind))

    def _turned(self, jobs: list[JobRecord]) -> list[JobRecord]:
        """Each look begins with other jobs, for where the time is too short for all, none may be left out for ever."""
        first = self.turn * _STRIDE % len(jobs) if jobs else 0
        return jobs[first:] + jobs[:first]

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.world.clock.now_ms() >= self._until_ms

    def _p95_ms(self, definition: str) -> int | None:
        """None, too, once the time is up; the next look asks."""
        if self.is_over:
            return None
        return p95_ms(*(self.world.store.run_times(definition, month) for month in months_before(self.now_ms)))


def _look_at_failures(around: _Around, monitor: Monitor) -> None:
    if monitor.failed:
        tell_left(around.world, monitor)


# Jobs that run or wait for too long


def _look_at_jobs(around: _Around, monitor: Monitor) -> None:
    for rule in monitor.duration_rules:
        _tell_overdue(around, monitor, rule)


def _tell_overdue(around: _Around, monitor: Monitor, rule: DurationRule) -> None:
    store = around.world.store
    overdue = [one for one in (_overdue(around, monitor, rule, job) for job in around.jobs(type(rule))) if one]
    limits_ms = {one.job.job_id: one.limit_ms for one in overdue}
    # It is read before what was told is: whoever tells of the same jobs meanwhile takes the number that follows it.
    telling = store.telling(monitor.name, rule.kind)
    if telling is not None and telling.is_open:
        if not store.lease_telling(telling, around.world.lease(), around.world.clock.now_ms()):
            return
        _tell(around, monitor, rule, telling, limits_ms)
    untold = sorted((job.created_at_ms, job.job_id) for job in _untold(around, monitor, rule.kind, overdue))
    if not untold:
        return
    job_ids = tuple(job_id for _, job_id in untold[:TOLD_TOGETHER_MAXIMUM])
    number, lease = telling.number + 1 if telling else 1, around.world.lease()
    following = Telling(monitor.name, rule.kind, number, job_ids, around.now_ms, lease=lease)
    if store.put_telling(following):
        _tell(around, monitor, rule, following, limits_ms)


def _untold(around: _Around, monitor: Monitor, kind: NoticeKind, overdue: Sequence[Overdue]) -> Iterator[JobRecord]:
    """Those of the jobs that were not told of. Asks the table about as many as there is time for, some in any case; the
    next look begins with others."""
    watching = around.world.watching
    jobs = [one.job for one in overdue if not watching.was_told(monitor.name, kind, one.job.job_id)]
    for first in range(0, len(jobs), ASKED_AT_A_TIME):
        if first and around.is_over:
            log.warning("of %d jobs it is asked later whether %s told of them", len(jobs) - first, monitor.name)
            return
        asked = jobs[first : first + ASKED_AT_A_TIME]
        told = around.world.store.jobs_told(monitor.name, kind, [job.job_id for job in asked])
        watching.note_told(monitor.name, kind, told)
        yield from (job for job in asked if job.job_id not in told)


def _overdue(around: _Around, monitor: Monitor, rule: DurationRule, job: JobRecord) -> Overdue | None:
    since_ms = rule.since_ms(job)
    if since_ms is None or not monitor.watches(job):
        return None
    return judge_duration(rule, job, since_ms, around.now_ms, around.p95_ms)


def _tell(around: _Around, monitor: Monitor, rule: DurationRule, telling: Telling, limits_ms: dict[str, int]) -> None:
    world = around.world
    # Before it is told: while it is open, whoever dies in between leaves all of it to the next look.
    world.store.mark_jobs_told(telling)
    named = map(world.store.job, telling.job_ids[:NAMED_MAXIMUM])
    jobs = [job for job in named if job is not None]
    publish(world, overdue_notice(monitor, world.stage, rule, telling, jobs, limits_ms))
    world.store.close_telling(telling)
    world.watching.note_told(monitor.name, telling.kind, telling.job_ids)


# Rates, and times of day


def _look_at_counts(around: _Around, monitor: Monitor) -> None:
    if monitor.failure_rate is None and monitor.nothing_ran is None:
        return
    look = around.world.store.look(monitor.name)
    if look.since_ms > monitor.since_ms:
        # This process knows the monitor only as it was before it was pushed anew.
        return
    if not is_free(look.lease, around.world.owner, around.world.clock.now_ms()):
        # Another invocation publishes what it found.
        return
    look = replace(look, lease=None)
    if look.since_ms < monitor.since_ms:
        # What was found of the jobs that it watched before says nothing of those that it watches now.
        look = replace(look, since_ms=monitor.since_ms, above_from_ms=None, above_is_told=False)
    after_rate = look if monitor.failure_rate is None else _look_at_rate(around, monitor, monitor.failure_rate, look)
    if monitor.nothing_ran is not None and after_rate is not None:
        _look_at_deadline(around, monitor, monitor.nothing_ran, after_rate)


def _look_at_rate(around: _Around, monitor: Monitor, rule: FailureRate, look: MonitorLook) -> MonitorLook | None:
    """The look as it is then; None when somebody else looked at the same time."""
    world = around.world
    from_ms = max(rule.from_ms(around.now_ms), monitor.since_ms)
    buckets = world.store.buckets(monitor.counts_under, bucket_ms(from_ms), around.now_ms + 1)
    now: MonitorLook | None = look
    if look.above_from_ms is None:
        if not rule.is_above(buckets, was_above=False):
            return look
        # The look's own time, for none is above twice at once: what it counts may begin where it did the time before.
        now = _put_next(world, replace(look, above_from_ms=around.now_ms, lease=world.lease()))
    elif not look.above_is_told:
        # Whoever found it died before it was told.
        now = _put_next(world, replace(look, lease=world.lease()))
    if now is None or now.above_from_ms is None:
        return now
    if not now.above_is_told:
        publish(world, rate_notice(monitor, world.stage, rule, now.above_from_ms, from_ms, buckets, around.now_ms))
        now = _put_next(world, replace(now, above_is_told=True, lease=None))
    if now is not None and not rule.is_above(buckets, was_above=True):
        now = _put_next(world, replace(now, above_from_ms=None, above_is_told=False))
    return now


def _look_at_deadline(around: _Around, monitor: Monitor, rule: NothingRan, look: MonitorLook) -> None:
    world, now_ms = around.world, around.now_ms
    deadline = last_deadline(rule, now_ms - SETTLED_MS)
    if deadline is None or deadline.at_ms <= look.deadline_ms or now_ms - deadline.at_ms > LATE_MS:
        return
    if not world.settings.sees(monitor):
        # Something may well have run, and `batchwright monitors push` has said that nobody here would know.
        return
    if not _watched_throughout(monitor, deadline):
        return
    # Asked before the counts are read: an event that is handled in between is in both, and not in neither.
    waiting = around.events_waiting()
    buckets = world.store.buckets(monitor.counts_under, deadline.from_ms, deadline.at_ms)
    match judge_deadline(deadline, buckets, waiting, look.awaited_since_ms, now_ms):
        case SomethingRan():
            _put_next(world, replace(look, deadline_ms=deadline.at_ms))
        case AwaitEvents(since_ms):
            log.info("monitor %s waits with what did not run: about %d events are in the queue", monitor.name, waiting)
            if since_ms != look.awaited_since_ms:
                _put_next(world, replace(look, awaited_since_ms=since_ms))
        case NothingSucceeded() as found:
            claimed = _put_next(world, replace(look, lease=world.lease()))
            if claimed is not None:
                publish(world, nothing_ran_notice(monitor, world.stage, rule, deadline, found, now_ms))
                _put_next(world, replace(claimed, deadline_ms=deadline.at_ms, lease=None))
        case never:
            assert_never(never)


def _watched_throughout(monitor: Monitor, deadline: Deadline) -> bool:
    """Whether all endings since the deadline's beginning were counted. Those before the monitor watched were not, nor
    those that a warm process heard of which did not know it yet."""
    return deadline.from_ms >= monitor.since_ms + REMEMBERED_SECONDS * 1000


def _events_waiting(world: World) -> int:
    """About how many events wait to be handled. Raises TryAgain: without the answer nothing can be said."""
    return 0 if world.backlog is None else world.backlog.waiting()


def _put_next(world: World, look: MonitorLook) -> MonitorLook | None:
    """Put the look as the next revision; None when somebody else did."""
    following = replace(look, revision=look.revision + 1)
    return following if world.store.put_look(following) else None
