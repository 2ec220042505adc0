"""Job changes: what an event of Batch does to a run.

Owns the order of section 4: decide retry or ending, tally, settle what follows, and commit the ended task's own
record last. Until that last write is there, the event's redelivery does everything again, harmlessly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.chain import fits_a_message
from chalicelib.core.ids import Attempt, job_name
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.plan.job_request import memory_of
from chalicelib.core.plan.model import mask_by_shard, offset_of, shard_of
from chalicelib.core.plan.retry import Retry, after_failure
from chalicelib.core.run.bus_events import Change
from chalicelib.core.run.commands import RetryTask, encode
from chalicelib.core.run.records import Tally, TaskRecord
from chalicelib.core.states import RunState, TaskState
from chalicelib.engine.advance.finish import finish_if_full
from chalicelib.engine.advance.settle import settle
from chalicelib.engine.advance.submit import end_second_jobs, terminate_unless_wanted
from chalicelib.engine.publishing.bus import change_of, tell_tasks
from chalicelib.engine.publishing.failures import note_failures
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import DONE, NotYet, Outcome, RunFacts, World, worst

log = logging.getLogger(__name__)


def handle_changes(world: World, changes: Sequence[JobChange]) -> list[Outcome]:
    """Handle the job changes of one batch of messages; an outcome for each.

    Endings of one run share their tally writes, and its latest change stands for all of one job. What could not be
    told for now holds nothing up: the run's record remembers it.
    """
    outcomes: list[Outcome] = [DONE] * len(changes)
    latest: dict[tuple[str, int], dict[str, JobChange]] = {}
    for change in sorted(changes, key=lambda change: change.order):
        run = (change.attempt.run_id, change.attempt.epoch)
        by_job = latest.setdefault(run, {})
        if change.status.ended and change.job_id in by_job and by_job[change.job_id].status.ended:
            telemetry.duplicates_dropped(world, [change])
        by_job[change.job_id] = change
    for (run_id, epoch), by_job in latest.items():
        outcome = _handle_run(world, run_id, epoch, list(by_job.values()))
        for place, change in enumerate(changes):
            if (change.attempt.run_id, change.attempt.epoch) == (run_id, epoch) and change.status.ended:
                outcomes[place] = outcome
    return outcomes


def _handle_run(world: World, run_id: str, epoch: int, changes: list[JobChange]) -> Outcome:
    facts = world.facts(run_id, epoch)
    if facts is None:
        log.info("ignoring events of a run that is gone", extra=telemetry.ids(run_id=run_id, epoch=epoch))
        return DONE
    known = [change for change in changes if _is_ours(facts, change)]
    if len(known) < len(changes):
        log.warning(
            "ignoring events of jobs that carry the parameters of a run of ours", extra=telemetry.ids(facts=facts)
        )
    # Endings come first: people wait for what they start.
    outcome = _end_all(world, facts, [change for change in known if change.status.ended])
    running = [_observe(world, facts, change) for change in known if not change.status.ended]
    tell_tasks(world, facts, [change for change in running if change is not None])
    return outcome


def _is_ours(facts: RunFacts, change: JobChange) -> bool:
    """Whether we submitted the job: a copy of one of our jobs has its parameters, and not its name."""
    tasks = facts.plan.tasks
    index = change.attempt.index
    return index < len(tasks) and change.job_name == job_name(change.attempt, tasks[index].name)


def _end_all(world: World, facts: RunFacts, changes: list[JobChange]) -> Outcome:
    ended: dict[int, tuple[TaskState, JobChange]] = {}
    outcomes: list[Outcome] = []
    for change in changes:
        ending = _decide(world, facts, change)
        if isinstance(ending, NotYet):
            outcomes.append(ending)
        elif ending is not None:
            ended[change.attempt.index] = (ending, change)
    if ended:
        outcomes.append(_end(world, facts, ended))
    return worst(outcomes)


def _observe(world: World, facts: RunFacts, change: JobChange) -> Change | None:
    """Record how far the job is; by this a job whose submission's answer was lost is adopted, too. What is to be told
    of it."""
    telemetry.job_running(world, facts, change)
    record = world.store.observe(change.attempt, change.job_id, change.state, change.job_tries, change.started_at_ms)
    if record is not None:
        terminate_unless_wanted(world, record, change.attempt, change.job_id)
        told = (record.attempt, record.job_id, record.state) == (change.attempt, change.job_id, TaskState.RUNNING)
        if world.changes is not None and told:
            return _change(world, facts, change, TaskState.RUNNING, record.started_at_ms)
    return None


def _decide(world: World, facts: RunFacts, change: JobChange) -> TaskState | NotYet | None:
    """How the task ends by this change; None when it does not: the attempt is over, or a retry follows.

    A success needs no look at the record. A failure counts only if it is the recorded job of the current attempt, so
    that neither a repeated event of an earlier attempt nor a second job ends or retries the task.
    """
    assert change.result is not None, "an ended change carries its result"
    if change.result.succeeded:
        return TaskState.SUCCEEDED
    attempt, index = change.attempt, change.attempt.index
    record = world.store.task(attempt.run_id, attempt.epoch, index)
    if record is None:
        return None
    if _is_over(record, attempt) or _is_handled(record):
        if change.job_id in (record.job_id, *(result.job_id for result in record.past)):
            telemetry.duplicates_dropped(world, [change])
        if change.job_id in (result.job_id for result in record.past):
            # Who ended the attempt may not have come to this.
            _tell_waiting(world, facts, change)
        return None
    if record.state.ended:
        return record.state
    if _is_second_job(record, change.job_id):
        return None
    if world.store.read_tally(attempt.run_id, attempt.epoch, shard_of(index)).halt:
        return TaskState.CANCELLED
    memory_mib = memory_of(facts.plan, attempt, params=facts.params, past=record.past)
    policy = facts.plan.tasks[index].retry
    decision = after_failure(policy, attempt, change.result, record.past, memory_mib=memory_mib)
    if not isinstance(decision, Retry):
        return TaskState.FAILED
    outcome = _arrange_retry(world, facts, change, decision, record)
    if outcome is None:
        _tell_waiting(world, facts, change)
    return outcome


def _is_over(record: TaskRecord, attempt: Attempt) -> bool:
    """Whether the attempt has ended and another one follows."""
    return record.attempt != attempt or record.state is TaskState.WAITING


def _is_second_job(record: TaskRecord, job_id: str) -> bool:
    """Whether the record names another job as its attempt's."""
    return record.job_id not in (None, job_id)


