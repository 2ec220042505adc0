"""What a schedule does at its times, decided: which times are due, missed, skipped or wait, and what is next.

Owns the record of a schedule and every change of it, as pure functions; `engine/schedules/due_times.py` writes what
they return and acts on it. A time is decided once: all times up to `decided_ms` are, and what was decided to be started
is either in `pending` or `backfill`, or is `active_ms`, until its run surely exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice, takewhile

from chalicelib.core.ids import scheduled_run_id
from chalicelib.core.schedule.model import MINUTE_MS, CatchUp, Overlap, Schedule, Times

GRACE_MS = 15 * MINUTE_MS
"""A time that is looked at later than this was missed. It is more than our own recovery takes, step after step: the
sweep comes to a time that nobody told of after up to 390 s, and a message whose handler died is delivered again after
360 s."""
PENDING_MAXIMUM = 100
"""Times that wait at most; what is behind them is decided once there is room."""
BACKFILL_MAXIMUM = 1_000
STARTS_AT_ONCE = 10
"""Runs that one look starts at most; a command goes on with the others."""
LOOK_AFTER_MS = 90_000
"""How long after a time the sweep looks whether it was told of: EventBridge Scheduler takes up to a minute."""
NEVER_MS = 2**53 - 1
FAILURE_CHARACTERS = 500
SKIPPED_MAXIMUM = 1_000
"""Times passed over that are counted of one decision: after a long pause they may be any number."""


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """What is remembered of a schedule. Each write raises `revision`, and lands only on the one that was read.

    `schedule` is as in that `version` of the workflow; None once it was removed. Its times count from `since_ms`.
    `active_ms` is the time whose turn it is, where runs may not overlap; `active_is_backfill` if it was asked for,
    `active_has_run` once its run surely exists and goes on. `last_ms` is the latest time that a run was wanted for,
    `failure` why that of `failed_ms` could not be started. `placed` names what EventBridge Scheduler holds: None when
    that is not known, empty when nothing. At `sweep_at_ms` the sweep looks.
    """

    workflow: str
    name: str
    revision: int
    version: int
    schedule: Schedule | None
    since_ms: int
    decided_ms: int
    paused_at_ms: int | None = None
    pending: tuple[int, ...] = ()
    backfill: tuple[int, ...] = ()
    active_ms: int | None = None
    active_is_backfill: bool = False
    active_has_run: bool = False
    last_ms: int | None = None
    failed_ms: int | None = None
    failure: str | None = None
    placed: str | None = None
    sweep_at_ms: int = NEVER_MS

    def run_id(self, stage: str, at_ms: int) -> str:
        """The run of one of its times, in that stage."""
        return scheduled_run_id(stage, self.workflow, self.name, at_ms)

    @property
    def times(self) -> Times | None:
        """Its times; None when it has none, for it was removed or is not enabled."""
        if self.schedule is None or not self.schedule.enabled:
            return None
        return Times(self.schedule, self.since_ms)

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, and nothing of it is left anywhere."""
        return self.schedule is None and self.placed == "" and self.sweep_at_ms == NEVER_MS

    @property
    def may_overlap(self) -> bool:
        return self.schedule is not None and self.schedule.overlap is Overlap.ALLOW

    @property
    def wanted_placing(self) -> str:
        """What `placed` is to be."""
        if self.schedule is None or not self.schedule.enabled:
            return ""
        since_ms = self.since_ms if self.schedule.rate is not None else 0
        return hashlib.sha256(repr((self.schedule.timing, since_ms)).encode()).hexdigest()[:16]

    @property
    def next_ms(self) -> int | None:
        """The next time that it will look at; None while it is paused, and when there is none any more."""
        times = self.times
        return None if times is None or self.paused_at_ms is not None else times.next_after(self.decided_ms)


class ActiveRun(Enum):
    """The run of the active time, as its record says. `NOT_STARTED`: whoever was to start it died, or is about to."""

    NONE = "none"
    NOT_STARTED = "not started"
    GOING = "going"
    ENDED = "ended"


