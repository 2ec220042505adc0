"""Healing a run: whatever should have happened to its tasks by now is made to happen.

Owns the comparison of a shard's tally, its records and what Batch tells, for whoever resumes or redrives a run and
for the sweep. It decides nothing anew: what it finds goes through the handlers that a message would have reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_event import read_job
from chalicelib.core.batch.result import JobResult
from chalicelib.core.chain import TIMER_SECONDS_MAXIMUM
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import is_refused_job_id, job_name
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.plan.model import indexes_in, offset_of
from chalicelib.core.run.advance import is_full
from chalicelib.core.run.commands import HealRun, RetryTask, SubmitTasks, encode, in_chunks
from chalicelib.core.run.records import Run, Tally, TaskRecord
from chalicelib.core.run.silence import is_silent
from chalicelib.core.states import JobStatus, RunState, TaskState
from chalicelib.core.telemetry.metrics import SweepFind
from chalicelib.engine.advance.finish import finish_if_full
from chalicelib.engine.advance.job_events import handle_changes
from chalicelib.engine.advance.settle import settle
from chalicelib.engine.advance.submit import end_second_jobs
from chalicelib.engine.control.redrive import prepare
from chalicelib.engine.publishing.bus import change_of, tell_tasks
from chalicelib.engine.publishing.failures import to_be_told
from chalicelib.engine.publishing.outbox import tell_or_leave, tell_untold
from chalicelib.engine.publishing.overdue import Overdue
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import DONE, NotYet, Outcome, RunFacts, World, worst

UNKNOWN_REASON = "AWS Batch does not know the job any more, and how it ended was never told"
REFUSED_REASON = "AWS Batch refused the submission"
_ON_ITS_WAY_MS = 10_000
_DELAY_MS = QUEUE_DELAY_SECONDS_MAXIMUM * 1000
_SURELY_SHORT_MS = TIMER_SECONDS_MAXIMUM * 1000 - 10_000
"""A wait that was no longer than this has its timer, although Batch's clock and ours differ by seconds."""


@dataclass
class _Found:
    """What a shard's open records ask for. `ended` are those whose ending the tally holds already, `to_time` those
    that wait for a retry whose timer fits into a message from now on."""

    recorded: int = 0
    ended: list[TaskRecord] = field(default_factory=list)
    to_submit: list[TaskRecord] = field(default_factory=list)
    to_time: list[TaskRecord] = field(default_factory=list)
    to_describe: list[TaskRecord] = field(default_factory=list)
    claimed: list[NotYet] = field(default_factory=list)


@dataclass(slots=True)
class Look:
    """A sweep's look at a run, shard by shard: when the one before it and this one began, and whether anything was
    claimed since; which tasks had failed, by epoch and shard, and which jobs are overdue. `is_whole`: it goes through
    all shards."""

    before_ms: int
    began_ms: int
    overdue: Overdue
    is_whole: bool = True
    busy: bool = False
    failed: dict[int, dict[int, int]] = field(default_factory=dict)


def heal_run(world: World, command: HealRun) -> Outcome:
    """Bring a run that was paused, resumed or redriven to where its record says it is, and tell what its record says
    is still to be told. Raises NotTold when it has ended and not all of that could be."""
    run = world.store.run(command.run_id)
    if run is None or run.epoch != command.epoch:
        return DONE
    if run.state in (RunState.RUNNING, RunState.PAUSED):
        facts = prepare(world, run)
        outcomes = [heal_shard(world, run, facts, shard) for shard in range(facts.plan.shard_count)]
        tell_or_leave(world, run)
        finish_if_over(world, facts)
        return worst(outcomes)
    if run.state.ended:
        tell_untold(world, run)
    return DONE


def heal_shard(world: World, run: Run, facts: RunFacts, shard: int, look: Look | None = None) -> Outcome:
    """Heal one shard. As part of a sweep's look, Batch is asked about its silent jobs, too.

    `NotYet` while a claim is open whose owner may live. Safe to repeat, and beside itself.
    """
    tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
    if tally.pace < run.switches:
        # Before the claims are looked at, and the endings read: who claims later, or leaves what an ending made ready
        # unclaimed, finds the new pace.
        world.store.set_pace(facts.run_id, facts.epoch, shard, run.switches)
        tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
    if look is not None:
        look.failed.setdefault(facts.epoch, {})[shard] = to_be_told(facts, shard, tally)
    if is_full(facts.plan, shard, tally) and not run.state.ended:
        # What is left open of its records waits for the last look, at the ended run.
        return DONE
    # While tasks of the shards before are being started, those of this one may wait in the commands queue, where a
    # large fan-out lies for longer than from one sweep to the next: they are lost only if nothing moves.
    may_wait = look is not None and look.busy
    found = _look(world, facts, shard, tally, look)
    outcomes: list[Outcome] = list(found.claimed)
    if found.ended:
        outcomes.append(_end_open(world, facts, tally, found.ended))
    if found.to_describe:
        outcomes.append(_ask_batch(world, facts, found.to_describe))
    _submit(world, facts, found.to_submit)
    _set_timers(world, facts, found.to_time)
    if look is not None:
        timers = sum(map(_waits, found.to_submit))
        telemetry.swept_up(world, facts, SweepFind.LOST_TIMER, timers)
        telemetry.swept_up(world, facts, SweepFind.DEAD_CLAIM, len(found.to_submit) - timers)
        telemetry.swept_up(world, facts, SweepFind.OPEN_RECORD, len(found.ended))
    if not tally.halt and not tally.paused and not may_wait:
        everyone = (1 << facts.plan.shard_size(shard)) - 1
        untouched = indexes_in(shard, everyone & ~found.recorded & ~tally.ended)
        if untouched:
            unstarted = partial(telemetry.swept_up, world, facts, SweepFind.UNSTARTED_TASK)
            tell: Callable[[int], None] = unstarted if look is not None else lambda count: None
            outcomes.append(settle(world, facts, (), {shard: tally}, untouched, found=tell).outcome)
    if run.state.ended and (found.ended or found.to_submit):
        outcomes.append(NotYet(world.settings.sweep_seconds, f"records of shard {shard} were still open"))
    return worst(outcomes)


