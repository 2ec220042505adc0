"""Bugs put into the claims, the submissions and what follows from an ending, each of which some seed must catch."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core import chain
from chalicelib.core.errors import AnswerLost, TryAgain
from chalicelib.core.plan import retry
from chalicelib.core.run import advance
from chalicelib.core.run.commands import encode
from chalicelib.core.run.records import Tally
from chalicelib.core.states import TaskState
from chalicelib.engine.advance import finish, job_events, rate_limiter, settle, submit
from chalicelib.engine.control import start
from chalicelib.engine.inbox import commands
from chalicelib.engine.publishing import outbox
from chalicelib.engine.world.world import DONE, NotYet
from tests.bug import Bug, PostponedCalls, left_out, returns, together
from tests.memory.store import MemoryStore, _waits_for
from tests.simulation.faults import FORBIDDEN
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope


def _commit_first(right, world, facts, ended):
    for ending, change in ended.values():
        job_events._commit(world, facts, ending, change)
    return right(world, facts, ended)


def _claim_in_vain(right, world, wanted, requested):
    right(world, wanted, requested)
    return submit._Held()


def _open_claim_is_done(right, world, wanted, requested):
    held = right(world, wanted, requested)
    return DONE if isinstance(held, NotYet) else held


def _lost_answer_is_a_refusal(right, world, request):
    try:
        return right(world, request)
    except AnswerLost as lost:
        raise TryAgain(str(lost)) from lost


def _adopt_none(right, store, attempt, *observed):
    found = store.task(attempt.run_id, attempt.epoch, attempt.index)
    return found if found and not found.job_id else right(store, attempt, *observed)


def _record_any_job(right, store, attempt, job_id):
    found = store.task(attempt.run_id, attempt.epoch, attempt.index)
    return store._put(replace(found, state=TaskState.SUBMITTED, job_id=job_id))


def _past_so_far(right, world, wanted):
    attempt = wanted.attempt
    if wanted.replaces_job is None:
        return ()
    return world.store.task(attempt.run_id, attempt.epoch, attempt.index).past


def _forget_the_past(right, world, wanted):
    past = right(world, wanted)
    return () if isinstance(past, tuple) else past


def _told_by_its_ender_alone(right, world, run, tallies, results):
    if outbox._is_ours(world, run):
        right(world, run, tallies, results)


def _send_the_timer_on(right, world, command):
    if command.not_before_ms - world.clock.now_ms() <= 900_000:
        return right(world, command)
    world.commands.send([encode(command)], delay_seconds=900)
    return DONE


ADVANCE_MUTATIONS = {
    "the record is committed before anything else": Mutation(
        Bug(job_events._end, _commit_first),
        seeds=(11,),
    ),
    "a run succeeds without the result of a task that was doomed": Mutation(
        Bug(
            advance.run_ending,
            lambda right, plan, tallies: advance._ending_by(plan, tallies, (TaskState.FAILED,)),
        ),
        seeds=(136,),
    ),
    "an array of none is submitted": Mutation(
        Bug(
            advance.advance,
            lambda right, plan, tallies, ended, candidates, empty: right(plan, tallies, ended, candidates),
        ),
        seeds=(10,),
    ),
    "an array of none that follows nothing is submitted": Mutation(
        Bug(
            settle.settle,
            lambda right, world, facts, ended, tallies, candidates, **rest: settle.Settled(
                settle.start(world, facts, candidates), None
            ),
            used_by=start,
        ),
        seeds=(10,),
    ),
    "the halt flag is not read before a submission": Mutation(
        Bug(submit._tally_after_claim, lambda right, world, attempt: Tally(pace=right(world, attempt).pace)),
        seeds=(14,),
    ),
    "a retry's claim does not name the attempt that it replaces": Mutation(
        Bug(_waits_for, lambda right, record, attempt, replaces_job: record.state is TaskState.WAITING),
        seeds=(1292,),
    ),
    "a retry is read off a repeated failure": Mutation(
        together(Bug(job_events._is_over, returns(False)), Bug(job_events._is_second_job, returns(False))),
        seeds=(70,),
    ),
    "a shard's old read is used in a cascade": Mutation(
        Bug(settle._drop_old_reads, lambda right, known, touched: known.update(finish.newest(touched))),
        seeds=(7195,),
    ),
    "a task is submitted without a claim": Mutation(
        Bug(submit._claim, _claim_in_vain),
        seeds=(19,),
    ),
    "another's open claim is taken for done": Mutation(
        Bug(submit._claim, _open_claim_is_done),
        seeds=(14,),
    ),
    "a claim is taken over while its owner may live": Mutation(
        Bug(submit.may_be_taken_over, lambda right, claim, now_ms: right(claim, now_ms + 60_000)),
        seeds=(1065,),
    ),
    "a dead owner's job is not looked for": Mutation(
        Bug(
            submit._submit_one,
            lambda right, world, facts, attempt, request, held: right(world, facts, attempt, request, submit._Held()),
        ),
        seeds=(235,),
    ),
    "a submission whose answer was lost is made again at once": Mutation(
        Bug(rate_limiter.submit_job, _lost_answer_is_a_refusal),
        seeds=(70,),
    ),
    "a second job is left alive": Mutation(
        Bug(submit._is_known, returns(True)),
        seeds=(323,),
    ),
    "the recorded job of a pair is left alive": Mutation(
        Bug(job_events._end_other_of_pair, left_out),
        seeds=(3049,),
    ),
    "an event adopts no job": Mutation(
        Bug(MemoryStore.observe, _adopt_none),
        seeds=(18,),
    ),
    "a job's id is recorded whatever became of the claim": Mutation(
        Bug(MemoryStore.record_job, _record_any_job),
        seeds=(41,),
    ),
    "a shard that was not full before the last write is trusted not to be": Mutation(
        Bug(finish.newest, lambda right, touched: dict(touched), used_by=finish),
        seeds=(116,),
    ),
    "a run is told ended by the one who ended it alone": Mutation(
        Bug(outbox.tell_or_again, _told_by_its_ender_alone, used_by=finish),
        seeds=(28,),
    ),
    "a timer that is faster than the record is dropped": Mutation(
        Bug(submit._is_before, returns(False)),
        seeds=(1329,),
    ),
    "a retry is rendered before the attempt before it has ended": Mutation(
        Bug(submit._past, _past_so_far),
        seeds=(1535,),
    ),
    "a retry is rendered without what its earlier attempts came to": Mutation(
        Bug(submit._past, _forget_the_past),
        seeds=(54,),
    ),
    "a claim does not say what is asked for": Mutation(
        Bug(submit._claim, lambda right, world, wanted, requested: right(world, wanted, None)),
        seeds=(0,),
    ),
    "a retry's record is written before its timer": Mutation(
        PostponedCalls("commands", "send", until=job_events._arrange_retry),
        seeds=(78,),
    ),
    "a terminal record is taken for a handled one": Mutation(
        Bug(job_events._is_handled, lambda right, record: record.state.ended),
        seeds=(12102,),
    ),
    "a foreign job's event is taken for ours": Mutation(
        Bug(job_events._is_ours, lambda right, facts, change: change.attempt.index < len(facts.plan.tasks)),
        seeds=(291,),
    ),
    "nobody ends a run whose last task was given up": Mutation(
        Bug(finish.finish_if_full, left_out, used_by=submit),
        seeds=(684,),
    ),
    "a long timer is sent again and again": Mutation(
        together(
            Bug(commands._retry, _send_the_timer_on), Bug(chain.fits_a_message, returns(True), used_by=job_events)
        ),
        seeds=(173,),
    ),
    "a dead owner's claim is given back for a pause, unlooked": Mutation(
        Bug(
            submit._put_off,
            lambda right, world, facts, attempt, held: right(world, facts, attempt, submit._Held()),
        ),
        seeds=(3451,),
    ),
    "a pause is not looked at before a submission": Mutation(
        Bug(submit._tally_after_claim, lambda right, world, attempt: replace(right(world, attempt), pace=0)),
        seeds=(22,),
    ),
    "failures of one class use up the attempts of the others": Mutation(
        Bug(retry._bucket, lambda right, policy, failure: replace(right(policy, failure), holds=lambda other: True)),
        seeds=(162,),
    ),
    "a retry goes to the queue that the task began in": Mutation(
        Bug(retry.queue_after, returns(None)),
        seeds=(54,),
    ),
    "a permission that is not in force yet is a refusal": Mutation(
        Bug(
            submit._refused_or_early,
            lambda right, world, facts, attempt, refusal: submit._record_refusal(world, facts, attempt, str(refusal)),
        ),
        seeds=(0,),
        scope=Scope(shares={FORBIDDEN: 1.0}),
    ),
    "a missing permission is asked for without end": Mutation(
        Bug(MemoryStore.release, lambda right, store, attempt, owner, **since: right(store, attempt, owner)),
        seeds=(31,),
        scope=Scope(shares={FORBIDDEN: 1.0}),
    ),
}