def _tell_waiting(world: World, facts: RunFacts, change: JobChange) -> None:
    """Tell the event bus that the attempt has ended and another one follows."""
    if world.changes is not None:
        at_ms = change.result.stopped_at_ms if change.result else None
        tell_tasks(world, facts, [_change(world, facts, change, TaskState.WAITING, at_ms)])


def _arrange_retry(world: World, facts: RunFacts, change: JobChange, retry: Retry, record: TaskRecord) -> NotYet | None:
    """Set the timer, then end the attempt: a crash between the two sets the timer twice, and it claims once.

    A timer longer than a message can be delayed is set by the sweep, in its last 900 seconds (control/heal.py)."""
    attempt, result = change.attempt, change.result
    assert result is not None, "an ended change carries its result"
    not_before_ms = world.clock.now_ms() + retry.after_ms
    timer = RetryTask(attempt.run_id, attempt.epoch, attempt.index, attempt.number, change.job_id, not_before_ms)
    after_seconds = -(-retry.after_ms // 1000)
    if fits_a_message(after_seconds):
        world.commands.send([encode(timer)], delay_seconds=min(after_seconds, QUEUE_DELAY_SECONDS_MAXIMUM))
    if world.store.wait_for_retry(attempt, result, not_before_ms):
        telemetry.job_ended(world, facts, change, TaskState.WAITING, record)
        return None
    return NotYet(world.settings.soon_seconds, f"the record of {attempt} changed while its retry was arranged")


def _end(world: World, facts: RunFacts, ended: dict[int, tuple[TaskState, JobChange]]) -> Outcome:
    """Tally the endings, settle what follows, tell, commit."""
    tallies: dict[int, Tally] = {}
    for shard in mask_by_shard(ended):
        tallies[shard] = _tally_shard(world, facts, shard, ended)
    if not ended:
        return DONE
    # A shard of a cancelled run starts nothing more; whoever cancels ends what never started.
    going_on = [index for index in ended if not tallies[shard_of(index)].halt]
    results = {index: change.result for index, (_, change) in ended.items() if change.result is not None}
    outcome: Outcome = DONE
    run_ending: RunState | None
    if going_on:
        outcome, run_ending = settle(world, facts, going_on, tallies, results=results)
    else:
        run_ending = finish_if_full(world, facts, tallies, results)
    failed = [index for index, (ending, _) in ended.items() if ending is TaskState.FAILED]
    note_failures(world, facts, failed, run_ending)
    if isinstance(outcome, NotYet):
        return outcome
    _tell_ended(world, facts, ended)
    for ending, change in ended.values():
        _commit(world, facts, ending, change)
    return DONE


def _tell_ended(world: World, facts: RunFacts, ended: Mapping[int, tuple[TaskState, JobChange]]) -> None:
    """Tell the event bus how tasks ended, before they are committed."""
    if world.changes is None:
        return
    told = []
    for ending, change in ended.values():
        stopped_at_ms = change.result.stopped_at_ms if change.result else None
        told.append(_change(world, facts, change, ending, stopped_at_ms))
    tell_tasks(world, facts, told)


def _change(world: World, facts: RunFacts, change: JobChange, state: TaskState, at_ms: int | None) -> Change:
    return change_of(world, facts, change.attempt, state, change.job_id, at_ms, change.result)


def _tally_shard(world: World, facts: RunFacts, shard: int, ended: dict[int, tuple[TaskState, JobChange]]) -> Tally:
    """Tally the endings that fall into a shard. Leaves in `ended` only what is still to be settled, with the ending
    that the tally holds: a repeat whose record is terminal was handled to the end."""
    mine = {index: ending for index, (ending, _) in ended.items() if shard_of(index) == shard}
    while True:
        endings: dict[TaskState, int] = {}
        for index, ending in mine.items():
            endings[ending] = endings.get(ending, 0) | 1 << offset_of(index)
        before = world.store.tally(facts.run_id, facts.epoch, shard, endings)
        if before is not None:
            break
        # Somebody ended one of these otherwise (a cancelled run, a second job); what the tally holds stands.
        now = world.store.read_tally(facts.run_id, facts.epoch, shard)
        mine = {index: now.ending_of(offset_of(index)) or ending for index, ending in mine.items()}
    for index, ending in mine.items():
        change = ended[index][1]
        if before.ended >> offset_of(index) & 1 and _handled(world, change):
            del ended[index]
        else:
            ended[index] = (ending, change)
    return before.adding(endings)


def _handled(world: World, change: JobChange) -> bool:
    attempt = change.attempt
    record = world.store.task(attempt.run_id, attempt.epoch, attempt.index)
    if record is None or not _is_handled(record):
        return False
    # Whoever committed this may have died before it ended the other job of a pair.
    if record.attempt == attempt and record.job_id not in (None, change.job_id):
        end_second_jobs(world, attempt, [record.job_id])
    else:
        telemetry.duplicates_dropped(world, [change])
    return True


def _is_handled(record: TaskRecord) -> bool:
    """Whether what follows from the record's ending was done. Only a handler of an event commits with a result; a
    submitter that finds its task ended commits without one, and knows nothing of what follows."""
    return record.state.ended and record.result is not None


def _commit(world: World, facts: RunFacts, ending: TaskState, change: JobChange) -> None:
    before = world.store.commit(change.attempt, ending, change.result)
    if before is None or before.state.ended:
        return
    if before.attempt == change.attempt:
        telemetry.job_ended(world, facts, change, ending, before)
    _end_other_of_pair(world, before, change)


def _end_other_of_pair(world: World, before: TaskRecord, change: JobChange) -> None:
    """Terminate the job that the record named: a second job of the attempt, or of a retry that began before this one of
    a pair succeeded."""
    if before.job_id not in (None, change.job_id) and before.state is not TaskState.WAITING:
        end_second_jobs(world, before.attempt, [before.job_id])
