"""A run's DAG as a tree: under which of its parents each task stands, and which are shown.

A DAG is no tree. Here each task stands once: under the parent that it waited for longest, so that a branch read from
its root downwards is what took the time; its other parents are named beside it. Pure: tasks in, places out. A place is
a task's position in the given list, which is in the order of the plan: parents come before their children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.api import models as m
from chalicelib.core.run.task_view import parents_of, past_of
from chalicelib.core.states import TaskState

ROOT = -1
"""The place above the tasks that wait for none."""
_FAILED, _UNDER_WAY, _REST = range(3)
"""How urgent it is to show a task, most urgent first."""
_OF_A_KIND = {_FAILED: 1_000, _UNDER_WAY: 8, _REST: 2}
"""So many of a kind are shown at most."""
_TOOK_ALONG = {
    TaskState.UPSTREAM_FAILED: (TaskState.FAILED, TaskState.UPSTREAM_FAILED),
    TaskState.SKIPPED: (TaskState.SKIPPED,),
}
"""By the state of a task that did not run: the states of a parent that can be why."""


@dataclass(frozen=True, slots=True)
class RunTree:
    """The tasks of a run, each under one of its parents."""

    tasks: Sequence[m.Task]
    parents: Sequence[Sequence[int]]
    under: Sequence[int]
    """By place: the parent that it stands under, or ROOT."""
    below: Sequence[Sequence[int]]
    """By place, ROOT's at the end: those that stand under it, in the order of the plan."""
    depths: Sequence[int]

    def other_parents(self, place: int) -> list[str]:
        """The names of the parents that it does not stand under."""
        return [self.tasks[parent].name for parent in self.parents[place] if parent != self.under[place]]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which tasks are shown: those of `places`, with what they stand under."""

    places: frozenset[int]
    wanted: frozenset[int]
    """Those of them that were asked for; the others say where these stand."""
    hidden: Sequence[Counter[TaskState]]
    """By place, ROOT's at the end: how many below it were asked for and are not shown."""


def tree_of(tasks: Sequence[m.Task]) -> RunTree:
    """The tree of these tasks."""
    parents = parents_of(tasks)
    under: list[int] = []
    ends_ms: list[int] = []
    for place, task in enumerate(tasks):
        # What never ran ended when its parents' endings were known.
        ends_ms.append(task.stopped_at_ms or max((ends_ms[parent] for parent in parents[place]), default=0))
        under.append(_longest_waited_for(tasks, place, parents[place], ends_ms))
    below: list[list[int]] = [[] for _ in range(len(tasks) + 1)]
    depths: list[int] = []
    for place, parent in enumerate(under):
        below[parent].append(place)
        depths.append(0 if parent == ROOT else depths[parent] + 1)
    return RunTree(tasks, parents, under, below, depths)


def _longest_waited_for(tasks: Sequence[m.Task], place: int, parents: Sequence[int], ends_ms: Sequence[int]) -> int:
    """The parent that decided when, or that, the task would not run; ROOT without any."""
    took_along = _TOOK_ALONG.get(tasks[place].state, ())

    def held_back(parent: int) -> tuple[bool, bool, int, int]:
        state = tasks[parent].state
        return (state in took_along, not state.ended, ends_ms[parent] if state.ended else 0, parent)

    return max(parents, key=held_back, default=ROOT)


def choose(tree: RunTree, limit: int | None, states: Collection[TaskState] = ()) -> Shown:
    """Which tasks to show: all, those in some states, and when there are more than `limit`, about so many of them.

    First of all what failed, then what is under way, then one example of each kind, then a second. Tasks are of one
    kind when they stand side by side, are in the same state, and what stands below them is of the same kinds.
    """
    everywhere = range(len(tree.tasks))
    wanted = [place for place in everywhere if not states or tree.tasks[place].state in states]
    places: set[int] = set()
    if limit is None or len(wanted) <= limit:
        for place in wanted:
            _add_with_ancestors(tree, place, places)
    else:
        ranks = _ranks(tree)
        urgencies = [_urgency(task) for task in tree.tasks]
        in_turn = sorted(wanted, key=lambda place: (ranks[place], tree.depths[place], place))
        # What is less urgent keeps some room, so that one sees what the rest of the run is about; what it does not
        # need goes to the others.
        for urgency, room in ((_FAILED, limit // 2), (_UNDER_WAY, limit * 3 // 4), (_REST, limit), (_FAILED, limit)):
            for place in in_turn:
                if len(places) >= room:
                    break
                if urgencies[place] == urgency and ranks[place] < _OF_A_KIND[urgency]:
                    _add_with_ancestors(tree, place, places)
    _add_single_ones(tree, places, wanted)
    return Shown(frozenset(places), frozenset(wanted) & places, _hidden(tree, places, wanted))


def _urgency(task: m.Task) -> int:
    if task.state is TaskState.FAILED:
        return _FAILED
    return _UNDER_WAY if not task.state.ended and (task.attempt or task.state is not TaskState.WAITING) else _REST


def _add_with_ancestors(tree: RunTree, place: int, places: set[int]) -> None:
    while place != ROOT and place not in places:
        places.add(place)
        place = tree.under[place]


def _add_single_ones(tree: RunTree, places: set[int], wanted: Sequence[int]) -> None:
    """What would be hidden as the only one below a task that is shown takes no more room when it is shown itself."""
    above: list[int] = []
    for parent in tree.under:
        above.append(parent if parent == ROOT or parent in places else above[parent])
    hidden = [place for place in wanted if place not in places]
    below = Counter(above[place] for place in hidden)
    for place in hidden:
        if below[above[place]] == 1:
            _add_with_ancestors(tree, place, places)


def _ranks(tree: RunTree) -> list[int]:
    """By place: how many of its kind stand before it, or before one that it stands under."""
    kinds: list[int] = [0] * len(tree.tasks)
    known: dict[Hashable, int] = {}
    for place in reversed(range(len(tree.tasks))):
        below = frozenset(kinds[child] for child in tree.below[place])
        kinds[place] = known.setdefault((*_look(tree.tasks[place]), below), len(known))
    ranks: list[int] = [0] * len(tree.tasks)
    for parent in (ROOT, *range(len(tree.tasks))):
        before: Counter[int] = Counter()
        for place in tree.below[parent]:
            ranks[place] = max(before[kinds[place]], 0 if parent == ROOT else ranks[parent])
            before[kinds[place]] += 1
    return ranks


def _look(task: m.Task) -> tuple[Hashable, ...]:
    """What makes a task look unlike its neighbours."""
    last = task.attempts[-1] if task.attempts else None
    how = (last.failure, last.exit_code) if last is not None and not last.succeeded else None
    return (task.state, how, bool(past_of(task)))


def _hidden(tree: RunTree, places: Collection[int], wanted: Iterable[int]) -> list[Counter[TaskState]]:
    hidden: list[Counter[TaskState]] = [Counter() for _ in range(len(tree.tasks) + 1)]
    for place in wanted:
        if place not in places:
            hidden[place][tree.tasks[place].state] += 1
    for place in reversed(range(len(tree.tasks))):
        if place not in places and hidden[place]:
            hidden[tree.under[place]].update(hidden[place])
            hidden[place].clear()
    return hidden
