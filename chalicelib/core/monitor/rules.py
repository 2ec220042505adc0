"""What a monitor is, which jobs it watches, and what is due to be said: pure, from records and counts.

Owns the meaning of a monitor's rules. Run times of a definition are `run_times.py`'s, what is said is
`notices.py`'s, and when anybody looks is the engine's (`engine/watch/monitors.py`).

`nothing_ran` waits while events are in the events queue, because one of them may be the success that it misses. It goes
by how many there are. An age would say more, but nobody knows it:

- SQS does not tell it. CloudWatch's ApproximateAgeOfOldestMessage leaves out a message that was received three times
  and not deleted. Events that sit out an outage are such messages.
  https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
- A handler knows how late its event is. If no handler runs, that says nothing, and noting it costs a write an event.

A busy queue is never empty, so the wait has an end. After it the notice says that it may be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.failure import FailureClass
from chalicelib.core.rules import Broken
from chalicelib.core.schedule.cron import CronMistake, parse_cron
from chalicelib.core.schedule.model import moment_ms, zone, zoned
from chalicelib.core.states import JobStatus
from chalicelib.core.suggest import shown

RULES = ("failed", "running_longer", "waiting_longer", "failure_rate", "nothing_ran")
BUCKET_MS = 300_000
"""Endings are counted by five minutes, and a time of day that a monitor names is a multiple of them."""
SETTLED_MS = 120_000
"""How long after a time of day a monitor says that nothing ran by it: events of before may still be under way."""
BACKLOG_MS = 900_000
"""Maximum time that a deadline waits while events are in the queue, from the first look that found some. An event that
was tried in vain is tried again after a quarter of the time that it has waited, or after a minute, so this is enough
for an outage of an hour."""

_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class WatchedKind(StrEnum):
    """Whose jobs, and which."""

    FOREIGN = "foreign"
    """No run submitted it."""
    STEP_FUNCTIONS = "step_functions"
    """A state machine of Step Functions submitted it."""
    OWN = "own"
    """A run submitted it."""
    SINGLE = "single"
    """A job of one container."""
    ARRAY = "array"
    """An array job. The parent stands for its children."""
    MULTI_NODE = "multi_node"
    """A job of several nodes."""


_WHOSE = (WatchedKind.FOREIGN, WatchedKind.STEP_FUNCTIONS, WatchedKind.OWN)


@dataclass(frozen=True, slots=True)
class RunningLonger:
    """One of the two times is set, or both."""

    than_seconds: int | None = None
    than_p95_times: float | None = None
    at_least_seconds: int = 300


@dataclass(frozen=True, slots=True)
class FailureRate:
    """`over_at` is the share at or below which a rate that was above is over; `above` itself if it is None."""

    above: float
    within_seconds: int = 3_600
    at_least_jobs: int = 10
    over_at: float | None = None

    @property
    def falls_to(self) -> float:
        return self.above if self.over_at is None else self.over_at


@dataclass(frozen=True, slots=True)
class NothingRan:
    """Both times as `HH:MM` in the time zone."""

    by: str
    after: str = "00:00"
    time_zone: str = "UTC"
    days: str = "*"


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor as it was pushed. An empty tuple of patterns or kinds is all. `failed` are the classes of failures that
    are told of, none if none are. `since_ms`: since when it watches these jobs and for these times of day;
    `failed_since_ms`: since when these jobs and for these failures."""

    name: str
    description: str | None = None
    queues: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    kinds: tuple[WatchedKind, ...] = ()
    failed: frozenset[FailureClass] = frozenset()
    running_longer: RunningLonger | None = None
    waiting_longer_than_seconds: int | None = None
    failure_rate: FailureRate | None = None
    nothing_ran: NothingRan | None = None
    since_ms: int = 0
    failed_since_ms: int = 0

    @property
    def counts_under(self) -> str:
        """What the endings of its jobs are counted under: a monitor that watches other jobs now counts anew."""
        return f"{self.name}/{self.since_ms}"

    @property
    def watches_own(self) -> bool:
        """Whether jobs of our own runs may be among those that it watches."""
        return WatchedKind.OWN in self.kinds or not self._names_whose

    @property
    def watches_foreign(self) -> bool:
        """Whether jobs of others may be."""
        return any(one in _WHOSE and one is not WatchedKind.OWN for one in self.kinds) or not self._names_whose

    @property
    def _names_whose(self) -> bool:
        return any(one in _WHOSE for one in self.kinds)

    def watches(self, job: JobRecord) -> bool:
        """Whether it is about that job."""
        return (
            _fits(self.queues, job.queue)
            and _fits(self.names, job.name)
            and _fits(self.definitions, job.definition, definition_name(job.definition))
            and self._is_of_kind(job)
        )

    def _is_of_kind(self, job: JobRecord) -> bool:
        kinds = kinds_of(job)
        groups = ([one for one in self.kinds if one in _WHOSE], [one for one in self.kinds if one not in _WHOSE])
        return all(not group or any(one in kinds for one in group) for group in groups)

    def tells_failure(self, job: JobRecord) -> bool:
        """Whether it is to be said that this job failed."""
        return job.status is JobStatus.FAILED and (job.failure or FailureClass.UNKNOWN) in self.failed

    def counts(self, job: JobRecord) -> bool:
        """Whether the job's ending counts. What somebody cancelled has neither failed nor succeeded."""
        wanted = self.failure_rate is not None or self.nothing_ran is not None
        return wanted and job.status.ended and job.failure is not FailureClass.CANCELLED


