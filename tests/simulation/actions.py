"""What people ask for while a world turns: the table of actions, and when each is due.

A new action is a row of ACTIONS. It asks the engine for something until it is answered, as a client does that repeats
a call whose answer did not come.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.run.records import Scope
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.states import RunState
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.pause import pause_run, resume_run
from chalicelib.engine.control.redrive import redrive_run
from chalicelib.engine.control.start import start_run
from chalicelib.engine.world.world import World
from tests.simulation.faults import derived
from tests.simulation.invariants import SimulatedRun
from tests.simulation.plans import FLAVOUR, FLAVOURS, PARTS, SIZES_OF_ARRAYS, changed, params_of_a_run
from tests.simulation.scope import Scope as Part

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedWorld

_LATER_STEPS = 7


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is asked for in a `share` of the runs, at any step or, if `first`, at the beginning.

    `possible` tells whether it makes sense already; if not, it is put off. `note` marks on the run that it was asked.
    """

    name: str
    share: float
    act: Callable[[World, SimulatedRun], object]
    possible: Callable[[SimulatedWorld, SimulatedRun], bool]
    note: Callable[[SimulatedWorld, SimulatedRun], None] = lambda world, run: None
    first: bool = False


def _start(world: World, run: SimulatedRun) -> None:
    start_run(world, run.plan.workflow, {}, f"key-{run.number}")


def _cancel(world: World, run: SimulatedRun) -> None:
    request_cancel(world, run.run_id, "no longer wanted")


def _pause(world: World, run: SimulatedRun) -> None:
    with suppress(UserMistake):  # it is not going on any more
        pause_run(world, run.run_id)


def _resume(world: World, run: SimulatedRun) -> None:
    with suppress(UserMistake):
        resume_run(world, run.run_id)


def _redrive(world: World, run: SimulatedRun) -> None:
    assert run.redrive is not None, "what is to be run again was drawn when it was asked for"
    with suppress(UserMistake):  # it was redriven otherwise, or there is nothing to run again
        redrive_run(world, run.redrive)


def _note_cancel(world: SimulatedWorld, run: SimulatedRun) -> None:
    run.cancel_was_asked = True


def _note_redrive(world: SimulatedWorld, run: SimulatedRun) -> None:
    """Draw what is to be run again of the epoch that has ended; who asks again asks for the same."""
    epoch = world.store.epoch_of(run.run_id)
    if run.redrive is not None and run.redrive.epoch in (epoch, epoch - 1):
        return
    rng = derived(world.seed, f"redrive {run.number} {epoch}")
    plan, version = run.plan, None
    if rng.random() < 0.3 and not world.conditions.same_plan:
        plan = changed(rng, plan)
        version = world.store.push(
            plan.workflow, {"params": params_of_a_run(run.epochs[-1].parts)}, plan, world.clock.now_ms()
        ).version
    scope = rng.choice((Scope.FROM_FAILED, Scope.FROM_FAILED, Scope.TASKS, Scope.ALL))
    names = sorted(one.name for one in rng.sample(plan.tasks, min(len(plan.tasks), rng.randint(1, 2))))
    tasks = tuple(names) if scope is Scope.TASKS else ()
    taste = derived(world.seed, f"redrive params {run.number} {epoch}")
    params: dict[str, Any] = {FLAVOUR: taste.choice(FLAVOURS)} if taste.random() < 0.4 else {}
    if taste.random() < 0.3:
        params[PARTS] = taste.choice(SIZES_OF_ARRAYS)
    run.redrive = RedriveRequest(run.run_id, scope, tasks, version, epoch, params)


def _exists(world: SimulatedWorld, run: SimulatedRun) -> bool:
    return world.store.run(run.run_id) is not None


def _has_ended(world: SimulatedWorld, run: SimulatedRun) -> bool:
    return _exists(world, run) and world.store.state_of(run.run_id).ended


def _is_paused(world: SimulatedWorld, run: SimulatedRun) -> bool:
    return _exists(world, run) and world.store.state_of(run.run_id) is RunState.PAUSED


ACTIONS = (
    Action("start", 1.0, _start, lambda world, run: True, first=True),
    Action("cancel", 0.25, _cancel, _exists, _note_cancel),
    Action("pause", 0.2, _pause, _exists),
    Action("resume", 0.2, _resume, _is_paused),
    Action("redrive", 0.2, _redrive, _has_ended, _note_redrive),
    Action("redrive_again", 0.05, _redrive, _has_ended, _note_redrive),
    Action("pause_again", 0.05, _pause, _exists),
)
RESUME = Action("resume_in_the_end", 0.0, _resume, _is_paused)


@dataclass(slots=True)
class Ask:
    """A caller who wants an action done."""

    action: Action
    run: SimulatedRun
    answered: bool = False

    def make(self, world: SimulatedWorld) -> None:
        self.action.note(world, self.run)
        invocation = world.invoke(f"{self.action.name} run {self.run.number}", lambda w: self.action.act(w, self.run))
        give_back = invocation.on_end

        def on_end(raised: BaseException | None) -> None:
            self.answered |= raised is None
            give_back(raised)

        invocation.on_end = on_end


@dataclass(slots=True)
class Due:
    """An action of a run, and the step at which it is due."""

    at_step: int
    world: SimulatedWorld
    ask: Ask

    def act(self) -> None:
        world, ask = self.world, self.ask
        if not ask.action.possible(world, ask.run):
            if not world.judge.is_calm:
                self.at_step += _LATER_STEPS
                world.agenda.append(self)
                world.agenda.sort(key=lambda due: -due.at_step)
            return
        if ask not in world.asks:
            world.asks.append(ask)
        ask.make(world)
        if world.menu["asked_twice"]():
            ask.make(world)


def agenda(world: SimulatedWorld, scope: Part) -> list[Due]:
    """Who will ask for what and when, the first one last."""
    due: list[Due] = []
    for run in world.runs:
        for action in ACTIONS:
            rng = derived(world.seed, f"{action.name} {run.number}")
            wanted, at_step = rng.random() < action.share, rng.randint(1, world.conditions.stormy_steps)
            if action.first:
                at_step = rng.randint(1, 20) if run.number else 1
            if wanted and action.name not in scope.without:
                due.append(Due(at_step, world, Ask(action, run)))
    return sorted(due, key=lambda one: -one.at_step)


def resume_what_is_paused(world: SimulatedWorld) -> bool:
    """Let every run go on that nobody has resumed; whether there was one."""
    paused = [run for run in world.runs if _is_paused(world, run)]
    for run in paused:
        Ask(RESUME, run).make(world)
    return bool(paused)
