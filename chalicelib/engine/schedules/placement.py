"""Bringing a workflow's schedules to their records and to EventBridge Scheduler, when it is pushed or deleted.

The record comes first: a message of the old schedule that is still on its way meets it. Each step is harmless when
repeated, so a push that was cut short is mended by pushing again, and what the record knows to be missing by the sweep.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.errors import SchedulesNotPlaced, TryAgain, UserMistake
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import with_revisions
from chalicelib.core.plan.stage_values import at_stage
from chalicelib.core.run.commands import ScheduleNext, encode
from chalicelib.core.run.records import WorkflowVersion
from chalicelib.core.schedule.decisions import ActiveRun, ScheduleRecord, adopted
from chalicelib.core.schedule.model import Schedule, schedules_of
from chalicelib.engine.schedules.due_times import active_run, write
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import World

_TRIES = 12


def push_workflow(
    world: World,
    name: str,
    definition: Mapping[str, Any],
    plan: Plan,
    *,
    after: int | None = None,
    revisions: Collection[str] = (),
    keep_schedules: bool = False,
) -> WorkflowVersion:
    """Push a workflow (`after` as the store says) and bring its schedules to where they are fired from.

    Its tasks submit these `revisions` of the job definitions that they name. `keep_schedules` leaves the schedules as
    they were before. Raises UserMistake for a wrong revision, and if the stage has no value for a `${stage...}` of the
    plan. Raises SchedulesNotPlaced if the workflow is pushed and some of its schedules are not: then pushing the same
    again goes on.
    """
    plan = with_revisions(at_stage(plan, world.stage_values), revisions)
    version = world.store.push(name, definition, plan, world.clock.now_ms(), after=after)
    if keep_schedules:
        return version
    try:
        place_schedules(world, name)
    except TryAgain as failure:
        raise SchedulesNotPlaced(
            f"workflow '{name}' is pushed as version {version.version}, but {failure}; the sweep tries again what it "
            "knows of, and pushing it again tries all"
        ) from failure
    return version


def place_schedules(world: World, workflow: str) -> None:
    """Make the schedules what the latest version of the workflow says, also when there is none any more. One that is
    refused keeps no other from its place. Raises TryAgain, SchedulesNotPlaced with the name and reason of each that is
    not where it belongs."""
    for _ in range(_TRIES):
        latest = world.store.workflow(workflow)
        wanted = schedules_of(latest.definition) if latest else {}
        version = latest.version if latest else 0
        names = {*wanted, *(record.name for record in world.store.schedules(workflow))}
        failures = _bring(world, workflow, {name: (wanted.get(name), version) for name in sorted(names)})
        now = world.store.workflow(workflow)
        if (now.version if now else 0) == version:
            _check(failures)
            return
    raise TryAgain(f"others push workflow '{workflow}' all the time")


def remove_schedules(world: World, workflow: str) -> None:
    """Let a workflow that is about to be deleted have no schedules. Raises TryAgain, SchedulesNotPlaced as above."""
    _check(_bring(world, workflow, {record.name: (None, record.version) for record in world.store.schedules(workflow)}))


def _check(failures: Mapping[str, str]) -> None:
    if failures:
        told = "; ".join(f"schedule '{name}': {failure}" for name, failure in sorted(failures.items()))
        raise SchedulesNotPlaced(f"not all of its schedules are at EventBridge Scheduler as they should be: {told}")


def _bring(world: World, workflow: str, wanted: Mapping[str, tuple[Schedule | None, int]]) -> dict[str, str]:
    """Bring schedules (each of a version) to their records, and then to EventBridge Scheduler; why not, by name, where
    that went wrong."""
    failures: dict[str, str] = {}
    written: list[ScheduleRecord] = []
    # All records come first: what they tell to be missing, the sweep brings, whoever dies or is refused below.
    for name, (schedule, version) in wanted.items():
        try:
            record = _adopt(world, workflow, name, schedule, version)
        except TryAgain as failure:
            failures[name] = str(failure)
        else:
            written += [record] if record is not None else []
    # What goes leaves room for what comes, where the number is limited.
    for record in sorted(written, key=lambda one: one.schedule is not None):
        try:
            _place(world, record)
        except (TryAgain, UserMistake) as failure:
            failures[record.name] = str(failure)
    return failures


def _adopt(world: World, workflow: str, name: str, schedule: Schedule | None, version: int) -> ScheduleRecord | None:
    """Bring one schedule to its record; None when there is nothing to remember."""
    for _ in range(_TRIES):
        record = world.store.schedule(workflow, name)
        going = record is not None and active_run(world, record)[1] is ActiveRun.GOING
        # What was deleted has no version: it goes whatever version it was of.
        after = adopted(
            record,
            (workflow, name),
            schedule,
            version or (record.version if record else 0),
            world.clock.now_ms(),
            going,
        )
        if after is None:
            return None
        written = write(world, record, after)
        if written is not None:
            telemetry.decided(world, record, written)
            return written
    raise TryAgain(f"schedule '{name}' of '{workflow}' is busy")


def replace_lost(world: World, workflow: str, name: str) -> None:
    """Bring a schedule to EventBridge Scheduler whose record says that it is not there. Raises TryAgain, and
    UserMistake when it is refused."""
    record = world.store.schedule(workflow, name)
    if record is not None and record.placed != record.wanted_placing:
        _place(world, record)


def _place(world: World, record: ScheduleRecord) -> None:
    """Put there what the record says; again, if the record is another one afterwards."""
    for _ in range(_TRIES):
        wanted = record.wanted_placing
        if record.schedule is not None and wanted:
            world.scheduler.place(record, record.schedule, world.clock.now_ms())
        else:
            world.scheduler.remove(record.workflow, record.name)
        now = world.store.schedule(record.workflow, record.name)
        assert now is not None, "records of schedules are never deleted"
        if now.wanted_placing == wanted and write(world, now, replace(now, placed=wanted)) is not None:
            if now.next_ms is not None and now.next_ms <= world.clock.now_ms():
                # It came to be in a push that was cut short, and nobody told of the times since.
                world.commands.send([encode(ScheduleNext(now.workflow, now.name))])
            return
        record = now
    raise TryAgain(f"schedule '{record.name}' of '{record.workflow}' is busy")
