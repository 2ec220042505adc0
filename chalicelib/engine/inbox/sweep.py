"""The sweep: the periodic look at runs whose next look is due. What it finds, control/heal.py heals.

Bounded: it takes up no more once its time is over, and notes where it stopped, so that the next one goes on there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.outbox import Untold, untold
from chalicelib.core.run.commands import CancelRun
from chalicelib.core.run.records import Run, in_epoch
from chalicelib.core.states import RunState
from chalicelib.engine.advance.submit import CANCEL_REASON
from chalicelib.engine.control.cancel import cancel_run
from chalicelib.engine.control.heal import Look, finish_if_over, heal_shard
from chalicelib.engine.control.redrive import prepare
from chalicelib.engine.publishing.failures import note_untold
from chalicelib.engine.publishing.outbox import leased, tell_untold
from chalicelib.engine.publishing.overdue import Overdue, tell_overdue
from chalicelib.engine.schedules.due_times import attend
from chalicelib.engine.schedules.placement import replace_lost
from chalicelib.engine.watch.monitor_looks import look_at_monitors
from chalicelib.engine.watch.observe import ask_about_silent
from chalicelib.engine.world import telemetry
from chalicelib.engine.world.world import NotYet, RunFacts, World

log = logging.getLogger(__name__)

RUNS_AT_A_TIME = 100
SCHEDULES_AT_A_TIME = 20
"""A look at one takes a few reads and a write, and at most a few starts; the rest waits for the next sweep."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: how many runs it looked at, how many of these it could not look at to the end, how many
    schedules it looked at, about how many recorded jobs it asked Batch, and how many monitors looked."""

    runs: int
    unfinished: int
    schedules: int = 0
    jobs: int = 0
    monitors: int = 0


def sweep(world: World) -> Swept:
    """Look at the schedules, let the monitors look, and look at the runs that are due, longest overdue first, until
    none is left or the time is over; and if it is not, at recorded jobs that are silent."""
    began_ms, budget_ms = world.clock.now_ms(), world.settings.sweep_budget_seconds * 1000
    # However slow the schedules and the monitors are, a quarter of the time is the runs', and what those leave.
    schedules = _sweep_schedules(world, began_ms + budget_ms // 2)
    monitors = _sweep_monitors(world, world.clock.now_ms() + budget_ms // 4)
    swept = _sweep_runs(world, began_ms + budget_ms)
    jobs = _sweep_jobs(world) if world.clock.now_ms() < began_ms + budget_ms else 0
    return replace(swept, schedules=schedules, jobs=jobs, monitors=monitors)


def _sweep_monitors(world: World, until_ms: int) -> int:
    """Let the monitors look; how many did."""
    try:
        return look_at_monitors(world, until_ms)
    except TryAgain as failure:
        log.warning("the monitors look again later: %s", failure)
    except Exception:
        log.exception("the monitors could not look")
    return 0


def _sweep_jobs(world: World) -> int:
    """Ask about recorded jobs that are silent; about how many."""
    try:
        return ask_about_silent(world)
    except TryAgain as failure:
        log.warning("jobs that nothing was heard of are asked about later: %s", failure)
    except Exception:
        log.exception("the sweep could not ask about jobs that nothing was heard of")
    return 0


def _sweep_schedules(world: World, until_ms: int) -> int:
    """Look at the schedules of which something is open or was never told; how many."""
    due = world.store.due_schedules(world.clock.now_ms(), SCHEDULES_AT_A_TIME)
    for number, (workflow, name) in enumerate(due):
        if world.clock.now_ms() >= until_ms:
            return number
        # One that cannot be placed is attended to nevertheless, which also puts its next look behind the others.
        for look_at in (replace_lost, attend):
            try:
                look_at(world, workflow, name)
            except (TryAgain, UserMistake) as failure:
                log.warning(
                    "schedule %s is looked at again later: %s", name, failure, extra=telemetry.ids(workflow=workflow)
                )
            except Exception:
                log.exception("the sweep could not look at schedule %s", name, extra=telemetry.ids(workflow=workflow))
    return len(due)


def _sweep_runs(world: World, until_ms: int) -> Swept:
    looked_at: set[str] = set()
    unfinished = 0
    while due := _due(world, looked_at):
        for run_id in due:
            if world.clock.now_ms() >= until_ms:
                return Swept(len(looked_at), unfinished)
            looked_at.add(run_id)
            unfinished += not _sweep_run(world, run_id, until_ms)
    return Swept(len(looked_at), unfinished)


def _due(world: World, looked_at: set[str]) -> list[str]:
    """The next runs that are due. The index may tell late that one is not any more, so none is taken up twice."""
    found = world.store.due_runs(world.clock.now_ms(), RUNS_AT_A_TIME + len(looked_at))
    return [run_id for run_id in found if run_id not in looked_at]


def _sweep_run(world: World, run_id: str, until_ms: int) -> bool:
    """Look at one run; whether to its end. What goes wrong with it must not keep the sweep from the others."""
    try:
        run = world.store.run(run_id)
        if run is None or not _is_due(world, run):
            return True
        return _look_at(world, run, until_ms)
    except TryAgain as failure:
        log.warning("the run is looked at again later: %s", failure, extra=telemetry.ids(run_id=run_id))
    except Exception:
        log.exception("the sweep could not look at the run", extra=telemetry.ids(run_id=run_id))
    try:
        _put_off(world, run_id)
    except TryAgain as failure:
        log.warning("the next look at the run could not be put off: %s", failure, extra=telemetry.ids(run_id=run_id))
    except Exception:
        log.exception("the next look at the run could not be put off", extra=telemetry.ids(run_id=run_id))
    return False


def _is_due(world: World, run: Run) -> bool:
    return run.sweep_at_ms is not None and run.sweep_at_ms <= world.clock.now_ms()


def _put_off(world: World, run_id: str) -> None:
    """Have a run whose look failed looked at behind the others, so that it does not take their time again and again."""
    run = world.store.run(run_id)
    if run is not None and _is_due(world, run):
        world.store.swept(run, swept_at_ms=None, sweep_at_ms=_next_ms(world))


def _ended_amid_a_look(run: Run) -> bool:
    """Whether the look at the run that is under way began before it ended."""
    return run.ended_at_ms is not None and run.sweep_at_ms is not None and run.sweep_at_ms <= run.ended_at_ms


def _look_at(world: World, run: Run, until_ms: int) -> bool:
    facts = prepare(world, run)
    # While a look goes on over several sweeps, `sweep_at_ms` stays the time at which it began.
    # The last look goes from the first shard, also when the run ended amid one.
    first = 0 if _ended_amid_a_look(run) else run.sweep_shard
    began_ms = run.sweep_at_ms if first and run.sweep_at_ms is not None else world.clock.now_ms()
    before_ms = run.created_at_ms if run.swept_at_ms is None else run.swept_at_ms
    look = Look(before_ms, began_ms, Overdue(run.notify, world.clock.now_ms()), is_whole=first == 0)
    if run.state is RunState.CANCELLING:
        cancel_run(world, CancelRun(run.run_id, run.epoch, CANCEL_REASON))
    stopped_at = _heal(world, run, facts, look, first, until_ms)
    if stopped_at is None and not run.state.ended:
        finish_if_over(world, facts)
    # Last, so that whoever does not hear it holds nothing up. Then the look is noted, whatever could be told: what was
    # not is still to be told by the records.
    all_told = _tell(world, run, facts, look, reads_all=stopped_at is None and not look.is_whole)
    if stopped_at is not None:
        place, again_at_ms = stopped_at
        next_ms = began_ms if again_at_ms is None else again_at_ms
        world.store.swept(run, swept_at_ms=None, sweep_at_ms=next_ms, next_shard=place)
        return False
    late = _late_to_tell(run, before_ms, began_ms)
    over = run.state.ended and all_told
    look_at_ms = None if over else _next_ms(world)
    lease = world.lease() if late else None
    noted = world.store.swept(run, swept_at_ms=began_ms, sweep_at_ms=look_at_ms, untold=late, lease=lease)
    if late and noted:
        _told(run, partial(_tell_untold, world, run.run_id))
    return True


def _heal(
    world: World, run: Run, facts: RunFacts, look: Look, first: int, until_ms: int
) -> tuple[int, int | None] | None:
    """Heal the run's shards from the place `first` on; None when none is left. Otherwise where to go on, and when if
    not as soon as there is time."""
    for place, (run_then, facts_then, shard) in enumerate(_places(world, run, facts)):
        if place < first:
            continue
        if world.clock.now_ms() >= until_ms:
            look.is_whole = False
            return place, None
        outcome = heal_shard(world, run_then, facts_then, shard, look)
        if run.state.ended and isinstance(outcome, NotYet):
            # The last look at an ended run goes past a shard only once nothing is open in it.
            look.is_whole = False
            return place, _next_ms(world)
    return None


def _tell(world: World, run: Run, facts: RunFacts, look: Look, *, reads_all: bool) -> bool:
    """Tell what the look, or this part of it, has found, and what is still to be told of the run; whether all of it.
    `reads_all`: what this part has not seen must be read."""
    tellings: list[Callable[[], object]] = []
    # The last look goes through the epochs before as well.
    for epoch in range(0 if run.state.ended else run.epoch, run.epoch + 1):
        failed = look.failed.get(epoch, {})
        if reads_all or any(failed.values()):
            run_then = in_epoch(run, epoch)
            facts_then = world.facts_of(run_then)
            tellings.append(partial(note_untold, world, run_then, facts_then, failed, reads_all=reads_all))
    if look.overdue.found:
        tellings.append(partial(_tell_overdue, world, run, facts, look.overdue))
    # As it is by then: whoever made it so tells it, too.
    if run.untold or look.overdue.found:
        tellings.append(partial(_tell_untold, world, run.run_id))
    return not [telling for telling in tellings if not _told(run, telling)]


def _tell_overdue(world: World, run: Run, facts: RunFacts, overdue: Overdue) -> None:
    leased(world, run)
    tell_overdue(world, run, facts, overdue)


def _tell_untold(world: World, run_id: str) -> None:
    """Tell what is still to be told of the run as it is by now, and end the lease that this invocation may have."""
    run = world.store.run(run_id)
    if run is not None:
        tell_untold(world, run)


def _told(run: Run, telling: Callable[[], object]) -> bool:
    try:
        telling()
    except TryAgain as failure:
        log.warning("the next look tells again: %s", failure, extra=telemetry.of_run(run))
    except Exception:
        log.exception("the sweep could not tell of the run", extra=telemetry.of_run(run))
    else:
        return True
    return False


def _late_to_tell(run: Run, since_ms: int, now_ms: int) -> frozenset[str]:
    """That a run is late is to be told, if it became so since the look before, which was at `since_ms`."""
    after_ms = run.notify.after_ms(NoticeKind.RUN_LATE)
    if after_ms is None or run.state.ended or not since_ms < run.began_ms + after_ms <= now_ms:
        return frozenset()
    return untold(run.epoch, Untold.LATE, run.notify.places(NoticeKind.RUN_LATE))


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
    return world.clock.now_ms() + world.settings.look_seconds * 1000