def monitors_of(
    definition: Mapping[str, Any], since_ms: Mapping[str, int], failed_since_ms: Mapping[str, int] | None = None
) -> tuple[Monitor, ...]:
    """The monitors of a definition (valid, as it was pushed). By name, since when each watches."""
    return tuple(
        _monitor(name, given, since_ms.get(name, 0), (failed_since_ms or {}).get(name, 0))
        for name, given in definition["monitors"].items()
    )


def _monitor(name: str, given: Mapping[str, Any], since_ms: int, failed_since_ms: int) -> Monitor:
    running, rate, nothing = (given.get(rule) for rule in ("running_longer", "failure_rate", "nothing_ran"))
    waiting = given.get("waiting_longer")
    return Monitor(
        name,
        given.get("description"),
        **{field: tuple(given.get(field) or ()) for field in ("queues", "names", "definitions")},
        kinds=tuple(WatchedKind(kind) for kind in given.get("kinds") or ()),
        failed=_classes(given.get("failed")),
        running_longer=None if running is None else RunningLonger(**running),
        waiting_longer_than_seconds=None if waiting is None else waiting["than_seconds"],
        failure_rate=None if rate is None else FailureRate(**rate),
        nothing_ran=None if nothing is None else NothingRan(**nothing),
        since_ms=since_ms,
        failed_since_ms=failed_since_ms,
    )


def _classes(failed: Any) -> frozenset[FailureClass]:
    if failed is None or failed is False:
        return frozenset()
    given = {} if failed is True else failed
    if given.get("classes") is not None:
        return frozenset(map(FailureClass, given["classes"]))
    excluding = given.get("excluding")
    return frozenset(FailureClass) - frozenset([FailureClass.CANCELLED] if excluding is None else excluding)


def watched_alike(one: Mapping[str, Any], other: Mapping[str, Any], rule: str) -> bool:
    """Whether two definitions of a monitor watch the same jobs by the same rule, so that what was counted or gathered
    for one holds for the other."""
    keys = ("queues", "names", "definitions", "kinds", rule)
    return all(one.get(key) == other.get(key) for key in keys)


def kinds_of(job: JobRecord) -> frozenset[WatchedKind]:
    """What a job is: whose, and which."""
    whose = {WatchedKind.FOREIGN} if job.is_foreign else {WatchedKind.OWN}
    if job.managed_by is ManagedBy.STEP_FUNCTIONS:
        whose.add(WatchedKind.STEP_FUNCTIONS)
    if job.array_size is not None:
        return frozenset({*whose, WatchedKind.ARRAY})
    return frozenset({*whose, WatchedKind.SINGLE if job.nodes is None else WatchedKind.MULTI_NODE})


