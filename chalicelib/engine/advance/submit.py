"""Claim, read the halt flag, submit, record: how a ready task becomes a job, at most once.

Owns section 4's steps 2 and 3 and the traps between them. Which tasks are ready is settle.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import AnswerLost, Defect, NotPermitted, Throttled, TryAgain, UserMistake
from chalicelib.core.ids import Attempt, job_name, refused_job_id
from chalicelib.core.plan.job_request import JobRequest, job_request
from chalicelib.core.plan.model import offset_of, shard_of
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.commands import JobRefused, encode
from chalicelib.core.run.records import RELEASED, Claim, Tally, TaskRecord
from chalicelib.core.run.requested import requested_of
from chalicelib.core.states import TaskState
from chalicelib.core.telemetry.metrics import Adoption
from chalicelib.engine.advance.finish import finish_if_full
from chalicelib.engine.advance.rate_limiter import submit_job, turns
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import DONE, Done, NotYet, Outcome, RunFacts, World, worst

SECOND_JOB_REASON = "batchwright: a second job for an attempt that has one"
CANCEL_REASON = "batchwright: the run was cancelled"
PERMISSION_SECONDS = 180
"""How long after its first refusal a missing permission may still be one that IAM has not spread yet:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency"""
_PERMISSION_AGAIN_SECONDS = 30
"""The shortest delay of a message that waits for a permission; it doubles what was waited so far."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attempt to submit. A retry names the failed job that it replaces."""

    attempt: Attempt
    replaces_job: str | None = None


@dataclass(frozen=True, slots=True)
class BatchFails(NotYet):
    """Not yet, for Batch fails or does not answer."""


@dataclass(frozen=True, slots=True)
class TooEarly(NotYet):
    """Not yet, for the attempt before has not ended."""


@dataclass(frozen=True, slots=True)
class Paused(Done):
    """Done, for the run is paused: whoever resumes it looks at every task that was not started."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim that is ours. `from_the_dead` is the record of a dead owner, who may have submitted before."""

    from_the_dead: TaskRecord | None = None


def submit(world: World, facts: RunFacts, wanted: Sequence[Wanted]) -> Outcome:
    """Submit what is wanted and has no job yet. `NotYet` while somebody's claim is open: the job may not exist.

    One task after the other, so that an invocation that dies leaves one claim open and not a chunk of them. When Batch
    fails, the rest stays unclaimed: it would fail too, and 25 time-outs outlive the Lambda. So it does when permits
    are short: a turn is waited for before the claim, whose lease then has only the submission to outlast.
    """
    outcomes: list[Outcome] = []
    paused: set[int] = set()
    for item, no_turn in zip(wanted, turns(world, len(wanted)), strict=False):
        if no_turn:
            outcomes.append(no_turn)
            break
        shard = shard_of(item.attempt.index)
        if shard in paused:
            continue
        outcome = _submit_wanted(world, facts, item)
        outcomes.append(outcome)
        if isinstance(outcome, BatchFails):
            break
        if isinstance(outcome, Paused):
            paused.add(shard)
    return worst(outcomes)


def _submit_wanted(world: World, facts: RunFacts, wanted: Wanted) -> Outcome:
    attempt = wanted.attempt
    past = _past(world, wanted)
    if isinstance(past, (Done, NotYet)):
        return past
    request: JobRequest | UserMistake
    try:
        request = job_request(facts.plan, attempt, params=facts.params, past=past)
    except UserMistake as mistake:
        request = mistake
    held = _claim(world, wanted, None if isinstance(request, UserMistake) else request.requested)
    if isinstance(held, (Done, NotYet)):
        return held
    tally = _tally_after_claim(world, attempt)
    if tally.halt or tally.ending_of(offset_of(attempt.index)):
        return _give_up(world, facts, attempt, tally, held)
    if tally.paused:
        return _put_off(world, facts, attempt, held)
    return _submit_one(world, facts, attempt, request, held)


def _tally_after_claim(world: World, attempt: Attempt) -> Tally:
    """The tally of the attempt's shard, with its halt flag and its pace.

    It is read after the claim and before the submission. A canceller raises the flag first and looks for claims
    afterwards, so one of the two sees the other.
    """
    return world.store.read_tally(attempt.run_id, attempt.epoch, shard_of(attempt.index))


