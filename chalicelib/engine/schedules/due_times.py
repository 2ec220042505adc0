"""Attending to a schedule: whoever hears of one of its times, or that its run has ended, looks what is due.

Owns the order of writes. What is due and what follows is decided in core/schedule/decisions.py; the decision is written
first, on the condition that nobody else decided meanwhile, and acted on afterwards, so that whoever comes next goes on
where somebody died. A run's id follows from the schedule and the time, so starting it twice is starting it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice, takewhile

from chalicelib.core.errors import TryAgain, UnknownSchedule, UserMistake
from chalicelib.core.run.commands import ScheduleNext, encode
from chalicelib.core.run.records import Run
from chalicelib.core.schedule.decisions import (
    BACKFILL_MAXIMUM,
    ActiveRun,
    CancelActive,
    Rest,
    ScheduleRecord,
    Start,
    backfilled,
    due,
    next_look_ms,
    next_step,
    paused,
    resumed,
    started,
    waiting,
)
from chalicelib.core.schedule.model import MINUTE_MS, iso_time
from chalicelib.core.states import RunState
from chalicelib.core.suggest import Names
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.start import start_scheduled
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import DONE, Outcome, World

_LOOKS = 12
"""How often one invocation looks at a record: each look but the last starts something or lost against another."""
_ATTEND_SECONDS = 15
"""After so long an invocation leaves the rest to a command. Ten runs take up to five seconds to start."""
Change = Callable[[ScheduleRecord, int, bool], ScheduleRecord]
"""A change of a record, by what it is now, the time, and whether the run of the active time goes on."""


def attend(world: World, workflow: str, name: str, *, told_ms: int | None = None) -> Outcome:
    """Decide what is due of a schedule, and start, cancel or wait as it says. Safe to repeat.

    `told_ms` is the time that this was heard of: a clock that is a little behind must not keep it from being due.
    """
    until_ms = world.clock.now_ms() + _ATTEND_SECONDS * 1000
    for look in range(_LOOKS):
        if look and world.clock.now_ms() >= until_ms:
            break
        record = world.store.schedule(workflow, name)
        if record is None or record.schedule is None:
            if record is not None:
                write(world, record, record)
            return DONE
        run, active = active_run(world, record)
        now_ms = world.clock.now_ms()
        horizon_ms = now_ms if told_ms is None else max(now_ms, min(told_ms, now_ms + MINUTE_MS))
        decided, step = next_step(due(record, horizon_ms, active is ActiveRun.GOING), active)
        written = write(world, record, decided)
        if written is None:
            continue
        telemetry.decided(world, record, written)
        match step:
            case Start():
                if _start(world, written, step.times_ms):
                    return DONE
            case CancelActive() if run is not None and run.state is not RunState.CANCELLING:
                # Where it has ended meanwhile, nobody else may come to start the next one.
                if request_cancel(world, run.run_id, f"a later time of schedule '{name}' came", epoch=run.epoch):
                    return DONE
            case CancelActive() | Rest():
                # Whoever told that the active run has ended may have looked before this was written.
                if written is record or not waiting(written):
                    return DONE
    world.commands.send([encode(ScheduleNext(workflow, name))])
    return DONE


def active_run(world: World, record: ScheduleRecord) -> tuple[Run | None, ActiveRun]:
    """The run of the record's active time, read consistently."""
    if record.active_ms is None:
        return None, ActiveRun.NONE
    run = world.store.run(record.run_id(world.stage, record.active_ms)) if record.active_has_run else None
    if run is None:
        return None, ActiveRun.NOT_STARTED
    # What somebody redrives is theirs: for the schedule the run ended with the epoch that it started.
    ended = run.state.ended or run.epoch > 0
    return run, ActiveRun.ENDED if ended else ActiveRun.GOING


def write(world: World, before: ScheduleRecord | None, after: ScheduleRecord) -> ScheduleRecord | None:
    """Write a record in place of another, or the first one, and when the sweep is to look at it. Returns what is there
    now, `before` if nothing had to be written; None when somebody else wrote meanwhile."""
    now_ms = world.clock.now_ms()
    if before is not None and after == before and before.sweep_at_ms > now_ms:
        return before
    revision = 1 if before is None else before.revision + 1
    sweep_at_ms = next_look_ms(after, now_ms, world.settings.sweep_seconds * 1000)
    after = replace(after, revision=revision, sweep_at_ms=sweep_at_ms)
    return after if world.store.put_schedule(after) else None


