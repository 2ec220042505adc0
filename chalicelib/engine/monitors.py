"""What monitors do at a job's event: have a failure told, and count the ending.

A failure is told by the digests (digest.py), in scopes of a monitor and a day. Both functions are for jobs that are
recorded; engine/observe.py calls them, each at its place in the order of the writes. What takes time to become true,
such as a job that runs for too long, is found by the looks of the sweep (monitor_looks.py).
"""

from __future__ import annotations

from chalicelib.core.commands import TellDigest
from chalicelib.core.digests import NAMED_MAXIMUM, Window
from chalicelib.core.jobrecord import JobRecord
from chalicelib.core.monitoring import Monitor, bucket_ms, definition_name, run_ms
from chalicelib.core.monitornotices import failed_notice, monitor_of_scope, scope_of
from chalicelib.core.notify import LOG_LINES
from chalicelib.core.runtimes import step_of
from chalicelib.core.states import JobStatus
from chalicelib.engine.digest import see_to_window, tell_digest
from chalicelib.engine.lastlines import LastLines
from chalicelib.engine.tell import publish
from chalicelib.engine.world import Outcome, World


def judge(world: World, record: JobRecord) -> None:
    """See to it that the failure of a job is told, if a monitor asks for that. Safe to repeat.

    Comes before the record is put, which is the commit: whoever dies in between leaves an event that does this again,
    and not a record that makes it look done.
    """
    if record.status is not JobStatus.FAILED:
        return
    for monitor in watched_by(world, record):
        if monitor.tells_failure(record):
            scope = scope_of(monitor.name, record)
            world.store.add_member(scope, record.job_id, record.seen_at_ms)
            see_to_window(world, scope, record.job_id)


def count(world: World, record: JobRecord) -> None:
    """Count the ending of a job for the rates, the times of day and the run times of monitors.

    Comes after its record was put, by whoever put it, so that no ending counts twice. Whoever dies in between leaves an
    ending that is not counted.
    """
    if not record.status.ended:
        return
    ended_at_ms = min(record.stopped_at_ms or record.seen_at_ms, world.clock.now_ms())
    wants_time = False
    for monitor in watched_by(world, record):
        if monitor.counts(record):
            succeeded = record.status is JobStatus.SUCCEEDED
            world.store.count_ending(monitor.counts_under, bucket_ms(ended_at_ms), succeeded=succeeded)
        wants_time |= monitor.running_longer is not None and monitor.running_longer.than_p95_times is not None
    ran_ms = run_ms(record)
    if wants_time and ran_ms is not None:
        world.store.count_run_time(definition_name(record.definition), ended_at_ms, step_of(ran_ms))


def tell_failures(world: World, command: TellDigest) -> Outcome:
    """Tell the failures that were gathered in a monitor's scope."""
    name = monitor_of_scope(command.scope) or ""
    # One that was deleted meanwhile still tells what it saw.
    monitor = next((one for one in world.monitors() if one.name == name), Monitor(name))
    members: list[str] = []

    def counted() -> int:
        members[:] = world.store.members(command.scope)
        return len(members)

    def tell(window: Window, number: int) -> None:
        new, old = members[window.told_count :], members[: window.told_count]
        named = [window.opener, *(one for one in (*new, *old) if one != window.opener)][:NAMED_MAXIMUM]
        jobs = [job for job in map(world.store.job, named) if job is not None]
        lines = LastLines(world, LOG_LINES).of(jobs[0].log_stream) if jobs else ()
        now_ms = world.clock.now_ms()
        publish(
            world,
            failed_notice(monitor, world.stage, command.scope, number, window.told_count, jobs, now_ms, lines),
        )

    return tell_digest(world, command, counted, tell)


def watched_by(world: World, record: JobRecord) -> list[Monitor]:
    """The monitors that a job is watched by."""
    return [monitor for monitor in world.monitors() if monitor.watches(record)]
