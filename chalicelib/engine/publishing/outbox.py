"""Telling what a run's record says is still to be told: that it started, was paused, is late, has ended; and what could
not be told of its tasks.

Owns when it counts as told, each place by itself. The write that makes it so notes it (core/notice/outbox.py) and takes
the run's lease, if the run has none. The invocation that has the lease tells all that is noted, and ends the lease with
the write that takes the last of it out. What is left is told by HealRun, the run's end or the sweep, and so is what an
invocation left that died, once its lease has expired.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import assert_never

from chalicelib.core.errors import NotTold, TryAgain
from chalicelib.core.lease import is_free
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.outbox import Place, ToTell, Untold, in_order, untold
from chalicelib.core.run.bus_events import run_change
from chalicelib.core.run.commands import ScheduleNext, encode
from chalicelib.core.run.notices import counts_of, ending_kind, run_ended, run_late, run_started
from chalicelib.core.run.records import Run, Tally, in_epoch
from chalicelib.core.states import RunState
from chalicelib.engine.publishing.bus import tell_shard
from chalicelib.engine.publishing.deliver import bus_of, deliver, tell_again, tell_changes
from chalicelib.engine.publishing.failures import NO_RESULTS, Results, more_queues, named, tell_digest_again
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import RunFacts, World

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


def leased(world: World, run: Run) -> Run:
    """The run as it is once this invocation has the lease on what is to be told of it. Raises NotTold while another
    invocation has it, and when the run is gone."""
    if _is_ours(world, run) and run.run_id not in world.unleased:
        return run
    now_ms = world.clock.now_ms()
    is_open = is_free(run.lease, world.owner, now_ms)
    taken = world.store.lease_run(run.run_id, world.lease(), now_ms) if is_open else None
    if taken is None:
        raise NotTold(f"another invocation tells what is to be told of run {run.run_id}")
    return taken


def _is_ours(world: World, run: Run) -> bool:
    return run.lease is not None and run.lease.owner == world.owner


def tell_untold(world: World, run: Run, tallies: Tallies | None = None, results: Results = NO_RESULTS) -> None:
    """Tell what is still to be told of the run by its record, and take it out of that. Raises NotTold when some of it
    was not, after the rest, or while another invocation has the lease. `tallies` are all of the current epoch's, if
    they were read; `results` those of jobs whose records are not committed yet."""
    if not run.untold and not _is_ours(world, run):
        return
    now: Run | None = leased(world, run)
    telling = _Telling(world, run.epoch, tallies, results)
    # What joins meanwhile is told as well, because whoever adds it finds the lease held.
    is_last = False
    while now is not None and _is_ours(world, now):
        items = telling.next_of(now)
        if is_last and not items:
            # The lease could not be ended, for a reason that only its expiry mends.
            break
        told = telling.tell(now, items) if items else []
        is_last = not telling.next_of(now, told_now=items)
        # Each by itself: who dies now repeats one thing, and not all. The last of them ends the lease.
        seen = now.untold if is_last else None
        now = world.store.note_run_told(run.run_id, told, world.owner, seen=seen) if told or is_last else now
    world.unleased.add(run.run_id)
    if telling.failure is not None:
        raise NotTold(str(telling.failure)) from telling.failure


class _Telling:
    """What one invocation has tried to tell of a run. `left` are the items that could not be told."""

    def __init__(self, world: World, epoch: int, tallies: Tallies | None, results: Results) -> None:
        self.failure: TryAgain | None = None
        self._world = world
        self._epoch, self._tallies, self._results = epoch, tallies, results
        self._left: set[str] = set()
        self._shards = 0

    def next_of(self, run: Run, told_now: Iterable[ToTell] = ()) -> list[ToTell]:
        """What the run's record says is to be told next: the items of one thing. None of those that are left."""
        tried = self._left.union(one.item for one in told_now)
        _, items = next(groupby(in_order(run.untold - tried), key=lambda one: one.about), (None, ()))
        return list(items)

    def tell(self, run: Run, items: Sequence[ToTell]) -> list[str]:
        """Tell one thing to the places of these items; those items that count as told."""
        first = items[0]
        is_current = first.epoch == self._epoch
        left: Iterable[Place]
        try:
            if first.what is Untold.TASKS:
                self._shards += 1
                if self._shards > SHARDS_AT_A_TIME:
                    raise NotTold(f"tasks of more than {SHARDS_AT_A_TIME} shards are still to be told")
            tallies, results = (self._tallies, self._results) if is_current else (None, NO_RESULTS)
            left = _tell(self._world, in_epoch(run, first.epoch), list(items), tallies, results)
        except TryAgain as again:
            self.failure, left = self.failure or again, Place
        not_told = {one.item for one in items if one.place in left}
        self._left |= not_told
        if not_told:
            self.failure = self.failure or NotTold(f"{first.item} is still to be told")
        return sorted(one.item for one in items if one.item not in not_told)


def tell_or_leave(world: World, run: Run) -> None:
    """Tell what is still to be told of the run; what cannot be for now, its end or the sweep tells. For whoever was
    asked to do something and has done it."""
    try:
        tell_untold(world, run)
    except TryAgain as failure:
        log.warning("the sweep tells later: %s", failure, extra=telemetry.of_run(run))


def tell_or_again(world: World, run: Run, tallies: Tallies, results: Results) -> None:
    """Tell what is still to be told of a run that may have ended; where it has, what cannot be told for now is told
    soon. Raises TryAgain when it cannot be seen to."""
    try:
        tell_untold(world, run, tallies, results)
    except NotTold as failure:
        log.warning("it is told later: %s", failure, extra=telemetry.of_run(run))
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
            log.warning("the schedule goes on later: %s", failure, extra=telemetry.of_run(run))
            left.append(Place.SCHEDULE)
    left += _tell_change(world, run, places, run.state, run.ended_at_ms)
    people = [place for place in places if place in (Place.QUEUE, Place.TOPIC)]
    if not people:
        return left
    return left + deliver(world, run.notify, notice_of_end(world, run, tallies, results), people)


def notice_of_end(world: World, run: Run, tallies: Tallies | None = None, results: Results = NO_RESULTS) -> Notice:
    """The notice of a run's end, with the first failed tasks. `tallies` and `results` are read if they are not
    given."""
    assert run.ended_at_ms is not None
    facts = world.facts_of(run)
    if tallies is None:
        shards = range(facts.plan.shard_count)
        tallies = {shard: world.store.read_tally(run.run_id, run.epoch, shard) for shard in shards}
    failed = {shard: tally.failed for shard, tally in tallies.items() if tally.failed}
    allowed = facts.plan.allowed_failures
    jobs = named(world, facts, failed, results=results)
    return run_ended(
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
