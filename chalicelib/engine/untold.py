"""Telling what a run's record says is still to be told: that it started, was paused, is late, has ended; and what could
not be told of its tasks.

Owns when it counts as told, each place by itself. The write that makes it so notes it (core/untold.py); whoever made
that write tells it then, and what is left, or if that one dies, whoever comes by: HealRun, the run's end, the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import assert_never

from chalicelib.core.changes import run_change
from chalicelib.core.commands import ScheduleNext, encode
from chalicelib.core.errors import NotTold, TryAgain
from chalicelib.core.notices import NoticeKind
from chalicelib.core.records import Run, Tally, in_epoch
from chalicelib.core.runnotices import counts_of, ending_kind, run_ended, run_late, run_started
from chalicelib.core.states import RunState
from chalicelib.core.untold import Place, ToTell, Untold, in_order, untold
from chalicelib.engine import noting
from chalicelib.engine.failures import NO_RESULTS, Results, more_queues, named, tell_digest_again
from chalicelib.engine.taskchanges import tell_shard
from chalicelib.engine.tell import bus_of, deliver, tell_again, tell_changes
from chalicelib.engine.world import RunFacts, World

log = logging.getLogger(__name__)

Tallies = Mapping[int, Tally]
SHARDS_AT_A_TIME = 8
"""Of so many shards the event bus is told again at most in one go, at ten tasks a call."""


def start_to_tell(world: World, run: Run) -> frozenset[str]:
    """What the beginning of the run's epoch leaves to be told."""
    return untold(run.epoch, Untold.STARTED, (*bus_of(world), *run.notify.places(NoticeKind.RUN_STARTED)))


def change_to_tell(world: World, epoch: int, to: RunState) -> frozenset[str]:
    """What a run's change to this state, which is no ending, leaves to be told: the event bus alone hears of it."""
    return untold(epoch, Untold(to.value), bus_of(world))


def end_to_tell(world: World, facts: RunFacts, ending: RunState) -> frozenset[str]:
    """What such an end of the run's epoch leaves to be told. A redrive's end is nothing to the schedule."""
    schedule = (Place.SCHEDULE,) if facts.schedule is not None and facts.epoch == 0 else ()
    people = facts.notify.places(ending_kind(ending))
    return untold(facts.epoch, Untold.ENDED, (*schedule, *bus_of(world), *people))


def tell_untold(world: World, run: Run, tallies: Tallies | None = None, results: Results = NO_RESULTS) -> None:
    """Tell what is still to be told of the run by its record, and take it out of that. Raises NotTold when some of it
    was not, after the rest. `tallies` are all of the current epoch's, if they were read; `results` those of jobs whose
    records are not committed yet."""
    failure: TryAgain | None = None
    shards = 0
    for (epoch, what, _), group in groupby(in_order(run.untold), key=lambda one: one.about):
        items = list(group)
        shards += what is Untold.TASKS
        if shards > SHARDS_AT_A_TIME and what is Untold.TASKS:
            failure = failure or NotTold(f"tasks of more than {SHARDS_AT_A_TIME} shards are still to be told")
            continue
        is_current = epoch == run.epoch
        then = in_epoch(run, epoch)
        left: Iterable[Place]
        try:
            left = _tell(world, then, items, tallies if is_current else None, results if is_current else {})
        except TryAgain as again:
            failure, left = failure or again, Place
        told = sorted(one.item for one in items if one.place not in left)
        if told:
            # Each by itself: who dies now repeats one thing, and not all.
            world.store.note_run_told(run.run_id, told)
        if len(told) < len(items):
            failure = failure or NotTold(f"{items[0].item} is still to be told")
    if failure is not None:
        raise NotTold(str(failure)) from failure


def tell_or_leave(world: World, run: Run) -> None:
    """Tell what is still to be told of the run; what cannot be for now, its end or the sweep tells. For whoever was
    asked to do something and has done it."""
    try:
        tell_untold(world, run)
    except TryAgain as failure:
        log.warning("the sweep tells later: %s", failure, extra=noting.of_run(run))


