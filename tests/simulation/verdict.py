"""What a simulated world must have come to, once nothing happens any more: judged by tests/oracle.py."""

from __future__ import annotations

from chalicelib.core.records import TaskRecord
from chalicelib.core.states import RunState, TaskState
from tests import oracle
from tests.simulation.invariants import SimulatedRun, must
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
    told = {notice.notice_id for notice in world.notices.published}
    for run in world.runs:
        check_run(world, run, told)


def check_run(world: SimulatedWorld, run: SimulatedRun, told: set[str]) -> None:
    state = world.store.state_of(run.run_id)
    must(state.ended, f"run {run.number} is {state} for ever")
    right = f"{run.run_id}/{world.store.epoch_of(run.run_id)}/{state}"
    ids = {notice_id for notice_id in told if notice_id.startswith(f"{run.run_id}/")}
    must(ids == {right}, f"run {run.number} is {state}, and what was told is {sorted(ids)}")
    endings = _endings(world, run)
    for index, one in enumerate(run.plan.tasks):
        record = world.store.task(run.run_id, world.store.epoch_of(run.run_id), index)
        if record is not None and record.state != endings[one.name]:
            must(_is_left_claimed(record, state), f"{one.name} ended {endings[one.name]}, and its record is {record}")
    if state is RunState.CANCELLED:
        mistakes = oracle.cancelled_mistakes(run.plan, endings, run.fates.succeeds)
        must(not mistakes, f"run {run.number} was cancelled, but {'; '.join(mistakes)}")
    else:
        _check_as_expected(world, run, state, endings)


def _is_left_claimed(record: TaskRecord, state: RunState) -> bool:
    """Whether the record is a claim without a job in a cancelled run: its owner came too late and died before it could
    say so. Nothing follows from it, for the tally decides; it is only untidy."""
    return state is RunState.CANCELLED and record.state is TaskState.CLAIMED and record.job_id is None


def _check_as_expected(world: SimulatedWorld, run: SimulatedRun, state: RunState, endings: dict[str, str]) -> None:
    right = oracle.expected(run.plan, run.fates.succeeds)
    must(endings == right.tasks, f"run {run.number} ended {endings}, and should have {dict(right.tasks)}")
    must(state == right.run, f"run {run.number} is {state}, and should be {right.run}")
    tried = {
        (run.plan.tasks[attempt.index].name, attempt.number)
        for attempt in world.batch.of_attempt
        if attempt.run_id == run.run_id
    }
    due = right.attempts - run.fates.refused
    must(tried == due, f"run {run.number} tried {sorted(tried ^ due)} too often or not at all")


def _endings(world: SimulatedWorld, run: SimulatedRun) -> dict[str, str]:
    found = {}
    for index, one in enumerate(run.plan.tasks):
        ending = world.store.ending(run.run_id, index)
        must(ending is not None, f"{one.name} of run {run.number} never ended")
        found[one.name] = str(ending)
    return found
