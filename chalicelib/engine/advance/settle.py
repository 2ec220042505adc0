"""From endings to what follows: the cascade, the ready tasks, the end of the run.

Owns section 4's middle: tally the skipped and doomed, hand on the ready. When a run is over is finish.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from chalicelib.core.plan.model import indexes_in
from chalicelib.core.run.advance import Endings, advance
from chalicelib.core.run.commands import encode, in_chunks
from chalicelib.core.run.records import Tally
from chalicelib.core.states import RunState, TaskState
from chalicelib.engine.advance.finish import finish_if_full, newest
from chalicelib.engine.advance.submit import Wanted, submit
from chalicelib.engine.publishing.failures import NO_RESULTS, Results
from chalicelib.engine.world.world import DONE, Outcome, RunFacts, World


class Settled(NamedTuple):
    """What became of it, and how the run has ended, if it has."""

    outcome: Outcome
    ending: RunState | None


def settle(
    world: World,
    facts: RunFacts,
    ended: Iterable[int],
    tallies: Mapping[int, Tally],
    candidates: Collection[int] = (),
    results: Results = NO_RESULTS,
    found: Callable[[int], None] = lambda count: None,
) -> Settled:
    """Do everything that follows from the endings of the tasks `ended`, and judge the `candidates` anew.

    `tallies` are those of their shards as the tallying left them, in the order of the writes. Safe to repeat: whatever
    an earlier try did is met as done, and what it left open is taken up. `results` are those of the jobs of `ended`,
    whose records are not committed yet. `found` is told how many tasks are ready.
    """
    ready, touched = _cascade(world, facts, ended, tallies, candidates)
    found(len(ready))
    outcome = start(world, facts, ready)
    return Settled(outcome, finish_if_full(world, facts, touched, results))


def start(world: World, facts: RunFacts, ready: Iterable[int]) -> Outcome:
    """Submit ready tasks here if they are few; otherwise hand them to the commands queue in chunks."""
    indexes = list(ready)
    if len(indexes) <= world.settings.inline_submissions:
        return submit(world, facts, [Wanted(facts.attempt(index)) for index in indexes])
    chunks = in_chunks(facts.run_id, facts.epoch, indexes, world.settings.chunk_size)
    world.commands.send([encode(chunk) for chunk in chunks])
    return DONE


def _cascade(
    world: World, facts: RunFacts, ended: Iterable[int], tallies: Mapping[int, Tally], candidates: Collection[int]
) -> tuple[tuple[int, ...], dict[int, Tally]]:
    """Tally what is skipped and doomed until nothing more is; the ready tasks, and the tallies of shards written, in
    the order of their last writes."""
    frontier = set(ended)
    touched = dict(tallies)
    known = newest(touched)
    written: Endings = {}
    while True:
        step = advance(facts.plan, known, frontier, candidates, facts.empty)
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
        _drop_old_reads(known, touched)


def _drop_old_reads(known: dict[int, Tally], touched: Mapping[int, Tally]) -> None:
    """Leave in `known` only what was seen since the last write (see `newest`)."""
    known.clear()
    known.update(newest(touched))


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
