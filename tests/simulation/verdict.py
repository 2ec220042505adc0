"""What a simulated world must have come to, once nothing happens any more: judged by tests/oracle.py."""

from __future__ import annotations

from functools import partial

from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import TaskRecord, in_epoch
from chalicelib.core.states import RunState, TaskState
from tests import oracle
from tests.simulation.invariants import SimulatedRun, must
from tests.simulation.plans import has_parts, is_flavoured
from tests.simulation.telling import check_told
from tests.simulation.world import SimulatedWorld


def check_world(world: SimulatedWorld) -> None:
    """Every run ended as it should, nothing is alive, and the dead letters are what nobody could read."""
    alive = [job.job_id for job in world.batch.alive]
    must(not alive, f"jobs {alive} are alive for ever: their run has ended, or another job of their attempt is alive")
    for queue in (world.events, world.commands):
        dead = [message.body for message in queue.dead if message.body not in world.bridge.poison]
        must(not dead, f"a message that can be read lies in the dead letters: {dead[:1]}")
        must(not queue.bodies, f"messages are left on a queue: {queue.bodies[:1]}")
    unreadable = {letter.body for letter in world.dead.letters} | {
        message.body for queue in (world.events, world.commands) for message in queue.dead
    }
    must(unreadable >= world.bridge.poison, "a message that nobody can read is not in the dead letters")
    scheduled = world.timetable.check_end() if world.timetable is not None else []
    if world.foreign is not None:
        world.foreign.check_end()
    if world.monitored is not None:
        world.monitored.check_end()
    for run in [*world.runs, *scheduled]:
        check_run(world, run)
    if not world.gate.troubles and not world.notices.deaf.failures:
        left = world.store.leases()
        must(not left, f"nothing went wrong, and the leases on {left} were never ended")


def check_run(world: SimulatedWorld, run: SimulatedRun) -> None:
    state = world.store.state_of(run.run_id)
    must(state.ended, f"run {run.number} is {state} for ever")
    stored = world.store.run(run.run_id)
    assert stored is not None, "every run of a world is started"
    if world.conditions.sweeps:
        must(stored.sweep_at_ms is None, f"run {run.number} has ended, and the sweep looks at it for ever")
    before: dict[str, str] = {}
    for number in range(stored.epoch + 1):
        state = in_epoch(stored, number).state
        before = _check_epoch(world, run, number, state, before)
    check_told(world, run, stored)


def _check_epoch(
    world: SimulatedWorld, run: SimulatedRun, number: int, state: RunState, before: dict[str, str]
) -> dict[str, str]:
    """Judge one epoch, the one before it having ended so; how its tasks ended."""
    epoch = run.epochs[number]
    what = f"run {run.number}, epoch {number},"
    endings = _endings(world, run, number)
    for index, one in enumerate(epoch.plan.tasks):
        record = world.store.task(run.run_id, number, index)
        if record is not None and record.state != endings[one.name]:
            left = _is_left_claimed(record, state) and not world.conditions.sweeps
            must(left, f"{what} {one.name} ended {endings[one.name]}, and its record is {record}")
    kept: dict[str, str] = {}
    if epoch.redrive is not None:
        kept = oracle.kept(before, epoch.plan, epoch.redrive.scope, epoch.redrive.tasks)
        earlier = run.epochs[number - 1]
        for is_made_of_it, is_another in (
            (is_flavoured, epoch.flavour != earlier.flavour),
            (has_parts, epoch.parts != earlier.parts),
        ):
            stale = [one.name for one in epoch.plan.tasks if is_another and one.name in kept and is_made_of_it(one)]
            must(not stale, f"{what} keeps {stale}, which were made with another param")
    outcome = partial(run.outcome, number)
    attempts = {
        (epoch.plan.tasks[attempt.index].name, attempt.number)
        for attempt in world.batch.of_attempt
        if attempt.run_id == run.run_id and attempt.epoch == number
    }
    right = oracle.expected(epoch.plan, outcome, kept, epoch.empty)
    due = right.attempts - epoch.fates.refused
    if state is RunState.CANCELLED and right.run != "cancelled":
        mistakes = oracle.cancelled_mistakes(epoch.plan, endings, outcome, kept, epoch.empty)
        must(not mistakes, f"{what} was cancelled, but {'; '.join(mistakes)}")
    else:
        must(endings == right.tasks, f"{what} ended {endings}, and should have {dict(right.tasks)}")
        must(state == right.run, f"{what} is {state}, and should be {right.run}")
        must(attempts == due, f"{what} tried {sorted(attempts ^ due)} too often or not at all")
    return endings


def _is_left_claimed(record: TaskRecord, state: RunState) -> bool:
    """Whether the record is a claim without a job in a cancelled run that no sweep looks at: its owner came too late
    and died before it could say so. Nothing follows from it, for the tally decides; it is only untidy."""
    return state is RunState.CANCELLED and record.state is TaskState.CLAIMED and record.job_id is None


def _endings(world: SimulatedWorld, run: SimulatedRun, number: int) -> dict[str, str]:
    found = {}
    for index, one in enumerate(run.epochs[number].plan.tasks):
        ending = world.store.ending_of(Attempt(run.run_id, number, index, 1), index)
        must(ending is not None, f"{one.name} of run {run.number}, epoch {number}, never ended")
        found[one.name] = str(ending)
    return found