def _past(world: World, wanted: Wanted) -> tuple[JobResult, ...] | Done | NotYet:
    """The results of the attempts before the wanted one, by which it may ask for more memory or another queue.

    They are complete once the record waits for this attempt, and the claim lands only while it still does.
    """
    if wanted.replaces_job is None:
        return ()
    attempt = wanted.attempt
    record = world.store.task(attempt.run_id, attempt.epoch, attempt.index)
    if record is None:
        raise Defect(f"attempt {attempt} is to replace job {wanted.replaces_job}, but its task has no record")
    waits = record.state is TaskState.WAITING and record.attempt == replace(attempt, number=attempt.number - 1)
    if waits or record.attempt == attempt:
        return record.past
    if _is_before(record, wanted):
        return TooEarly(world.settings.soon_seconds, f"the attempt before {attempt} has not ended yet")
    return DONE


def _claim(world: World, wanted: Wanted, requested: Requested | None) -> _Held | Done | NotYet:
    """The claim as we hold it; done when the attempt has its job already, `NotYet` while the claim is another's."""
    now_ms = world.clock.now_ms()
    claim = Claim(world.owner, now_ms + world.settings.lease_seconds * 1000)
    stood = world.store.claim(wanted.attempt, claim, now_ms, requested=requested, replaces_job=wanted.replaces_job)
    if stood is None:
        return _Held()
    if stood.attempt != wanted.attempt or stood.state is not TaskState.CLAIMED or stood.claim is None:
        return DONE
    if not may_be_taken_over(stood.claim, now_ms):
        return NotYet(stood.claim.seconds_left(now_ms), f"task {wanted.attempt.index} is claimed by another")
    if not world.store.take_over(stood, claim, requested):
        # Another redelivery saw the same dead claim and was first: to us the task is as open as before.
        return NotYet(world.settings.lease_seconds, f"task {wanted.attempt.index} was taken over by another")
    return _Held() if stood.claim.lease_until_ms == RELEASED else _Held(from_the_dead=stood)


def _is_before(stood: TaskRecord, wanted: Wanted) -> bool:
    """Whether a retry's timer was faster than the write that ends the attempt before it: that write is still to come,
    for the timer is set first."""
    earlier = replace(wanted.attempt, number=wanted.attempt.number - 1)
    return stood.attempt == earlier and not stood.state.ended and stood.job_id in (None, wanted.replaces_job)


def may_be_taken_over(claim: Claim, now_ms: int) -> bool:
    """Whether the lease of a claim is over, so that its owner is surely dead or has given it back."""
    return claim.lease_until_ms <= now_ms


def _submit_one(
    world: World, facts: RunFacts, attempt: Attempt, request: JobRequest | UserMistake, held: _Held
) -> Outcome:
    """Submit one claimed attempt, unless a dead owner has submitted it already."""
    job_id = _orphan_of(world, facts, attempt, held)
    if isinstance(job_id, NotYet):
        return job_id
    try:
        if job_id is None:
            if isinstance(request, UserMistake):
                return _record_refusal(world, facts, attempt, str(request))
            job_id = submit_job(world, request)
            telemetry.job_submitted(world, facts, attempt, job_id)
    except NotPermitted as refusal:
        return _refused_or_early(world, facts, attempt, refusal)
    except UserMistake as refusal:
        return _record_refusal(world, facts, attempt, str(refusal))
    except AnswerLost as lost:
        # The job may exist. Its own event adopts it, or whoever takes the claim over asks for it by name.
        telemetry.answer_lost(world, facts, attempt, lost)
        return BatchFails(world.settings.lease_seconds, str(lost))
    except Throttled as too_many:
        # One too many within a second, which the next one need not be: it has a permit, which else nobody used.
        world.store.release(attempt, world.owner)
        telemetry.throttled(world, facts, attempt)
        return NotYet(world.settings.soon_seconds, str(too_many))
    except TryAgain as refused_for_now:
        world.store.release(attempt, world.owner)
        return BatchFails(world.settings.soon_seconds, str(refused_for_now))
    terminate_unless_wanted(world, world.store.record_job(attempt, job_id), attempt, job_id)
    return DONE


def _orphan_of(world: World, facts: RunFacts, attempt: Attempt, held: _Held) -> str | NotYet | None:
    """The job that a dead owner submitted for an attempt, if any; of several the oldest, and the others are
    terminated."""
    requested = requested_of(facts.plan, held.from_the_dead, facts.params) if held.from_the_dead else None
    if requested is None:
        # Nobody died, or the request cannot be rendered, and so was never submitted.
        return None
    try:
        found = world.batch.find(requested.queue, job_name(attempt, facts.plan.tasks[attempt.index].name))
    except TryAgain as failure:
        return BatchFails(world.settings.lease_seconds, str(failure))
    if not found:
        return None
    oldest, *others = found
    if others:
        end_second_jobs(world, attempt, [job.job_id for job in others])
    telemetry.job_adopted(world, attempt, oldest.job_id, Adoption.NAME)
    return oldest.job_id