def definition_name(definition: str) -> str:
    """A job definition's name, without its revision."""
    return definition.partition(":")[0]


def _fits(patterns: Iterable[str], *names: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


# Jobs under way

WAITING = (JobStatus.SUBMITTED, JobStatus.RUNNABLE, JobStatus.STARTING)
"""The statuses of a job that waits for capacity. A single job that is PENDING waits for others."""
_BEGUN = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)


def is_pending_array(job: JobRecord) -> bool:
    """Whether it is an array from its first child's being ready to the last one's end, as far as the record knows."""
    return job.status is JobStatus.PENDING and job.array_size is not None


def children_run(job: JobRecord) -> bool:
    """Whether a job of an array runs, or has, by its record's counts."""
    return any(job.children.get(status) for status in _BEGUN)


def running_since_ms(job: JobRecord) -> int | None:
    """Since when a job runs; None when it does not. An array does once one of its jobs has begun; when that was is not
    known, so of it the whole time counts."""
    if job.status is JobStatus.RUNNING:
        return job.started_at_ms or job.seen_at_ms
    return job.created_at_ms if is_pending_array(job) and children_run(job) else None


def run_ms(job: JobRecord) -> int | None:
    """How long a successful job ran; None where that says nothing of others: an array takes as long as its children had
    to wait."""
    if job.status is not JobStatus.SUCCEEDED or job.array_size is not None:
        return None
    if job.started_at_ms is None or job.stopped_at_ms is None:
        return None
    return max(0, job.stopped_at_ms - job.started_at_ms)


def waiting_since_ms(job: JobRecord) -> int | None:
    """Since when a job waits for capacity; None when it does not. A job that Batch tries again waits anew. An array
    waits as long as some of its jobs do, and none has begun."""
    waits = job.status in WAITING
    if is_pending_array(job) and not children_run(job):
        waits = any(job.children.get(status) for status in WAITING)
    return job.seen_at_ms if waits else None


def runs_too_long_after_ms(rule: RunningLonger, job: JobRecord, p95_ms: int | None) -> int | None:
    """How long a job may run by the rule; None while nothing is known of that. `p95_ms` is what 19 of 20 jobs of its
    definition took at most, None while too few were seen; of arrays nothing is known."""
    times = []
    if rule.than_seconds is not None:
        times.append(rule.than_seconds * 1000)
    if rule.than_p95_times is not None and p95_ms is not None and job.array_size is None:
        times.append(max(round(rule.than_p95_times * p95_ms), rule.at_least_seconds * 1000))
    return min(times, default=None)


# Counts of endings


@dataclass(frozen=True, slots=True)
class Counted:
    """What a job's ending at `at_ms` is counted as: under each of these names (`Monitor.counts_under`), as a success or
    a failure; and among the run times of a definition, as one of that step (core/monitor/run_times.py). One of the two
    is there, or both."""

    at_ms: int
    succeeded: bool
    under: tuple[str, ...] = ()
    run_time: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many of a monitor's jobs ended how within the five minutes from `start_ms` on."""

    start_ms: int
    succeeded: int = 0
    failed: int = 0


def bucket_ms(at_ms: int) -> int:
    """Where the five minutes of a moment begin."""
    return at_ms - at_ms % BUCKET_MS


def rate_from_ms(rule: FailureRate, now_ms: int) -> int:
    """Where the first five minutes begin that count for the rate: the time it is about, in whole ones, and the one that
    has just begun."""
    return bucket_ms(now_ms - rule.within_seconds * 1000)


def is_above(rule: FailureRate, buckets: Iterable[Bucket]) -> bool:
    """Whether too many of the jobs counted there failed, and enough ended to say so."""
    failed, ended = _totals(buckets)
    return ended >= rule.at_least_jobs and failed > rule.above * ended


def is_below(rule: FailureRate, buckets: Iterable[Bucket]) -> bool:
    """True once a rate that was above is over, including when no job ended. That few jobs end is no reason."""
    failed, ended = _totals(buckets)
    return failed <= rule.falls_to * ended


