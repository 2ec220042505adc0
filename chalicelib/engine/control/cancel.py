"""Cancelling a run: raise `halt` on every shard, then look at what is alive and end it.

A submitter reads `halt` after its claim, and this raises it before looking at the claims, so one sees the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.core.errors import TryAgain, UnknownRun
from chalicelib.core.ids import is_refused_job_id, job_name
from chalicelib.core.plan.model import offset_of
from chalicelib.core.run.bus_events import Change
from chalicelib.core.run.commands import CancelRun, encode
from chalicelib.core.run.records import Claim, Run, Tally, TaskRecord
from chalicelib.core.run.requested import requested_of
from chalicelib.core.states import RunState, TaskState
from chalicelib.engine.advance.finish import finish_if_full
from chalicelib.engine.advance.submit import CANCEL_REASON
from chalicelib.engine.control.redrive import prepare
from chalicelib.engine.publishing.bus import change_of, tell_tasks
from chalicelib.engine.publishing.outbox import change_to_tell, tell_or_leave
from chalicelib.engine.world.world import DONE, NotYet, Outcome, RunFacts, World


@dataclass
class _Shard:
    """What is to be done about a shard's open tasks."""

    never_started: int = 0
    to_commit: list[TaskRecord] = field(default_factory=list)
    to_terminate: list[str] = field(default_factory=list)
    waits: list[NotYet] = field(default_factory=list)


def request_cancel(world: World, run_id: str, reason: str, *, epoch: int | None = None) -> bool:
    """Ask for a run to be cancelled, in this epoch alone if one is given; whether it was still going on. Raises
    UnknownRun."""
    run = world.store.run(run_id)
    if run is None:
        raise UnknownRun(f"there is no run '{run_id}'")
    if run.state.ended or epoch not in (None, run.epoch):
        return False
    # The command comes first: a crash in between leaves a run that is being cancelled, not one that only says so.
    world.commands.send([encode(CancelRun(run_id, run.epoch, reason))])
    _mark(world, run, tells=False)
    return True


def cancel_run(world: World, command: CancelRun) -> Outcome:
    """Carry a cancellation out; `NotYet` while somebody's claim may still become a job."""
    run = world.store.run(command.run_id)
    # A cancelled run is gone through once more: an earlier delivery may have died between ending it and telling, or
    # before it had committed every record.
    if run is None or run.epoch != command.epoch or run.state in (RunState.SUCCEEDED, RunState.FAILED):
        return DONE
    facts = prepare(world, run)
    if _mark(world, run, tells=True):
        run = world.store.run(run.run_id) or run
    shards = range(facts.plan.shard_count)
    for shard in shards:
        world.store.halt(facts.run_id, facts.epoch, shard)
    tallies: dict[int, Tally] = {}
    works: list[_Shard] = []
    for shard in shards:
        work, tallies[shard] = _cancel_shard(world, facts, shard)
        works.append(work)
    to_terminate = [job_id for work in works for job_id in work.to_terminate]
    if to_terminate:
        world.batch.terminate(to_terminate, command.reason or CANCEL_REASON)
    for work, tally in zip(works, tallies.values(), strict=True):
        _commit(world, facts, work, tally)
    tell_or_leave(world, run)
    finish_if_full(world, facts, tallies)
    waits = [wait for work in works for wait in work.waits]
    return min(waits, key=lambda wait: wait.after_seconds, default=DONE)


def _mark(world: World, run: Run, *, tells: bool) -> bool:
    """Note that the run is being cancelled; whether it went on. With `tells` this invocation then tells so."""
    to = RunState.CANCELLING
    to_tell = change_to_tell(world, run.epoch, to)
    lease = world.lease() if tells and to_tell else None
    return world.store.change_run(run.run_id, run.epoch, to, untold=to_tell, lease=lease)


def _cancel_shard(world: World, facts: RunFacts, shard: int) -> tuple[_Shard, Tally]:
    """Tally what never became a job as cancelled. Returns what is left to be done, and the tally as it is."""
    while True:
        tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
        work = _look_at(world, facts, shard, tally)
        if not work.never_started:
            break
        before = world.store.tally(facts.run_id, facts.epoch, shard, {TaskState.CANCELLED: work.never_started})
        if before is not None:
            tally = before.adding({TaskState.CANCELLED: work.never_started})
            break
    return work, tally


def _commit(world: World, facts: RunFacts, work: _Shard, tally: Tally) -> None:
    """Commit what never became a job."""
    if world.changes is not None:
        tell_tasks(world, facts, [_change(world, facts, record) for record in work.to_commit if _waits(record)])
    for record in work.to_commit:
        # Its job may have ended it already, in the tally alone.
        ending = tally.ending_of(offset_of(record.attempt.index)) or TaskState.CANCELLED
        world.store.commit(record.attempt, ending, None)


def _waits(record: TaskRecord) -> bool:
    return record.state is TaskState.WAITING


def _change(world: World, facts: RunFacts, record: TaskRecord) -> Change:
    """That a task which waited for a retry, and was told so, waits no more."""
    return change_of(world, facts, record.attempt, TaskState.CANCELLED, record.job_id)


def _look_at(world: World, facts: RunFacts, shard: int, tally: Tally) -> _Shard:
    work = _Shard()
    everyone = (1 << facts.plan.shard_size(shard)) - 1
    with_record = 0
    for record in world.store.tasks(facts.run_id, facts.epoch, shard):
        bit = 1 << offset_of(record.attempt.index)
        with_record |= bit
        if record.state.ended:
            continue
        if record.job_id is not None and record.state is not TaskState.WAITING:
            if not is_refused_job_id(record.job_id) and not tally.ended & bit:
                work.to_terminate.append(record.job_id)
        elif record.state is TaskState.WAITING or tally.cancelled & bit or _surely_no_job(world, facts, record, work):
            work.to_commit.append(record)
            work.never_started |= bit & ~tally.ended
    work.never_started |= everyone & ~with_record & ~tally.ended
    return work


def _surely_no_job(world: World, facts: RunFacts, record: TaskRecord, work: _Shard) -> bool:
    """Whether a claimed attempt never became a job. While its owner may live, the record is marked, so that the
    owner terminates the job; once its lease is over, Batch is requested."""
    now_ms = world.clock.now_ms()
    assert record.claim is not None, "a claimed record carries its claim"
    left_seconds = record.claim.seconds_left(now_ms)
    if left_seconds > 0:
        marked = world.store.request_cancel(record)
        seconds = left_seconds if marked else world.settings.soon_seconds
        work.waits.append(NotYet(seconds, f"task {record.attempt.index} is claimed"))
        return False
    claim = Claim(world.owner, now_ms + world.settings.lease_seconds * 1000)
    try:
        if not world.store.take_over(record, claim):
            raise TryAgain(f"the claim of task {record.attempt.index} was taken over by another")
        requested = requested_of(facts.plan, record, facts.params)
        if requested is None:
            # What cannot be rendered was never submitted.
            return True
        found = world.batch.find(requested.queue, job_name(record.attempt, facts.plan.tasks[record.attempt.index].name))
    except TryAgain as failure:
        work.waits.append(NotYet(world.settings.soon_seconds, str(failure)))
        return False
    if found:
        world.store.record_job(record.attempt, found[0].job_id)
        work.to_terminate += [job.job_id for job in found]
    return not found
