"""The graph of `depends_on`: what makes it no DAG, told by name, and its cycles from end to end.

Works on names, so that a definition with other mistakes can be judged too. Numbering a sound graph is `compile.py`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain

from chalicelib.core.mistakes import Mistake
from chalicelib.core.suggest import Names, shown

_CYCLE_SHOWN = 40
_KNOTTED_CLOSELY = 5_000
"""Tasks in knots, or waiting for one. Knots of more are not told apart, for that takes long."""

Graph = Mapping[str, Sequence[str]]
"""Task names in file order, each with the names it depends on."""


def graph_mistakes(graph: Graph) -> Iterator[Mistake]:
    """Every unknown, repeated or own name in a `depends_on`, then the cycles: one for each knot of tasks."""
    if _in_order(graph):
        return
    names = Names(graph)
    known = graph.keys()
    for task, parents in graph.items():
        if not parents or (len(parents) == 1 and parents[0] in known and parents[0] != task):
            continue
        if len(once := set(parents)) < len(parents) or task in once or not once <= known:
            yield from _name_mistakes(task, parents, graph, names)
    for cycle in find_cycles(graph):
        place = graph[cycle[0]].index(cycle[1])
        yield Mistake(
            ("tasks", cycle[0], "depends_on", place),
            f"depends_on closes a cycle: {_shown_cycle(cycle)}",
            "each depends on the next; one of them must not",
        )


def _shown_cycle(cycle: Sequence[str]) -> str:
    """The cycle from end to end; of a long one, both ends."""
    names = list(cycle)
    if len(names) > _CYCLE_SHOWN:
        half = _CYCLE_SHOWN // 2
        names[half:-half] = [f"({len(names) - 2 * half:,} more)"]
    return " -> ".join(names)


def find_cycles(graph: Graph) -> list[list[str]]:
    """One cycle for each knot (strongly connected component) of two tasks or more, first name repeated at the end.

    The first name is the knot's first in file order, each depends on the next, and the cycle is a shortest one
    through it. Self-dependencies and unknown names are not looked at. Where too many tasks are knotted, it is some
    cycles that share no task, one at least.
    """
    knotted = _without_loose_ends(graph)
    if len(knotted) > _KNOTTED_CLOSELY:
        return _some_cycles(knotted, graph)
    return [_shortest_cycle(min(knot, key=knotted.__getitem__), knot, graph) for knot in _knots(knotted, graph)]


def _in_order(graph: Graph) -> bool:
    """Whether each task stands behind those it depends on, as in most files: then nothing is wrong with the graph."""
    before: set[str] = set()
    for task, parents in graph.items():
        if parents and not (before.issuperset(parents) and (len(parents) == 1 or len(set(parents)) == len(parents))):
            return False
        before.add(task)
    return True


def _name_mistakes(task: str, parents: Sequence[str], graph: Graph, names: Names) -> Iterator[Mistake]:
    seen: set[str] = set()
    for place, parent in enumerate(parents):
        path = ("tasks", task, "depends_on", place)
        if parent in seen:
            yield Mistake(path, f"depends_on names {shown(parent)} twice", "once is enough")
        elif parent == task:
            yield Mistake(path, "depends_on names the task itself")
        elif parent not in graph:
            yield Mistake(path, f"depends_on names {shown(parent)}, which is no task", names.suggestion(parent))
        seen.add(parent)


def _without_loose_ends(graph: Graph) -> dict[str, int]:
    """The tasks left when one after the other is taken away that no other is waiting for, and their places in the
    file: those of all cycles, and what these wait for."""
    awaited = Counter(chain.from_iterable(graph.values()))
    for name, parents in graph.items():
        if name in parents:
            awaited[name] -= parents.count(name)
    free = [name for name in graph if not awaited[name]]
    for name in free:
        for parent in graph[name]:
            if parent != name:
                left = awaited[parent] - 1
                awaited[parent] = left
                if not left and parent in graph:
                    free.append(parent)
    return {} if len(free) == len(graph) else {name: place for place, name in enumerate(graph) if awaited[name]}


def _some_cycles(knotted: Mapping[str, int], graph: Graph) -> list[list[str]]:
    """The cycles met by going from each task to one that waits for it, then to one that waits for that."""
    waiting = {parent: name for name in knotted for parent in graph[name] if parent != name}
    walks: dict[str, str] = {}
    """By task: where the walk began that came by it."""
    cycles: list[list[str]] = []
    for start in knotted:
        name, way = start, []
        while name not in walks:
            walks[name] = start
            way.append(name)
            name = waiting[name]
        if way and walks[name] == start:
            cycle = way[way.index(name) :][::-1]
            first = cycle.index(min(cycle, key=knotted.__getitem__))
            cycles.append([*cycle[first:], *cycle[: first + 1]])
    return sorted(cycles, key=lambda cycle: knotted[cycle[0]])


def _knots(knotted: Mapping[str, int], graph: Graph) -> list[set[str]]:
    """Strongly connected components of two tasks or more, by the file order of their first (Tarjan, without calls)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: dict[str, None] = {}
    knots: list[set[str]] = []
    for root in knotted:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        open_names[root] = None
        work = [(root, _inside(root, knotted, graph))]
        while work:
            name, parents = work[-1]
            for parent in parents:
                if parent not in number:
                    number[parent] = low[parent] = len(number)
                    open_names[parent] = None
                    work.append((parent, _inside(parent, knotted, graph)))
                    break
                if parent in open_names:
                    low[name] = min(low[name], number[parent])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == number[name]:
                    knots.append(_closed(name, open_names))
    found = [knot for knot in knots if len(knot) > 1]
    return sorted(found, key=lambda knot: min(knotted[name] for name in knot))


def _closed(name: str, open_names: dict[str, None]) -> set[str]:
    knot = set()
    while name not in knot:
        knot.add(open_names.popitem()[0])
    return knot


def _inside(name: str, names: Container[str], graph: Graph) -> Iterator[str]:
    return (parent for parent in graph[name] if parent in names and parent != name)


def _shortest_cycle(start: str, knot: set[str], graph: Graph) -> list[str]:
    came_from: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for parent in _inside(name, knot, graph):
            if parent == start:
                path = [start, name]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1] if name != start else path
            if parent not in came_from:
                came_from[parent] = name
                queue.append(parent)
    raise AssertionError(f"no cycle through {start}")