def terminate_unless_wanted(world: World, record: TaskRecord, attempt: Attempt, job_id: str) -> None:
    """Terminate a job of `attempt` that its task's record does not want: another job has its place, or the run was
    cancelled before the job's id was known."""
    known = _is_known(record, attempt, job_id)
    cancelled = record.attempt == attempt and record.cancel_requested and not record.state.ended
    if not known and record.job_id:
        end_second_jobs(world, attempt, [job_id])
    elif not known or cancelled:
        world.batch.terminate([job_id], CANCEL_REASON)


def _is_known(record: TaskRecord, attempt: Attempt, job_id: str) -> bool:
    """Whether the task's record names this job as the attempt's."""
    if record.attempt == attempt:
        return record.job_id == job_id
    return any(result.job_id == job_id for result in record.past)


def end_second_jobs(world: World, attempt: Attempt, job_ids: Sequence[str]) -> None:
    """Note jobs of an attempt that has another, and terminate them."""
    news = [job_id for job_id in job_ids if world.store.add_second_job(attempt, job_id)]
    telemetry.second_jobs(world, attempt, news, job_ids)
    world.batch.terminate(job_ids, SECOND_JOB_REASON)


def _refused_or_early(world: World, facts: RunFacts, attempt: Attempt, refusal: NotPermitted) -> Outcome:
    """Right after a deployment IAM may not know the policy everywhere yet, so a missing permission is asked for again
    for a few minutes after the first refusal, whose time the record keeps."""
    record = world.store.task(attempt.run_id, attempt.epoch, attempt.index)
    now_ms = world.clock.now_ms()
    since_ms = now_ms if record is None or record.forbidden_since_ms is None else record.forbidden_since_ms
    waited_seconds = max(0, now_ms - since_ms) // 1000
    left_seconds = PERMISSION_SECONDS - waited_seconds
    if left_seconds <= 0:
        return _record_refusal(world, facts, attempt, str(refusal))
    world.store.release(attempt, world.owner, forbidden_since_ms=since_ms)
    return NotYet(min(left_seconds, max(_PERMISSION_AGAIN_SECONDS, waited_seconds)), str(refusal))


def _record_refusal(world: World, facts: RunFacts, attempt: Attempt, reason: str) -> Outcome:
    """Hand the refusal on as a failed job with a stand-in id: durable first, then recorded."""
    job_id = refused_job_id(job_name(attempt, facts.plan.tasks[attempt.index].name))
    refused = JobRefused(attempt.run_id, attempt.epoch, attempt.index, attempt.number, job_id, reason)
    world.commands.send([encode(refused)])
    world.store.record_job(attempt, job_id)
    return DONE


def _put_off(world: World, facts: RunFacts, attempt: Attempt, held: _Held) -> Outcome:
    """The run is paused: the claim is given back, unless a dead owner had submitted under it."""
    orphan = _orphan_of(world, facts, attempt, held)
    if isinstance(orphan, NotYet):
        return orphan
    if orphan is None:
        world.store.release(attempt, world.owner)
        return Paused()
    terminate_unless_wanted(world, world.store.record_job(attempt, orphan), attempt, orphan)
    return DONE


def _give_up(world: World, facts: RunFacts, attempt: Attempt, tally: Tally, held: _Held) -> Outcome:
    """The run was halted, or the task ended, between its becoming ready and our claim: nothing is submitted, and
    what a dead owner may have submitted is terminated."""
    orphan = _orphan_of(world, facts, attempt, held)
    if isinstance(orphan, NotYet):
        return orphan
    if orphan is not None:
        world.store.record_job(attempt, orphan)
        world.batch.terminate([orphan], CANCEL_REASON)
        return DONE
    shard, offset = shard_of(attempt.index), offset_of(attempt.index)
    ending, ours = tally.ending_of(offset), held.from_the_dead is not None
    if ending is None:
        ending = TaskState.CANCELLED
        before = world.store.tally(attempt.run_id, attempt.epoch, shard, {ending: 1 << offset})
        if before is None:
            return NotYet(world.settings.soon_seconds, f"task {attempt.index} ended while its run was cancelled")
        ours |= before.ending_of(offset) is None
        tally = before.adding({ending: 1 << offset})
    if ours:
        # The entry is ours, or that of the dead owner: who cancels does not wait for it, so it may be the last one.
        finish_if_full(world, facts, {shard: tally})
    world.store.commit(attempt, ending, None)
    return DONE