def _start(world: World, record: ScheduleRecord, times_ms: tuple[int, ...]) -> bool:
    """Start the runs of these times; whether that was all for now."""
    assert record.schedule is not None, "a removed schedule starts nothing"
    failures: dict[int, str] = {}
    for at_ms in times_ms:
        try:
            start_scheduled(world, record, record.schedule, at_ms)
        except UserMistake as mistake:
            failures[at_ms] = str(mistake)
    after = write(world, record, started(record, times_ms, failures))
    if after is None:
        return False
    telemetry.starts_failed(world, after, failures)
    # Of runs that may not overlap, one that ended at once, or was there before and has ended, leaves room for the next.
    return not (waiting(after) or after.backfill)


def pause_schedule(world: World, workflow: str, name: str) -> ScheduleRecord:
    """Let a schedule start nothing by itself. Raises UnknownSchedule."""
    return change(world, workflow, name, paused)


def resume_schedule(world: World, workflow: str, name: str) -> ScheduleRecord:
    """Let a schedule go on; what it missed meanwhile is caught up as it says. Raises UnknownSchedule."""
    record = change(world, workflow, name, resumed)
    world.commands.send([encode(ScheduleNext(workflow, name))])
    return record


def backfill(
    world: World, workflow: str, name: str, from_ms: int, to_ms: int, *, dry_run: bool
) -> tuple[ScheduleRecord, list[int]]:
    """Have the runs of a schedule's times started from one moment to another (inclusive, and not after now), each once:
    times that had a run keep it. The record and the times. Raises UnknownSchedule, and UserMistake when they are too
    many or the schedule is not enabled."""
    record = known_schedule(world, workflow, name)
    if record.times is None:
        raise UserMistake(f"schedule '{name}' of '{workflow}' is not enabled, so it has no times")
    last_ms = min(to_ms, world.clock.now_ms())
    within = takewhile(lambda at_ms: at_ms <= last_ms, record.times.after(from_ms - 1))
    times_ms = list(islice(within, BACKFILL_MAXIMUM + 1))
    if len(times_ms) > BACKFILL_MAXIMUM:
        raise UserMistake(
            f"schedule '{name}' has more than {BACKFILL_MAXIMUM:,} times from {iso_time(from_ms)} to "
            f"{iso_time(last_ms)}; take a shorter range"
        )
    if dry_run or not times_ms:
        return record, times_ms

    def wanted(record: ScheduleRecord, now_ms: int, is_going: bool) -> ScheduleRecord:
        after = backfilled(record, times_ms)
        if len(after.backfill) > BACKFILL_MAXIMUM:
            raise UserMistake(
                f"{len(record.backfill):,} times of schedule '{name}' wait already, and {BACKFILL_MAXIMUM:,} may; "
                "wait until they have run"
            )
        return after

    record = change(world, workflow, name, wanted)
    world.commands.send([encode(ScheduleNext(workflow, name))])
    return record, times_ms


def change(world: World, workflow: str, name: str, make: Change) -> ScheduleRecord:
    """Change a schedule's record, whatever else happens to it meanwhile; what it is then."""
    for _ in range(_LOOKS):
        record = known_schedule(world, workflow, name)
        _, active = active_run(world, record)
        after = make(record, world.clock.now_ms(), active is ActiveRun.GOING)
        written = write(world, record, after)
        if written is not None:
            telemetry.decided(world, record, written)
            return written
    raise TryAgain(f"schedule '{name}' of '{workflow}' is busy")


def known_schedule(world: World, workflow: str, name: str) -> ScheduleRecord:
    """The record of a schedule. Raises UnknownSchedule with the nearest name."""
    record = world.store.schedule(workflow, name)
    if record is not None and record.schedule is not None:
        return record
    if world.store.workflow(workflow) is None:
        raise UnknownSchedule(f"no workflow '{workflow}' was pushed, so it has no schedule '{name}'")
    names = [one.name for one in world.store.schedules(workflow) if one.schedule is not None]
    hint = Names(names).suggestion(name) or (f"it has {', '.join(names)}" if names else "it has none")
    raise UnknownSchedule(f"workflow '{workflow}' has no schedule '{name}'; {hint}")
