"""What monitors do at a job's event: have a failure told, and say what its ending is counted as.

A failure is told by the digests (publishing/window.py), in scopes of a monitor and a day. Both functions are for jobs
that are recorded; engine/watch/observe.py calls them before the record is put, whose write counts the ending. What
takes time to become true, such as a job that runs for too long, is found by the looks of the sweep (monitor_looks.py).
"""

from __future__ import annotations

import logging
from functools import partial

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.monitor.failed import failed_notice
from chalicelib.core.monitor.job_times import run_ms
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.notices import day_of, days_lately, told
from chalicelib.core.monitor.run_times import step_of
from chalicelib.core.monitor.watch import definition_name
from chalicelib.core.notice.preferences import LOG_LINES
from chalicelib.core.notice.window import NAMED_MAXIMUM, Window
from chalicelib.core.run.commands import TellJobFailures
from chalicelib.core.states import JobStatus
from chalicelib.engine.publishing.deliver import publish
from chalicelib.engine.publishing.log_tail import LastLines
from chalicelib.engine.publishing.window import is_overdue, scope_of, see_to_window, tell_digest
from chalicelib.engine.world.world import Outcome, World

log = logging.getLogger(__name__)


def judge(world: World, record: JobRecord) -> None:
    """See to it that the failure of a job is told, if a monitor asks for that. Safe to repeat.

    Comes before the record is put, which is the commit: whoever dies in between leaves an event that does this again,
    and not a record that makes it look done.
    """
    if record.status is not JobStatus.FAILED:
        return
    telling = [monitor for monitor in watched_by(world, record) if monitor.reports_failure(record)]
    if not telling or _is_recorded(world, record):
        return
    now_ms = world.clock.now_ms()
    for monitor in telling:
        command = partial(TellJobFailures, monitor.name, monitor.failed_since_ms, day_of(record.created_at_ms))
        # With all that a notice says of it: the record may not be there yet when the failure is told.
        world.store.add_member(scope_of(command), record.job_id, now_ms, told(record))
        see_to_window(world, command, record.job_id)


def _is_recorded(world: World, record: JobRecord) -> bool:
    """Whether this repeats what was recorded, so that all was done for it. It would open a window for nothing, and let
    the next failure wait for longer."""
    known = world.store.job(record.job_id)
    return known is not None and known.order >= record.order


def counted(world: World, record: JobRecord) -> Counted | None:
    """What a job's ending is counted as for the rates, the times of day and the run times of monitors; None when it has
    not ended, or no monitor counts it.

    The store counts it in the write that puts the record, or not at all: so each ending is counted once, whoever dies
    when and however often its event comes.
    """
    if not record.status.ended:
        return None
    watching = watched_by(world, record)
    under = tuple(monitor.counts_under for monitor in watching if monitor.counts(record))
    wants_time = any(one.running_longer and one.running_longer.than_p95_times is not None for one in watching)
    ran_ms = run_ms(record) if wants_time else None
    run_time = None if ran_ms is None else (definition_name(record.definition), step_of(ran_ms))
    if not under and run_time is None:
        return None
    at_ms = min(record.stopped_at_ms or record.seen_at_ms, world.clock.now_ms())
    return Counted(at_ms, record.status is JobStatus.SUCCEEDED, under, run_time)


def tell_job_failures(world: World, command: TellJobFailures) -> Outcome:
    """Tell the failures that were gathered in a monitor's scope."""
    # One that was deleted meanwhile still tells what it saw.
    monitor = next((one for one in world.monitors() if one.name == command.monitor), Monitor(name=command.monitor))
    members: list[str] = []

    def count() -> int:
        members[:] = world.store.members(command.scope)
        return len(members)

    def tell(window: Window, number: int) -> None:
        new, old = members[window.told_count :], members[: window.told_count]
        named = [window.opener, *(one for one in (*new, *old) if one != window.opener)][:NAMED_MAXIMUM]
        jobs = world.store.told_members(command.scope, named)
        if jobs:
            jobs[0] = LastLines(world, LOG_LINES).looked_up(jobs[0])
        now_ms = world.clock.now_ms()
        publish(world, failed_notice(monitor, world.stage, command, number, window.told_count, jobs, now_ms))

    return tell_digest(world, command, count, tell)


def tell_left(world: World, monitor: Monitor) -> None:
    """Make up for commands that were lost: tell the failures of the last days whose time is long over. Raises TryAgain.

    Those of jobs that had run for longer are told with the next failure of a job of the same day.
    """
    now_ms = world.clock.now_ms()
    for day in days_lately(now_ms):
        command = partial(TellJobFailures, monitor.name, monitor.failed_since_ms, day)
        scope = scope_of(command)
        window = world.store.window(scope)
        if window is None or window.is_settled or not is_overdue(window, now_ms):
            continue
        log.warning("nobody told the failures of %s in time; they are told now", scope)
        tell_job_failures(world, command(window.number, window.closes_ms))


def watched_by(world: World, record: JobRecord) -> list[Monitor]:
    """The monitors that a job is watched by."""
    return [monitor for monitor in world.monitors() if monitor.watches(record)]