def _totals(buckets: Iterable[Bucket]) -> tuple[int, int]:
    """How many failed, and how many ended."""
    failed, ended = 0, 0
    for one in buckets:
        failed += one.failed
        ended += one.failed + one.succeeded
    return failed, ended


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time of day by which something had to have run: the `date` in the time zone, the moment, and the one from which
    on it counts."""

    date: str
    at_ms: int
    from_ms: int


def last_deadline(rule: NothingRan, now_ms: int) -> Deadline | None:
    """The last deadline that is not after a moment.

    Clocks going forward may leave a time of day out; then it is as long after midnight as on other days, which those
    clocks show an hour later. A time that a day has twice counts the first time.
    """
    where = zone(rule.time_zone)
    hour, minute = rule.by.split(":")
    local = zoned(now_ms, where).replace(tzinfo=None)
    # A deadline's moment may lie behind what its local time suggests, never by more than a few hours.
    for by in parse_cron(f"{int(minute)} {int(hour)} ? * {rule.days} *").times_until(local + timedelta(hours=3)):
        at_ms = moment_ms(by, where)
        if at_ms <= now_ms:
            first = datetime.combine(by.date(), datetime.strptime(rule.after, "%H:%M").time())
            if first >= by:
                first -= timedelta(days=1)
            from_ms = moment_ms(first, where)
            if from_ms >= at_ms:
                # The clocks left `after` out, but not `by`: then it is as long before `by` as on other days.
                from_ms = at_ms - (by - first) // timedelta(milliseconds=1)
            return Deadline(by.date().isoformat(), at_ms, from_ms)
    return None


@dataclass(frozen=True, slots=True)
class SomethingRan:
    """A job succeeded in time, so there is nothing to say."""


@dataclass(frozen=True, slots=True)
class AwaitEvents:
    """No success is known, but events in the queue may tell of one. They are awaited since `since_ms`."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class NothingSucceeded:
    """No success is known, and that is to be said: `failed` jobs failed. `events_left` are still in the queue after the
    longest wait."""

    failed: int
    events_left: int


def judge_deadline(
    deadline: Deadline, buckets: Iterable[Bucket], events_queued: int, awaited_since_ms: int, now_ms: int
) -> SomethingRan | AwaitEvents | NothingSucceeded:
    """What is to be done about a deadline that is past.

    `events_queued` is the number of messages in the events queue, read before the buckets. An event is counted before
    it leaves the queue, so a success is in one of the two. `awaited_since_ms` is the time of an earlier look that found
    events in the queue. It says nothing of this deadline if it is before it.
    """
    succeeded, failed = ended_in_time(buckets, deadline)
    if succeeded:
        return SomethingRan()
    if events_queued:
        since_ms = awaited_since_ms if awaited_since_ms >= deadline.at_ms else now_ms
        if now_ms - since_ms < BACKLOG_MS:
            return AwaitEvents(since_ms)
    return NothingSucceeded(failed, events_queued)


def ended_in_time(buckets: Iterable[Bucket], deadline: Deadline) -> tuple[int, int]:
    """How many jobs succeeded, and how many failed, in the time that counts for a deadline."""
    within = [one for one in buckets if deadline.from_ms <= one.start_ms < deadline.at_ms]
    return sum(one.succeeded for one in within), sum(one.failed for one in within)


# What a monitor file may say


def clock_time_rule(value: str) -> Broken | None:
    if not _CLOCK_TIME.fullmatch(value):
        return Broken(f"must be a time of day, 00:00 to 23:55, not {shown(value)}", "write '06:00'")
    if int(value[3:]) % 5:
        return Broken(
            f"must be a multiple of five minutes, not {shown(value)}",
            f"write '{value[:3]}{int(value[3:]) // 5 * 5:02}'",
        )
    return None


def days_rule(value: str) -> Broken | None:
    broken = Broken(f"must be days of the week, not {shown(value)}", "write MON-FRI, 'MON,THU', 2#1 or '*'")
    if not re.fullmatch(r"[A-Za-z0-9,#*/-]{1,40}", value):
        return broken
    try:
        parse_cron(f"0 6 ? * {value} *")
    except CronMistake:
        return broken
    return None
