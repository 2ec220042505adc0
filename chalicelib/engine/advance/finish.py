"""The end of a run: when every shard is full.

Owns section 4's last step but one. Whoever adds to a tally asks here afterwards, for its entry may be the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from chalicelib.core.run.advance import is_full, run_ending
from chalicelib.core.run.records import Tally
from chalicelib.core.states import RunState
from chalicelib.engine.publishing.failures import NO_RESULTS, Results
from chalicelib.engine.publishing.outbox import end_to_tell, tell_or_again
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import RunFacts, World


def newest(touched: Mapping[int, Tally]) -> dict[int, Tally]:
    """Of the tallies that writes returned, the last write's alone.

    A shard seen before a write of ours may miss a parent that ended meanwhile, whose own handler missed that write:
    everything seen before the last write is dropped and read again.
    """
    return {shard: touched[shard] for shard in list(touched)[-1:]}


def finish_if_full(
    world: World, facts: RunFacts, touched: Mapping[int, Tally], results: Results = NO_RESULTS
) -> RunState | None:
    """End the run and tell so, if every shard is full; how it has ended then, by this or before. What could not be told
    for now is told soon.

    `touched` are the tallies of the shards that this invocation wrote, each as its write left it, the last write's
    last. Of two invocations that each fill a shard, the later one to read after its writes sees both full. `results`
    are those of jobs whose records are not committed yet.
    """
    plan = facts.plan
    if not touched or not all(is_full(plan, shard, tally) for shard, tally in newest(touched).items()):
        return None
    tallies: dict[int, Tally] = {}
    # The last shards fill last, so the first read usually tells that the run goes on.
    for shard in reversed(range(plan.shard_count)):
        tally = touched.get(shard)
        # A full shard stays as it is; one that was not full may have been filled since it was written.
        if tally is None or not is_full(plan, shard, tally):
            tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
            if not is_full(plan, shard, tally):
                return None
        tallies[shard] = tally
    return _finish(world, facts, tallies, results)


def _finish(world: World, facts: RunFacts, tallies: Mapping[int, Tally], results: Results) -> RunState | None:
    run_id, epoch, now_ms = facts.run_id, facts.epoch, world.clock.now_ms()
    ending = run_ending(facts.plan, tallies)
    to_tell = end_to_tell(world, facts, ending)
    to_run = partial(world.store.change_run, run_id, epoch, ended_at_ms=now_ms)
    ended = to_run(ending, untold=to_tell, lease=world.lease() if to_tell else None)
    if not ended:
        # It is being cancelled, if it has not ended.
        ending = RunState.CANCELLED
        to_tell = end_to_tell(world, facts, ending)
        ended = to_run(ending, untold=to_tell, lease=world.lease() if to_tell else None)
    run = world.store.run(run_id)
    if run is None or run.epoch != epoch:
        return None
    if ended:
        telemetry.run_ended(world, run)
    tell_or_again(world, run, tallies, results)
    return run.state if run.state.ended else None
