"""From endings to what follows: the cascade, the ready tasks, the end of the run.

Owns section 4's middle: tally the skipped and doomed, hand on the ready, finish the run when every shard is full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.core.advance import Endings, advance, is_full, run_ending
from chalicelib.core.commands import encode, in_chunks
from chalicelib.core.notices import run_ended
from chalicelib.core.plan import indexes_in
from chalicelib.core.records import Run, Tally
from chalicelib.core.states import RunState, TaskState
from chalicelib.engine.submit import Wanted, submit
from chalicelib.engine.world import DONE, Outcome, RunFacts, World


def settle(world: World, facts: RunFacts, ended: Iterable[int], tallies: Mapping[int, Tally]) -> Outcome:
    """Do everything that follows from the endings of the tasks `ended`.

    `tallies` are those of their shards as the tallying left them, in the order of the writes. Safe to repeat: whatever
    an earlier try did is met as done, and what it left open is taken up.
    """
    ready, touched = _cascade(world, facts, ended, tallies)
    outcome = start(world, facts, ready)
    finish_if_full(world, facts, touched)
    return outcome


def start(world: World, facts: RunFacts, ready: Iterable[int]) -> Outcome:
    """Submit ready tasks here if they are few; otherwise hand them to the commands queue in chunks."""
    indexes = list(ready)
    if len(indexes) <= world.settings.inline_submissions:
        return submit(world, facts, [Wanted(facts.attempt(index)) for index in indexes])
    chunks = in_chunks(facts.run_id, facts.epoch, indexes, world.settings.chunk_size)
    world.commands.send([encode(chunk) for chunk in chunks])
    return DONE


def _cascade(
    world: World, facts: RunFacts, ended: Iterable[int], tallies: Mapping[int, Tally]
) -> tuple[tuple[int, ...], dict[int, Tally]]:
    """Tally what is skipped and doomed until nothing more is; the ready tasks, and the tallies of shards written, in
    the order of their last writes."""
    frontier = set(ended)
    touched = dict(tallies)
    known = _newest(touched)
    written: Endings = {}
    while True:
        step = advance(facts.plan, known, frontier)
        unread = step.unread - known.keys()
        if unread:
            for shard in sorted(unread):
                known[shard] = world.store.read_tally(facts.run_id, facts.epoch, shard)
            continue
        news = _without(step.endings, written)
        if not news:
            return step.ready, touched
        for shard, endings in sorted(news.items()):
            touched.pop(shard, None)
            touched[shard] = _tally(world, facts, shard, endings)
            _remember(written, shard, endings)
            frontier.update(index for mask in endings.values() for index in indexes_in(shard, mask))
        known = _newest(touched)


def _newest(touched: Mapping[int, Tally]) -> dict[int, Tally]:
    """Of the tallies that writes returned, the last write's alone.

    A shard seen before a write of ours may miss a parent that ended meanwhile, whose own handler missed that write:
    everything seen before the last write is dropped and read again.
    """
    return {shard: touched[shard] for shard in list(touched)[-1:]}


def _tally(world: World, facts: RunFacts, shard: int, endings: dict[TaskState, int]) -> Tally:
    """Add endings to a shard, leaving out tasks that somebody else ended otherwise; the tally as it is after."""
    while endings:
        before = world.store.tally(facts.run_id, facts.epoch, shard, endings)
        if before is not None:
            return before.adding(endings)
        now = world.store.read_tally(facts.run_id, facts.epoch, shard)
        endings = {ending: mask & ~now.ended for ending, mask in endings.items() if mask & ~now.ended}
    return world.store.read_tally(facts.run_id, facts.epoch, shard)


def _without(endings: Endings, written: Endings) -> Endings:
    news: Endings = {}
    for shard, by_ending in endings.items():
        done = written.get(shard, {})
        left = {ending: mask & ~done.get(ending, 0) for ending, mask in by_ending.items()}
        if any(left.values()):
            news[shard] = {ending: mask for ending, mask in left.items() if mask}
    return news


def _remember(written: Endings, shard: int, endings: dict[TaskState, int]) -> None:
    done = written.setdefault(shard, {})
    for ending, mask in endings.items():
        done[ending] = done.get(ending, 0) | mask


def finish_if_full(world: World, facts: RunFacts, touched: Mapping[int, Tally]) -> None:
    """End the run and tell so, if every shard is full.

    `touched` are the tallies of the shards that this invocation wrote, each as its write left it, the last write's
    last. Of two invocations that each fill a shard, the later one to read after its writes sees both full.
    """
    plan = facts.plan
    if not touched or not all(is_full(plan, shard, tally) for shard, tally in _newest(touched).items()):
        return
    tallies: dict[int, Tally] = {}
    # The last shards fill last, so the first read usually tells that the run goes on.
    for shard in reversed(range(plan.shard_count)):
        tally = touched.get(shard)
        # A full shard stays as it is; one that was not full may have been filled since it was written.
        if tally is None or not is_full(plan, shard, tally):
            tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
            if not is_full(plan, shard, tally):
                return
        tallies[shard] = tally
    _finish(world, facts, run_ending(plan, tallies))


def _finish(world: World, facts: RunFacts, ending: RunState) -> None:
    now_ms = world.clock.now_ms()
    going_on = (RunState.RUNNING, RunState.PAUSED)
    if not world.store.change_run(facts.run_id, ending, expected=going_on, ended_at_ms=now_ms):
        cancelling = (RunState.CANCELLING,)
        world.store.change_run(facts.run_id, RunState.CANCELLED, expected=cancelling, ended_at_ms=now_ms)
    run = world.store.run(facts.run_id)
    if run is not None:
        tell_of_the_end(world, run)


def tell_of_the_end(world: World, run: Run) -> None:
    """Publish that a run ended, if it did. Whoever ended it may have died before telling, so everyone who finds it
    ended tells, with the same id."""
    if run.state.ended and run.ended_at_ms is not None:
        world.notices.publish(run_ended(run, run.state, run.ended_at_ms))
