"""Bugs put into cancelling, pausing, redriving and healing a run, each of which some seed must catch."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.run import redrive as kept
from chalicelib.engine.advance import settle
from chalicelib.engine.control import cancel, heal, redrive
from chalicelib.engine.publishing import outbox
from chalicelib.engine.world.world import DONE
from tests.bug import Bug, left_out, returns
from tests.memory.store import MemoryStore
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope


def _put_any_pace(right, store, run_id, epoch, shard, pace):
    store._tallies[run_id, epoch, shard] = replace(store.read_tally(run_id, epoch, shard), pace=pace)


def _tell_when_marked(right, world, run, *, tells):
    marked = right(world, run, tells=tells)
    if tells:
        outbox.tell_or_leave(world, world.store.run(run.run_id) or run)
    return marked


def _with_old_params(right, world, run, *asked):
    return replace(right(world, run, *asked), params=run.params)


def _without_what_was_untold(right, world, run, *asked):
    following = right(world, run, *asked)
    return replace(following, untold=following.untold - run.untold)


CONTROL_MUTATIONS = {
    "a canceller does not mark open claims": Mutation(
        Bug(cancel._surely_no_job, returns(False)),
        seeds=(4,),
    ),
    "a cancel is told before it ends anything": Mutation(
        Bug(cancel._mark, _tell_when_marked),
        seeds=(14,),
    ),
    "a late pause undoes the resume after it": Mutation(
        Bug(MemoryStore.set_pace, _put_any_pace),
        seeds=(3151,),
    ),
    "claims given back for a pause are not taken up by the resume": Mutation(
        Bug(
            heal._submit,
            lambda right, world, facts, records: right(world, facts, [one for one in records if heal._waits(one)]),
        ),
        seeds=(21,),
    ),
    "a redrive keeps what was made with another param": Mutation(
        Bug(kept._check_params, left_out),
        seeds=(72,),
    ),
    "a redrive forgets the new value of a param": Mutation(
        Bug(redrive._following, _with_old_params),
        seeds=(7,),
    ),
    "what follows a task that is redriven keeps its ending": Mutation(
        Bug(kept._follows, returns(False)),
        seeds=(537,),
    ),
    "a redriven run goes on before what it keeps stands in its tallies": Mutation(
        Bug(redrive.prepare, lambda right, world, run: world.facts_of(run), used_by=heal),
        seeds=(69,),
    ),
    "the last ending of an epoch ends the next one": Mutation(
        Bug(
            MemoryStore.change_run,
            lambda right, store, run_id, epoch, *to, **rest: right(store, run_id, store.run(run_id).epoch, *to, **rest),
        ),
        seeds=(632,),
    ),
    "a redrive does not see to it that the ending before it was told": Mutation(
        Bug(redrive._following, _without_what_was_untold),
        seeds=(685,),
    ),
    "an epoch begins over what was noted meanwhile": Mutation(
        Bug(MemoryStore.begin_epoch, lambda right, store, run, before: right(store, run, store.run(run.run_id))),
        seeds=(913,),
        scope=Scope(shares={"telling": 1.0}),
    ),
    "nobody sets the timers of long waits": Mutation(
        Bug(heal._wants_timer, returns(False)),
        seeds=(173,),
    ),
    "each look sets the timers of long waits": Mutation(
        Bug(
            heal._wants_timer,
            lambda right, record, retry_at_ms, look: right(record, retry_at_ms, replace(look, before_ms=0)),
        ),
        seeds=(173,),
    ),
    "a look sets the timers that messages are": Mutation(
        Bug(heal._waits_long, returns(True)),
        seeds=(1688,),
    ),
    "the sweep asks Batch about no job": Mutation(
        Bug(heal._ask_batch, returns(DONE)),
        seeds=(45,),
    ),
    "a job is taken for forgotten at the first look": Mutation(
        Bug(
            heal._ask_batch,
            lambda right, world, facts, records: right(
                world, facts, [replace(record, missing_since_ms=0) for record in records]
            ),
        ),
        seeds=(233,),
    ),
    "the sweep judges no task that nobody claimed": Mutation(
        Bug(settle.settle, returns(settle.Settled(DONE, None)), used_by=heal),
        seeds=(3,),
    ),
}