def tell_or_again(world: World, run: Run, tallies: Tallies, results: Results) -> None:
    """Tell what is still to be told of a run that may have ended; where it has, what cannot be told for now is told
    soon. Raises TryAgain when it cannot be seen to."""
    try:
        tell_untold(world, run, tallies, results)
    except NotTold as failure:
        log.warning("it is told later: %s", failure, extra=noting.of_run(run))
        if run.state.ended:
            tell_again(world, run)


def _tell(world: World, run: Run, items: list[ToTell], tallies: Tallies | None, results: Results) -> Iterable[Place]:
    """Tell one thing to the places of these items; those that could not be told. Raises TryAgain."""
    what, places = items[0].what, [one.place for one in items]
    match what:
        case Untold.STARTED:
            left = _tell_change(world, run, places, RunState.RUNNING, run.began_ms)
            return left + deliver(world, run.notify, run_started(run, world.stage), places)
        case Untold.PAUSED | Untold.RUNNING:
            switches = run.switches - (run.switches % 2 != (what is Untold.PAUSED))
            if switches <= 0:
                return ()
            return _tell_change(world, run, places, RunState(what.value), world.clock.now_ms(), switches)
        case Untold.LATE:
            after_ms = run.notify.after_ms(NoticeKind.RUN_LATE)
            return () if after_ms is None else deliver(world, run.notify, run_late(run, world.stage, after_ms), places)
        case Untold.TASKS:
            shard = items[0].shard
            return () if shard is None or tell_shard(world, world.facts_of(run), shard) else places
        case Untold.FAILURES:
            return tell_digest_again(world, run, places)
        case Untold.CANCELLING:
            return _tell_change(world, run, places, RunState.CANCELLING, world.clock.now_ms())
        case Untold.ENDED:
            return _tell_ended(world, run, places, tallies, results)
    assert_never(what)


def _tell_change(
    world: World, run: Run, places: list[Place], state: RunState, at_ms: int, switches: int = 0
) -> list[Place]:
    """Tell the event bus, if it is one of the places; it, if it could not be told."""
    if Place.BUS not in places or tell_changes(world, [run_change(run, world.stage, state, at_ms, switches=switches)]):
        return []
    return [Place.BUS]


def _tell_ended(world: World, run: Run, places: list[Place], tallies: Tallies | None, results: Results) -> list[Place]:
    if not run.state.ended or run.ended_at_ms is None:
        return []
    left = []
    if run.schedule is not None and Place.SCHEDULE in places:
        try:
            world.commands.send([encode(ScheduleNext(run.workflow, run.schedule))])
        except TryAgain as failure:
            log.warning("the schedule goes on later: %s", failure, extra=noting.of_run(run))
            left.append(Place.SCHEDULE)
    left += _tell_change(world, run, places, run.state, run.ended_at_ms)
    people = [place for place in places if place in (Place.QUEUE, Place.TOPIC)]
    if not people:
        return left
    facts = world.facts_of(run)
    if tallies is None:
        shards = range(facts.plan.shard_count)
        tallies = {shard: world.store.read_tally(run.run_id, run.epoch, shard) for shard in shards}
    failed = {shard: tally.failed for shard, tally in tallies.items() if tally.failed}
    allowed = facts.plan.allowed_failures
    jobs = named(world, facts, failed, results=results)
    notice = run_ended(
        run,
        world.stage,
        run.state,
        run.ended_at_ms,
        jobs=jobs,
        job_count=sum(mask.bit_count() for mask in failed.values()),
        allowed_count=sum((mask & allowed.get(shard, 0)).bit_count() for shard, mask in failed.items()),
        more_queues=more_queues(facts, failed, jobs),
        task_counts=counts_of(tallies),
    )
    return left + deliver(world, run.notify, notice, people)
