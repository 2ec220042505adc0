"""Measures compiling a large workflow beside ordering it with the standard library.

    python bench/compile.py [--tasks 100000] [--edges 300000] [--rounds 3]

Three things are timed, each the best of the rounds: checking the definition (pydantic), compiling the workflow into a
plan with its digest, and graphlib.TopologicalSorter being filled with the same graph and giving its order. The ratio
of the last two is the figure that matters; the target is 5 at most.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import Any

from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.definition.model import Workflow

TARGET = 5.0


def definition(tasks: int, edges: int) -> dict[str, Any]:
    """A random DAG with exactly that many tasks and edges; the tasks stand in the file in no useful order."""
    draw = random.Random(1)
    parents: list[set[int]] = [set() for _ in range(tasks)]
    left = edges
    while left:
        child = draw.randrange(1, tasks)
        parent = draw.randrange(child)
        if parent not in parents[child]:
            parents[child].add(parent)
            left -= 1
    order = list(range(tasks))
    draw.shuffle(order)
    return {
        "name": "bench",
        "defaults": {"job_definition": "worker", "queue": "default", "vcpus": 1, "memory_mib": 512},
        "tasks": {
            f"task-{index}": {
                "depends_on": [f"task-{parent}" for parent in parents[index]],
                "command": ["work", f"--part={index}"],
            }
            for index in order
        },
    }


def best_seconds(rounds: int, work: Callable[[], object]) -> float:
    """The shortest of the rounds; garbage of the one before is collected outside of the time."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
        del result
    return min(times)


def order_with_graphlib(graph: dict[str, list[str]]) -> tuple[str, ...]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, parents in graph.items():
        sorter.add(name, *parents)
    return tuple(sorter.static_order())


def main() -> None:
    options = argparse.ArgumentParser(description="Compiling a large workflow, beside graphlib.")
    options.add_argument("--tasks", type=int, default=100_000)
    options.add_argument("--edges", type=int, default=300_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()

    data = definition(given.tasks, given.edges)
    validation = best_seconds(1, lambda: Workflow.model_validate(data))
    workflow = Workflow.model_validate(data)
    graph = {name: task.depends_on for name, task in workflow.tasks.items()}

    graphlib = best_seconds(given.rounds, lambda: order_with_graphlib(graph))
    ordering = best_seconds(given.rounds, lambda: compile_workflow(workflow))
    compiling = best_seconds(given.rounds, lambda: compile_workflow(workflow).digest)

    print(f"{given.tasks:,} tasks, {given.edges:,} edges, best of {given.rounds}")
    print(f"{'what':<44}{'seconds':>9}{'ratio':>8}")
    for what, seconds in (
        ("graphlib: fill and static_order", graphlib),
        ("workflow -> plan, without the digest", ordering),
        ("workflow -> plan, with the digest", compiling),
        ("definition -> workflow (pydantic; not counted)", validation),
    ):
        print(f"{what:<46}{seconds:>7.2f}{seconds / graphlib:>8.1f}")
    verdict = "within" if compiling <= TARGET * graphlib else "ABOVE"
    print(f"{compiling / graphlib:.1f} times graphlib: {verdict} the target of {TARGET:g}")


if __name__ == "__main__":
    main()
