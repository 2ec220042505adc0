"""Telling what a run's record says is still to be told: that it started, was paused, is late, has ended.

Owns when it counts as told. The write that makes it so notes it (core/untold.py); whoever made that write tells it
then, and if that one dies, whoever comes by: a repeated message, HealRun, the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from chalicelib.core.commands import ScheduleNext, encode
from chalicelib.core.errors import NotTold, TryAgain
from chalicelib.core.notices import NoticeKind
from chalicelib.core.records import Run, Tally, in_epoch
from chalicelib.core.runnotices import counts_of, ending_kind, run_change, run_ended, run_late, run_started
from chalicelib.core.states import RunState
from chalicelib.core.untold import Untold, in_order, untold
from chalicelib.engine import noting
from chalicelib.engine.failures import NO_RESULTS, Results, named
from chalicelib.engine.tell import HeldBack, deliver, tell_changes
from chalicelib.engine.world import World

log = logging.getLogger(__name__)

Tallies = Mapping[int, Tally]


def start_to_tell(world: World, run: Run) -> str | None:
    """What the beginning of the run's epoch leaves to be told, if anybody wants to hear of it."""
    wanted = world.changes is not None or run.notify.to_anybody(NoticeKind.RUN_STARTED)
    return untold(run.epoch, Untold.STARTED) if wanted else None


def change_to_tell(world: World, epoch: int, to: RunState) -> str | None:
    """What a run's change to this state, which is no ending, leaves to be told: the event bus alone hears of it."""
    return untold(epoch, Untold(to.value)) if world.changes is not None else None


def tell_untold(world: World, run: Run, tallies: Tallies | None = None, results: Results = NO_RESULTS) -> None:
    """Tell what is still to be told of the run by its record, and take it out of that. Raises NotTold when some of it
    was not, after the rest. `tallies` are all of the current epoch's, if they were read; `results` those of jobs whose
    records are not committed yet."""
    told: set[str] = set()
    failure: TryAgain | None = None
    for item, epoch, what in in_order(run.untold):
        is_current = epoch == run.epoch
        try:
            _tell(world, in_epoch(run, epoch), what, tallies if is_current else None, results if is_current else {})
            told.add(item)
        except TryAgain as again:
            failure = failure or again
    if told:
        world.store.note_run_told(run.run_id, sorted(told))
    if failure is not None:
        raise NotTold(str(failure)) from failure


def tell_or_leave(world: World, run: Run) -> None:
    """Tell what is still to be told of the run; what cannot be for now, the sweep tells. For whoever was asked to do
    something and has done it."""
    try:
        tell_untold(world, run)
    except TryAgain as failure:
        log.warning("the sweep tells later: %s", failure, extra=noting.of_run(run))


def _tell(world: World, run: Run, what: Untold, tallies: Tallies | None, results: Results) -> None:
    now_ms, held = world.clock.now_ms(), HeldBack()
    match what:
        case Untold.STARTED:
            held.tell(lambda: _tell_change(world, run, RunState.RUNNING, run.began_ms))
            if run.notify.to_anybody(NoticeKind.RUN_STARTED):
                held.tell(lambda: deliver(world, run.notify, run_started(run, world.stage)))
        case Untold.PAUSED | Untold.RUNNING:
            switches = run.switches - (run.switches % 2 != (what is Untold.PAUSED))
            if switches > 0:
                _tell_change(world, run, RunState(what.value), now_ms, switches)
        case Untold.LATE:
            after_ms = run.notify.after_ms(NoticeKind.RUN_LATE)
            if after_ms is not None:
                deliver(world, run.notify, run_late(run, world.stage, after_ms))
        case Untold.CANCELLING:
            _tell_change(world, run, RunState.CANCELLING, now_ms)
        case Untold.ENDED:
            _tell_ended(world, run, tallies, results, held)
    held.check()


def _tell_change(world: World, run: Run, state: RunState, at_ms: int, switches: int = 0) -> None:
    if world.changes is not None:
        tell_changes(world, [run_change(run, world.stage, state, at_ms, switches=switches)])


def _tell_ended(world: World, run: Run, tallies: Tallies | None, results: Results, held: HeldBack) -> None:
    if not run.state.ended or run.ended_at_ms is None:
        return
    ended_at_ms = run.ended_at_ms
    if run.schedule is not None and run.epoch == 0:
        # A redrive's end is nothing to the schedule.
        # Before the notice: the ending counts as told only once the schedule can go on.
        world.commands.send([encode(ScheduleNext(run.workflow, run.schedule))])
    held.tell(lambda: _tell_change(world, run, run.state, ended_at_ms))
    if not run.notify.to_anybody(ending_kind(run.state)):
        return
    facts = world.facts_of(run)
    if tallies is None:
        shards = range(facts.plan.shard_count)
        tallies = {shard: world.store.read_tally(run.run_id, run.epoch, shard) for shard in shards}
    failed = {shard: tally.failed for shard, tally in tallies.items() if tally.failed}
    notice = run_ended(
        run,
        world.stage,
        run.state,
        ended_at_ms,
        jobs=named(world, facts, failed, results=results),
        job_count=sum(mask.bit_count() for mask in failed.values()),
        task_counts=counts_of(tallies),
    )
    held.tell(lambda: deliver(world, run.notify, notice))
