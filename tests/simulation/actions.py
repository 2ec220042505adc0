"""What people ask for while a world turns: the table of actions, and when each is due.

A new action is a row of ACTIONS. It asks the engine for something until it is answered, as a client does that repeats
a call whose answer did not come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.cancel import request_cancel
from chalicelib.engine.start import start_run
from chalicelib.engine.world import World
from tests.simulation.faults import derived
from tests.simulation.invariants import SimulatedRun
from tests.simulation.scope import Scope

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
    note: Callable[[SimulatedRun], None] = lambda run: None
    first: bool = False


def _start(world: World, run: SimulatedRun) -> None:
    start_run(world, run.plan.workflow, {}, f"key-{run.number}")


def _cancel(world: World, run: SimulatedRun) -> None:
    request_cancel(world, run.run_id, "no longer wanted")


def _note_cancel(run: SimulatedRun) -> None:
    run.cancel_was_asked = True


def _exists(world: SimulatedWorld, run: SimulatedRun) -> bool:
    return world.store.run(run.run_id) is not None


ACTIONS = (
    Action("start", 1.0, _start, lambda world, run: True, first=True),
    Action("cancel", 0.25, _cancel, _exists, _note_cancel),
)


@dataclass(slots=True)
class Ask:
    """A caller who wants an action done."""

    action: Action
    run: SimulatedRun
    answered: bool = False

    def make(self, world: SimulatedWorld) -> None:
        self.action.note(self.run)
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


def agenda(world: SimulatedWorld, scope: Scope) -> list[Due]:
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
