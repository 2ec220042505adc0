"""Playing a seed: a stormy phase, a calm one in which everything must come to its end, and the verdict.

`play` is what tests, the command line and the shrinking call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.core import limits
from chalicelib.core.notice.kinds import NoticeKind
from tests.simulation.invariants import Violation
from tests.simulation.plans import described
from tests.simulation.scope import WHOLE, Scope
from tests.simulation.story import Complaints
from tests.simulation.verdict import check_world
from tests.simulation.world import SimulatedWorld

CALM_STEPS_MAXIMUM = 20_000
"""Within so many steps, everything ends once faults have stopped. A few hundred are usual."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a seed went. `failure` says which rule did not hold; `fired` how often each kind of fault happened."""

    seed: int
    scope: Scope
    failure: str | None
    steps: int
    fired: dict[str, int] = field(default_factory=dict)
    story: tuple[str, ...] = ()
    setting: str = ""
    story_digest: str = ""


def play(seed: int, scope: Scope = WHOLE, *, is_told: bool = False) -> Played:
    """Play a seed to its end and judge it. `is_told` keeps the story of every step, which takes several times as
    long."""
    with _listening() as complaints, _shards() as size_shards:
        world = SimulatedWorld(seed, scope, is_told=is_told)
        complaints.story = world.story
        size_shards(world.conditions.shard_size)
        steps = [0]
        failure = None
        try:
            _storm(world, steps, complaints)
            _calm(world, steps, complaints)
            check_world(world)
        except (Violation, Exception) as raised:
            failure = str(raised) if isinstance(raised, Violation) else f"{type(raised).__name__}: {raised}"
            world.story.add(f"VIOLATION: {failure}")
    return Played(
        seed,
        scope,
        failure,
        steps[0],
        _fired(world),
        tuple(world.story.lines),
        _setting(world) if is_told or failure else "",
        world.story.digest if is_told else "",
    )


def _storm(world: SimulatedWorld, steps: list[int], complaints: Complaints) -> None:
    """Things go wrong, until the time for it is over or nothing happens any more."""
    for _ in range(world.conditions.stormy_steps):
        steps[0] += 1
        if not world.stormy_step() and not world.ask_again() and not world.ask_next():
            break
        _check_complaints(complaints)


def _calm(world: SimulatedWorld, steps: list[int], complaints: Complaints) -> None:
    """No more faults. Who got no answer asks again; an operator puts what failed too often back on the queues."""
    world.menu.calm_down()
    world.gate.calm_down()
    world.judge.is_calm = True
    world.story.add("CALM: nothing goes wrong from now on")
    while world.ask_next():
        pass
    for _ in range(CALM_STEPS_MAXIMUM):
        steps[0] += 1
        if not world.step() and not _somebody_repeats(world):
            return
        _check_complaints(complaints)
    raise Violation(f"the world did not come to rest within {CALM_STEPS_MAXIMUM} calm steps")


def _somebody_repeats(world: SimulatedWorld) -> bool:
    """What a person does once all is quiet; whether there was anything to do."""
    if world.ask_again() or world.resume_what_is_paused():
        return True
    if world.replayed:
        return False
    world.replayed = True
    replayed = [queue.replay_dead(world.bridge.poison) for queue in (world.events, world.commands)]
    return sum(replayed) > 0


def _check_complaints(complaints: Complaints) -> None:
    if complaints.errors:
        raise Violation(f"the engine met what it did not expect: {complaints.errors}")


def _fired(world: SimulatedWorld) -> dict[str, int]:
    fired = world.menu.fired
    for name, times in (
        ("(jobs)", len(world.batch.jobs)),
        ("(pairs of jobs)", world.judge.pairs),
        ("(invocations)", world.invocations),
        ("(cancelled runs)", sum(run.cancel_was_asked for run in world.runs)),
        ("(paused shards)", world.judge.store.pauses),
        ("(redrives)", sum(len(run.epochs) - 1 for run in world.runs)),
        ("(dead letters)", len(world.dead.letters) + len(world.events.dead) + len(world.commands.dead)),
        ("(Lambda time-outs)", world.gate.timeouts),
        ("(runs)", len(world.runs)),
        ("(schedules)", int(world.timetable is not None)),
        ("(scheduled runs)", sum(run.schedule is not None for run in world.store.all_runs())),
        ("(digests)", sum(notice.kind is NoticeKind.TASK_FAILED for notice in world.notices.published)),
        ("(changes told)", len(world.changes.told) if world.changes else 0),
        ("(jobs of others)", len(world.foreign.jobs) if world.foreign else 0),
        *((f"({kind} told)", times) for kind, times in (world.monitored.times_told if world.monitored else {}).items()),
        ("(clean looks)", world.monitored.clean_looks if world.monitored else 0),
        ("(times dropped)", len(world.timetable.dropped) if world.timetable else 0),
    ):
        if times:
            fired[name] = times
    return fired


def _setting(world: SimulatedWorld) -> str:
    """The plan, the fates and the menu, for whoever has to understand a seed that failed."""
    lines = [f"  {world.conditions}", f"  faults: {world.menu.described()}"]
    if world.timetable is not None:
        lines.append(f"  schedule {world.timetable.definition}, times {world.timetable.times}")
    if world.foreign is not None and world.monitored is not None:
        lines += [f"  {job}" for job in world.foreign.jobs.values()]
        lines += [f"  monitor {name}: {given}" for name, given in world.monitored.definition.items()]
    for run in world.runs:
        lines.append(f"  run {run.number}, of {run.plan.workflow}")
        lines.append(described(run.epochs[0].plan, run.epochs[0].fates))
    return "\n".join(lines)


@contextmanager
def _listening() -> Iterator[Complaints]:
    """Hear what the engine logs, and keep it from everybody else."""
    logger, complaints = logging.getLogger("chalicelib"), Complaints()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(complaints)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield complaints
    finally:
        logger.removeHandler(complaints)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _shards():
    """Makes shards as small as asked for, and puts them back."""
    size = limits.SHARD_SIZE
    try:
        yield lambda wanted: setattr(limits, "SHARD_SIZE", wanted)
    finally:
        limits.SHARD_SIZE = size
