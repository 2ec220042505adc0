"""The sweep: the periodic look at runs whose next look is due. What it finds, heal.py heals.

Bounded: it takes up no more once its time is over, and notes where it stopped, so that the next one goes on there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.core.commands import CancelRun
from chalicelib.core.errors import TryAgain
from chalicelib.core.records import Run, in_epoch
from chalicelib.core.states import RunState
from chalicelib.engine.cancel import cancel_run
from chalicelib.engine.heal import finish_if_over, heal_shard
from chalicelib.engine.redrive import prepare
from chalicelib.engine.submit import CANCEL_REASON
from chalicelib.engine.world import NotYet, RunFacts, World

log = logging.getLogger(__name__)

RUNS_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: how many runs it looked at, and how many of these it could not look at to the end."""

    runs: int
    unfinished: int


def sweep(world: World) -> Swept:
    """Look at the runs that are due, longest overdue first, until none is left or the time is over."""
    until_ms = world.clock.now_ms() + world.settings.sweep_budget_seconds * 1000
    looked_at = unfinished = 0
    for run_id in world.store.due_runs(world.clock.now_ms(), RUNS_AT_A_TIME):
        if world.clock.now_ms() >= until_ms:
            break
        looked_at += 1
        unfinished += not _sweep_run(world, run_id, until_ms)
    return Swept(looked_at, unfinished)


def _sweep_run(world: World, run_id: str, until_ms: int) -> bool:
    """Look at one run; whether to its end. What goes wrong with it must not keep the sweep from the others."""
    run = world.store.run(run_id)
    now_ms = world.clock.now_ms()
    if run is None or run.sweep_at_ms is None or run.sweep_at_ms > now_ms:
        return True
    try:
        return _look_at(world, run, until_ms)
    except TryAgain as failure:
        log.warning("run %s is looked at again later: %s", run_id, failure)
    except Exception:
        log.exception("the sweep could not look at run %s", run_id)
    # Behind the others, so that it does not take their time again and again.
    world.store.swept(run, swept_at_ms=None, sweep_at_ms=_next_ms(world))
    return False


def _look_at(world: World, run: Run, until_ms: int) -> bool:
    facts = prepare(world, run)
    # While a look goes on over several sweeps, `sweep_at_ms` stays the time at which it began.
    began_ms = run.sweep_at_ms if run.sweep_shard and run.sweep_at_ms is not None else world.clock.now_ms()
    last_look_ms = run.created_at_ms if run.swept_at_ms is None else run.swept_at_ms
    if run.state is RunState.CANCELLING:
        cancel_run(world, CancelRun(run.run_id, run.epoch, CANCEL_REASON))
    for place, (run_then, facts_then, shard) in enumerate(_places(world, run, facts)):
        if place < run.sweep_shard:
            continue
        if world.clock.now_ms() >= until_ms:
            world.store.swept(run, swept_at_ms=None, sweep_at_ms=began_ms, next_shard=place)
            return False
        outcome = heal_shard(world, run_then, facts_then, shard, last_look_ms=last_look_ms)
        if run.state.ended and isinstance(outcome, NotYet):
            # The last look at an ended run goes past a shard only once nothing is open in it.
            world.store.swept(run, swept_at_ms=None, sweep_at_ms=_next_ms(world), next_shard=place)
            return False
    finish_if_over(world, facts)
    world.store.swept(run, swept_at_ms=began_ms, sweep_at_ms=None if run.state.ended else _next_ms(world))
    return True


def _places(world: World, run: Run, facts: RunFacts) -> Iterator[tuple[Run, RunFacts, int]]:
    """The shards to look at. The last look goes through the epochs before as well: a redrive may have been quicker than
    whoever was to commit the last of their records."""
    for shard in range(facts.plan.shard_count):
        yield run, facts, shard
    for epoch in reversed(range(run.epoch if run.state.ended else 0)):
        run_then = in_epoch(run, epoch)
        facts_then = world.facts_of(run_then)
        for shard in range(facts_then.plan.shard_count):
            yield run_then, facts_then, shard


def _next_ms(world: World) -> int:
    return world.clock.now_ms() + world.settings.sweep_seconds * 1000