def due(record: ScheduleRecord, now_ms: int, is_going: bool, *, missed_until_ms: int = 0) -> ScheduleRecord:
    """The record with every time up to now decided, as far as there is room. `is_going`: whether the run of the active
    time goes on. Times up to `missed_until_ms` were missed, however late they are."""
    times = record.times
    if times is None or record.paused_at_ms is not None or record.schedule is None:
        return record
    next_ms = times.next_after(record.decided_ms)
    if next_ms is None or next_ms > now_ms:
        return record
    late_ms = max(missed_until_ms, now_ms - GRACE_MS - 1)
    missed = _missed(record, times, late_ms)
    on_time = list(takewhile(lambda at_ms: at_ms <= now_ms, times.after(max(record.decided_ms, late_ms))))
    match record.schedule.overlap:
        case Overlap.CANCEL_PREVIOUS:
            newest = tuple([*missed, *on_time][-1:])
            return replace(record, pending=newest or record.pending, decided_ms=now_ms)
        case Overlap.SKIP if record.pending or (is_going and not record.active_is_backfill):
            on_time = []
            if record.schedule.catch_up is not CatchUp.ALL:
                missed = []
        case _:
            pass
    room = PENDING_MAXIMUM - len(record.pending)
    wanted = [*missed, *on_time]
    decided_ms = now_ms if len(wanted) <= room else wanted[room - 1] if room > 0 else record.decided_ms
    return replace(record, pending=(*record.pending, *wanted[: max(0, room)]), decided_ms=decided_ms)


def _missed(record: ScheduleRecord, times: Times, late_ms: int) -> list[int]:
    """The missed times that are wanted, one more than could ever wait."""
    assert record.schedule is not None
    if late_ms <= record.decided_ms or record.schedule.catch_up is CatchUp.NONE:
        return []
    if record.schedule.catch_up is CatchUp.LATEST:
        latest = times.latest(record.decided_ms, late_ms)
        return [] if latest is None else [latest]
    until = takewhile(lambda at_ms: at_ms <= late_ms, times.after(record.decided_ms))
    return list(islice(until, PENDING_MAXIMUM + 1))


def passed_over(before: ScheduleRecord, after: ScheduleRecord) -> list[int]:
    """The times that a decision lets start no run, SKIPPED_MAXIMUM at most: they are decided, and not waiting.

    `before` is the record as it was decided upon, `after` the one that is written, before anything of it is started."""
    times = before.times
    kept = {*after.pending, *after.backfill, after.active_ms}
    given_up = [at_ms for at_ms in before.pending if at_ms not in kept] if after.schedule is not None else []
    if times is None or after.decided_ms <= before.decided_ms:
        return given_up
    decided = takewhile(lambda at_ms: at_ms <= after.decided_ms, times.after(before.decided_ms))
    skipped = [at_ms for at_ms in islice(decided, SKIPPED_MAXIMUM) if at_ms not in kept]
    return [*given_up, *skipped][:SKIPPED_MAXIMUM]


def paused(record: ScheduleRecord, now_ms: int, is_going: bool) -> ScheduleRecord:
    """The record while nothing is started by itself: what is due now is decided first."""
    if record.paused_at_ms is not None:
        return record
    return replace(due(record, now_ms, is_going), paused_at_ms=now_ms)


def resumed(record: ScheduleRecord, now_ms: int, is_going: bool) -> ScheduleRecord:
    """The record of a schedule that goes on: the times since the pause were missed."""
    if record.paused_at_ms is None:
        return record
    return due(replace(record, paused_at_ms=None), now_ms, is_going, missed_until_ms=now_ms)


def backfilled(record: ScheduleRecord, times_ms: Iterable[int]) -> ScheduleRecord:
    """The record with these times to be started as well, oldest first."""
    return replace(record, backfill=tuple(sorted({*record.backfill, *times_ms})))