def finish_if_over(world: World, facts: RunFacts) -> None:
    """End the run if every shard is full: whoever filled the last one may have died before."""
    finish_if_full(world, facts, {0: world.store.read_tally(facts.run_id, facts.epoch, 0)})


def _look(world: World, facts: RunFacts, shard: int, tally: Tally, look: Look | None) -> _Found:
    """Sort the shard's open records by what they ask for."""
    found = _Found()
    now_ms, quiet_ms = world.clock.now_ms(), world.settings.quiet_seconds * 1000
    idle = tally.halt or tally.paused
    for record in world.store.tasks(facts.run_id, facts.epoch, shard):
        bit = 1 << offset_of(record.attempt.index)
        found.recorded |= bit
        if look and (record.claimed_at_ms or 0) >= look.before_ms:
            look.busy = True
        if record.state.ended:
            continue
        ended = bool(tally.ended & bit)
        if look and not ended and not tally.halt:
            look.overdue.note(record, tally)
        if record.state is TaskState.CLAIMED:
            assert record.claim is not None, "a claimed record carries its claim"
            left_seconds = record.claim.seconds_left(now_ms)
            if left_seconds > 0:
                found.claimed.append(NotYet(left_seconds, f"task {record.attempt.index} is claimed"))
            elif ended or not idle:
                found.to_submit.append(record)
        elif look and ended:
            found.ended.append(record)
        elif record.state is TaskState.WAITING:
            retry_at_ms = record.retry_at_ms or 0
            # To a sweep, a timer that has just become due is still on its way.
            if not ended and not idle and retry_at_ms <= now_ms - (_ON_ITS_WAY_MS if look else 0):
                found.to_submit.append(record)
            elif look and not ended and not tally.halt and _wants_timer(record, retry_at_ms, look):
                found.to_time.append(record)
        elif look and (
            record.missing_since_ms is not None
            or _was_refused_before(record, look)
            or is_silent(record.started_at_ms or record.claimed_at_ms or 0, look.before_ms, now_ms, quiet_ms)
        ):
            found.to_describe.append(record)
    return found


def _was_refused_before(record: TaskRecord, look: Look) -> bool:
    """Whether Batch refused the submission before the last look. Its stand-in id is all that is known of it."""
    return is_refused_job_id(record.job_id) and (record.claimed_at_ms or 0) < look.before_ms


def _submit(world: World, facts: RunFacts, records: Sequence[TaskRecord]) -> None:
    """Hand attempts that were due on to the commands queue: those that nobody claimed for a retry, and claims whose
    owners are dead."""
    first = [record.attempt.index for record in records if record.attempt.number == 1 and not _waits(record)]
    commands: list[SubmitTasks | RetryTask] = list(
        in_chunks(facts.run_id, facts.epoch, first, world.settings.chunk_size)
    )
    commands += [_retry(facts, record) for record in records if _waits(record) or record.attempt.number > 1]
    if commands:
        world.commands.send([encode(command) for command in commands])


