"""What the event bus hears of a run's tasks.

Owns what becomes of changes that it could not be told: the run's record remembers their shard, and what the records of
that shard tell is put on the bus later, what it has heard already among it, under the ids that it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.notice.outbox import untold_tasks
from chalicelib.core.plan.model import offset_of, shard_of
from chalicelib.core.run.bus_events import Change, task_change
from chalicelib.core.run.records import TaskRecord
from chalicelib.core.states import TaskState
from chalicelib.engine.publishing.deliver import bus_is_left_alone, remember, tell_changes
from chalicelib.engine.world.world import RunFacts, World


def change_of(
    world: World,
    facts: RunFacts,
    attempt: Attempt,
    state: TaskState,
    job_id: str | None,
    at_ms: int | None = None,
    result: JobResult | None = None,
) -> Change:
    """That the attempt's task is in this state since then; since now, where nobody knows."""
    task = facts.plan.tasks[attempt.index].name
    when_ms = at_ms or world.clock.now_ms()
    return task_change(facts.workflow, world.stage, attempt, task, state, when_ms, job_id, result)


def tell_tasks(world: World, facts: RunFacts, changes: Sequence[Change]) -> None:
    """Tell how tasks of the run changed, or remember that it is still to be told. Raises TryAgain when neither went."""
    if not tell_changes(world, changes):
        shards = {shard_of(facts.plan.index_of[change.task]) for change in changes if change.task is not None}
        remember(world, facts.run_id, untold_tasks(facts.epoch, shards))


def tell_shard(world: World, facts: RunFacts, shard: int) -> bool:
    """Tell all that the records of a shard know of its tasks' changes; whether that need not be told any more.

    Of a task that has ended by the tally its record may not say so yet: whoever could not tell of it remembers that
    before it commits the record.
    """
    if world.changes is None:
        return True
    if bus_is_left_alone(world):
        return False
    tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
    changes: list[Change] = []
    for record in world.store.tasks(facts.run_id, facts.epoch, shard):
        changes += _changes(world, facts, record, tally.ending_of(offset_of(record.attempt.index)))
    return tell_changes(world, changes)


def _changes(world: World, facts: RunFacts, record: TaskRecord, ending: TaskState | None) -> Iterator[Change]:
    """The changes of a task that its record tells of, oldest first; `ending` is how the tally says that it ended."""
    attempt = record.attempt
    for number, result in enumerate(record.past, 1):
        earlier = Attempt(attempt.run_id, attempt.epoch, attempt.index, number)
        if result.started_at_ms is not None:
            yield change_of(world, facts, earlier, TaskState.RUNNING, result.job_id, result.started_at_ms)
        yield change_of(world, facts, earlier, TaskState.WAITING, result.job_id, result.stopped_at_ms, result)
    # Of one that waits for a retry, or waited when its run was cancelled, the past tells that it ran.
    last = record.result
    started_at_ms = record.started_at_ms or (last.started_at_ms if last else None)
    if started_at_ms is not None:
        yield change_of(world, facts, attempt, TaskState.RUNNING, record.job_id, started_at_ms)
    if ending is not None and (record.job_id is not None or not record.state.ended):
        yield change_of(world, facts, attempt, ending, record.job_id, last.stopped_at_ms if last else None, last)