def adopted(
    record: ScheduleRecord | None,
    named: tuple[str, str],
    schedule: Schedule | None,
    version: int,
    now_ms: int,
    is_going: bool,
) -> ScheduleRecord | None:
    """The record once a version of its workflow was pushed that has this schedule, or has it no more (None). None when
    there is nothing to remember. Where its times change, those that were due before are decided as they were; what
    cannot be decided yet, for it is paused or too many wait, is left to be decided by the times that it has then."""
    since_ms = now_ms - now_ms % MINUTE_MS
    if record is None:
        if schedule is None:
            return None
        return ScheduleRecord(*named, 1, version, schedule, since_ms, now_ms)
    if record.version > version:
        return record
    if schedule is None:
        if record.schedule is None:
            return replace(record, version=version)
        return replace(record, version=version, schedule=None, pending=(), backfill=(), paused_at_ms=None, placed=None)
    if record.schedule is not None and record.schedule.timing == schedule.timing:
        return replace(record, version=version, schedule=schedule)
    before = due(record, now_ms, is_going)
    after = replace(before, version=version, schedule=schedule, placed=None)
    undecided_ms = None if before.times is None else before.times.next_after(before.decided_ms)
    if undecided_ms is not None and undecided_ms <= now_ms:
        # A rate goes on counting from where it did, or it had no times to catch up.
        return after
    return replace(after, since_ms=since_ms, decided_ms=now_ms)


@dataclass(frozen=True, slots=True)
class Start:
    """Start the runs of these times, oldest first. Of those of an earlier look it may be that they were."""

    times_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CancelActive:
    """Ask for the run of the active time to be cancelled; the next one starts when it has ended."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done now."""


Step = Start | CancelActive | Rest


def next_step(record: ScheduleRecord, active: ActiveRun) -> tuple[ScheduleRecord, Step]:
    """What is to be done next, and the record that must be written before it is."""
    if record.may_overlap:
        return record, _all_at_once(record)
    if record.active_ms is not None and active is ActiveRun.NOT_STARTED:
        return record, Start((record.active_ms,))
    if record.active_ms is not None and active is ActiveRun.GOING:
        cancels = record.schedule is not None and record.schedule.overlap is Overlap.CANCEL_PREVIOUS
        wanted = cancels and waiting(record) and not record.active_is_backfill
        return record, CancelActive() if wanted else Rest()
    if waiting(record):
        begun = replace(_begun(record, record.pending[0]), active_is_backfill=False, pending=record.pending[1:])
        return begun, Start((record.pending[0],))
    if record.backfill:
        begun = replace(_begun(record, record.backfill[0]), active_is_backfill=True, backfill=record.backfill[1:])
        return begun, Start((record.backfill[0],))
    return record, Rest()


def _begun(record: ScheduleRecord, at_ms: int) -> ScheduleRecord:
    return replace(record, active_ms=at_ms, active_has_run=False, last_ms=max(at_ms, record.last_ms or 0))


def waiting(record: ScheduleRecord) -> tuple[int, ...]:
    """The times that wait to be started by themselves."""
    return () if record.paused_at_ms is not None else record.pending


def _all_at_once(record: ScheduleRecord) -> Step:
    active = () if record.active_ms is None else (record.active_ms,)
    times = (*active, *waiting(record), *record.backfill)[:STARTS_AT_ONCE]
    return Start(times) if times else Rest()


def started(record: ScheduleRecord, times_ms: Iterable[int], failures: Mapping[int, str]) -> ScheduleRecord:
    """The record once the runs of these times exist, or surely never will, for `failures` says why."""
    over = {*times_ms, *failures}
    active_ms = record.active_ms
    if active_ms in failures or (record.may_overlap and active_ms in over):
        active_ms = None
    record = replace(
        record,
        pending=tuple(at_ms for at_ms in record.pending if at_ms not in over),
        backfill=tuple(at_ms for at_ms in record.backfill if at_ms not in over),
        active_ms=active_ms,
        active_has_run=active_ms is not None and (active_ms in over or record.active_has_run),
        last_ms=max([*over, record.last_ms or 0]),
    )
    if failures:
        failed_ms = max(failures)
        record = replace(record, failed_ms=failed_ms, failure=failures[failed_ms][:FAILURE_CHARACTERS])
    return record


def next_look_ms(record: ScheduleRecord, now_ms: int, sweep_ms: int) -> int:
    """When the sweep is to look at the record."""
    is_open = bool(waiting(record) or record.backfill or record.placed != record.wanted_placing)
    is_open = is_open or (record.active_ms is not None and not record.active_has_run)
    next_ms = record.next_ms
    soonest_ms = NEVER_MS if next_ms is None else max(next_ms, now_ms) + LOOK_AFTER_MS
    return min(soonest_ms, now_ms + sweep_ms) if is_open else soonest_ms