def _set_timers(world: World, facts: RunFacts, records: Sequence[TaskRecord]) -> None:
    """Set the timers of retries that come within the delay of a message."""
    now_ms = world.clock.now_ms()
    timers = []
    for record in records:
        left_seconds = -(-((record.retry_at_ms or 0) - now_ms) // 1000)
        timers.append((encode(_retry(facts, record)), min(max(0, left_seconds), QUEUE_DELAY_SECONDS_MAXIMUM)))
    if timers:
        world.commands.send_timers(timers)


def _retry(facts: RunFacts, record: TaskRecord) -> RetryTask:
    """The command to submit a task's next attempt, or the attempt that somebody claimed and never submitted."""
    attempt = record.attempt
    if _waits(record):
        failed_number, failed_job_id = attempt.number, record.job_id
    else:
        failed_number, failed_job_id = attempt.number - 1, record.past[-1].job_id
    assert failed_job_id is not None, "an attempt that ended had a job, or a stand-in for one"
    return RetryTask(facts.run_id, facts.epoch, attempt.index, failed_number, failed_job_id, record.retry_at_ms or 0)


def _wants_timer(record: TaskRecord, retry_at_ms: int, look: Look) -> bool:
    """Whether this look sets a waiting task's timer: it fits into a message now, and did not at the look before."""
    fits_now = look.before_ms + _DELAY_MS < retry_at_ms <= look.began_ms + _DELAY_MS
    return fits_now and _waits_long(record, retry_at_ms)


def _waits_long(record: TaskRecord, retry_at_ms: int) -> bool:
    """Whether a wait was too long for a message from the beginning. A shorter one has its timer."""
    stopped_at_ms = record.past[-1].stopped_at_ms if record.past else None
    began_ms = stopped_at_ms or record.claimed_at_ms or 0
    return retry_at_ms - began_ms > _SURELY_SHORT_MS


def _waits(record: TaskRecord) -> bool:
    return record.state is TaskState.WAITING


def _end_open(world: World, facts: RunFacts, tally: Tally, records: Sequence[TaskRecord]) -> Outcome:
    """Make the records of tasks terminal whose endings the tally holds: who tallied them never came to it."""
    details = _described(world, [record for record in records if not _waits(record)])
    changes: list[JobChange] = []
    outcomes: list[Outcome] = []
    for record in records:
        detail = details.get(record.job_id or "")
        change = _change_in(detail)
        if change and change.status.ended:
            changes.append(change)
        elif change:
            # Another job ended the task, so this one is a second.
            end_second_jobs(world, record.attempt, [change.job_id])
        else:
            ending = tally.ending_of(offset_of(record.attempt.index))
            assert ending is not None, "these ended"
            _commit(world, facts, record, ending)
    outcomes += handle_changes(world, changes)
    return worst(outcomes)


def _change_in(detail: Mapping[str, Any] | None) -> JobChange | None:
    """What DescribeJobs' answer says of a job of ours; None if Batch does not know it."""
    job = None if detail is None else read_job(detail)
    return None if job is None else job.change()


def _commit(world: World, facts: RunFacts, record: TaskRecord, ending: TaskState) -> None:
    """Commit a record whose job nobody can ask about any more."""
    if world.changes is not None and record.job_id is not None:
        tell_tasks(world, facts, [change_of(world, facts, record.attempt, ending, record.job_id)])
    world.store.commit(record.attempt, ending, None)


def _ask_batch(world: World, facts: RunFacts, records: Sequence[TaskRecord]) -> Outcome:
    """Feed what Batch tells of jobs that nothing was heard of to the handler that their events would have reached."""
    details = _described(world, records)
    now_ms = world.clock.now_ms()
    changes: list[JobChange] = []
    for record in records:
        job_id = record.job_id
        assert job_id is not None, "a task under way has a job"
        detail = details.get(job_id)
        if detail is not None:
            change = _change_in(detail)
            if change is not None:
                changes.append(change)
                telemetry.swept_up(world, facts, SweepFind.LOST_EVENT, int(change.status.ended))
            if record.missing_since_ms is not None:
                world.store.mark_missing(record.attempt, job_id, None)
        elif is_refused_job_id(record.job_id):
            telemetry.swept_up(world, facts, SweepFind.UNKNOWN_JOB)
            changes.append(_lost(facts, record, job_id, REFUSED_REASON))
        elif record.missing_since_ms is None:
            # Batch may not know a job yet, or for a moment. It counts when it is so at the next look, too.
            world.store.mark_missing(record.attempt, job_id, now_ms)
        elif now_ms - record.missing_since_ms >= world.settings.sweep_seconds * 1000:
            telemetry.swept_up(world, facts, SweepFind.UNKNOWN_JOB)
            changes.append(_lost(facts, record, job_id, UNKNOWN_REASON))
    return worst(handle_changes(world, changes))


def _lost(facts: RunFacts, record: TaskRecord, job_id: str, reason: str) -> JobChange:
    """That a job failed of which nobody can tell how it ended."""
    name = job_name(record.attempt, facts.plan.tasks[record.attempt.index].name)
    failure = FailureClass.REFUSED if is_refused_job_id(record.job_id) else FailureClass.UNKNOWN
    result = JobResult(job_id, succeeded=False, reason=reason, failure=failure)
    return JobChange(record.attempt, job_id, name, JobStatus.FAILED, record.job_tries, result=result)


def _described(world: World, records: Iterable[TaskRecord]) -> Mapping[str, Mapping[str, Any]]:
    """What Batch tells of the jobs of these records, without those that it refused."""
    ids = [job_id for record in records if (job_id := record.job_id) and not is_refused_job_id(job_id)]
    return world.batch.describe(ids) if ids else {}
