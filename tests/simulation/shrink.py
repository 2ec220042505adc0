"""Making a seed that fails as small as it can be: fewer runs, tasks, kinds of faults and actions.

Leaving something out changes the order of what follows, so a smaller scope may need another order to fail: each is
tried with several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.actions import ACTIONS
from tests.simulation.faults import Menu
from tests.simulation.plans import random_plan
from tests.simulation.play import Played, play
from tests.simulation.scope import Scope
from tests.simulation.world import derived, random_conditions

ORDERS = 12
PLAYS_MAXIMUM = 3_000

Play = Callable[[int, Scope], Played]


def smallest(seed: int, scope: Scope, *, play: Play = play, plays_maximum: int = PLAYS_MAXIMUM) -> Scope:
    """The smallest scope found in which the seed still fails; `scope` itself, which must fail, if none is smaller."""
    plays = 0

    def failing(candidate: Scope) -> Scope | None:
        nonlocal plays
        for salt in range(ORDERS):
            if plays >= plays_maximum:
                return None
            plays += 1
            salted = replace(candidate, salt=(candidate.salt + salt) % 1000)
            if play(seed, salted).failure:
                return salted
        return None

    while True:
        for candidate in _smaller(seed, scope):
            found = failing(candidate)
            if found is not None:
                scope = found
                break
        else:
            return scope


def _smaller(seed: int, scope: Scope) -> Iterator[Scope]:
    """Scopes with one thing less, those that leave out the most first."""
    runs = min(random_conditions(derived(seed, "conditions")).runs, scope.runs)
    if runs > 1:
        yield replace(scope, runs=runs - 1)
    menu = Menu(seed, without=scope.without, shares=scope.shares)
    faults = [name for name, dice in menu.items() if dice.rate]
    if len(faults) > 3:
        for half in (faults[: len(faults) // 2], faults[len(faults) // 2 :]):
            yield replace(scope, without=scope.without | frozenset(half))
    for name in faults:
        yield replace(scope, without=scope.without | {name})
    for action in ACTIONS:
        if not action.first and action.name not in scope.without:
            yield replace(scope, without=scope.without | {action.name})
    for plan in range(runs):
        tasks = [one.name for one in random_plan(derived(seed, f"plan {plan}")).tasks]
        left = [name for name in tasks if name not in scope.tasks_left_out(plan)]
        if len(left) > 6:
            half = frozenset(f"{plan}:{name}" for name in left[len(left) // 2 :])
            yield replace(scope, without_tasks=scope.without_tasks | half)
        if len(left) > 1:
            for name in reversed(left):
                yield replace(scope, without_tasks=scope.without_tasks | {f"{plan}:{name}"})
