"""Measures whether what is done with a workflow file grows with the file, and not with its square.

    python -m bench.readers [--sizes 1000 10000 100000] [--only TEXT]

Each reader, checker and printer is timed on workflows of 1,000, 10,000 and 100,000 tasks, wide (no task waits for
another), deep (each waits for the one before) and joined (one waits for all), as JSON and YAML, indented and on one
line. The figure that matters is the growth: how many times longer a task takes than in the workflow of a tenth of its
size. It is about 1 where the work for a task is the same however many there are, and about 10 where it grows with the
distance to something, such as the beginning of a line. Seconds are the processor's, so other work counts little.
"""

from __future__ import annotations

import argparse
import gc
import io
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batchwright.files.workflow_file import load_workflow, problems_of, read_document
from batchwright.plans.summary import graphviz, summarise
from batchwright.runs.summary import Asked, print_summary, print_timeline
from batchwright.runs.view import RunView
from batchwright.terminal.plain_console import PlainConsole
from chalicelib.api.http import json_body
from chalicelib.core.definition.check import check_definition
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.definition.model import Workflow
from chalicelib.core.plan.model import Plan
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import ended, result, view

GROWTH_MAXIMUM = 2.0
"""More than memory that no longer fits a cache makes of it, and far less than a square does."""
DEFAULTS = {"job_definition": "worker", "queue": "default", "vcpus": 1, "memory_mib": 512}
SHAPES = ("wide", "deep", "joined")


def definition(shape: str, tasks: int) -> dict[str, Any]:
    """A workflow of that shape and size."""
    names = [f"task-{index}" for index in range(tasks)]
    parents: dict[str, list[str]] = {name: [] for name in names}
    if shape == "deep":
        parents |= {name: [before] for before, name in itertools.pairwise(names)}
    if shape == "joined":
        parents[names[-1]] = names[:-1]
    return {
        "name": "bench",
        "defaults": DEFAULTS,
        "tasks": {name: {"command": ["work", name], "depends_on": parents[name]} for name in names},
    }


def block(found: dict[str, Any]) -> str:
    """A definition as YAML that people write; the library's own writer would take minutes."""
    tasks = (
        f"  {name}:\n    command: {json.dumps(task['command'])}\n    depends_on: {json.dumps(task['depends_on'])}\n"
        for name, task in found["tasks"].items()
    )
    return f"name: bench\ndefaults: {json.dumps(DEFAULTS)}\ntasks:\n{''.join(tasks)}"


def flow(found: dict[str, Any]) -> str:
    """A definition as YAML on one line, which is no JSON."""
    tasks = ", ".join(f"{name}: {json.dumps(task)}" for name, task in found["tasks"].items())
    return f"{{name: bench, defaults: {json.dumps(DEFAULTS)}, tasks: {{{tasks}}}}}"


FORMS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "JSON, one line": (".json", json.dumps),
    "JSON, indented": (".json", lambda found: json.dumps(found, indent=2)),
    "YAML, one line": (".yaml", flow),
    "YAML, indented": (".yaml", block),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done with a workflow. `make` gives what is timed for a shape and a size."""

    name: str
    make: Callable[[str, int, Path], Callable[[], object]]


def _of_file(suffix: str, write: Callable[[dict[str, Any]], str], work: Callable[[Path], object]) -> Any:
    def make(shape: str, tasks: int, folder: Path) -> Callable[[], object]:
        path = folder / f"w{suffix}"
        path.write_text(write(definition(shape, tasks)), encoding="utf-8")
        return lambda: work(path)

    return make


def _of_definition(work: Callable[[dict[str, Any]], object]) -> Any:
    def make(shape: str, tasks: int, folder: Path) -> Callable[[], object]:
        found = definition(shape, tasks)
        return lambda: work(found)

    return make


def _of_plan(work: Callable[[Plan], object]) -> Any:
    def make(shape: str, tasks: int, folder: Path) -> Callable[[], object]:
        plan = compile_workflow(Workflow.model_validate(definition(shape, tasks)))
        return lambda: work(plan)

    return make


def _of_run(work: Callable[[RunView], object]) -> Any:
    def make(shape: str, tasks: int, folder: Path) -> Callable[[], object]:
        parents = {name: task["depends_on"] for name, task in definition(shape, tasks)["tasks"].items()}
        done = result(True, exit_code=0)
        rows = [
            ended(index, name, TaskState.SUCCEEDED, done).model_copy(update={"depends_on": parents[name]})
            for index, name in enumerate(parents)
        ]
        run = view(*rows, state=RunState.SUCCEEDED, lasted_seconds=10)
        return lambda: work(run)

    return make


def _to_a_file() -> PlainConsole:
    return PlainConsole(file=io.StringIO(), width=120)


def _wrong(found: dict[str, Any]) -> dict[str, Any]:
    """The same, each task with a mistake."""
    return {**found, "tasks": {name: {**task, "vcpus": 0} for name, task in found["tasks"].items()}}


def steps() -> Iterator[Step]:
    for form, (suffix, write) in FORMS.items():
        yield Step(f"read: {form}", _of_file(suffix, write, read_document))
        yield Step(f"read and check: {form}", _of_file(suffix, write, load_workflow))
    one_line = (".json", lambda found: json.dumps(_wrong(found)))
    yield Step("read, a mistake in every task: JSON, one line", _of_file(*one_line, problems_of))
    yield Step("read the body of a request", _of_file(".json", _body, _read_body))
    yield Step("check", _of_definition(check_definition))
    yield Step("check, a mistake in every task", _of_definition(lambda found: check_definition(_wrong(found))))
    yield Step("compile, with the digest", _of_definition(_compile))
    yield Step("write and read a plan", _of_plan(lambda plan: Plan.from_chunks(plan.digest, plan.chunks())))
    yield Step("plan --json", _of_plan(lambda plan: json.dumps(summarise(plan, {}).document(), indent=2)))
    yield Step("plan --dot", _of_plan(lambda plan: graphviz(summarise(plan, {}))))
    yield Step("workflows show", _of_definition(lambda found: yaml.safe_dump(found, sort_keys=False, width=120)))
    for asked, words in ((Asked(), ""), (Asked(everything=True), " --all")):
        yield Step(f"show{words}", _of_run(lambda run, asked=asked: print_summary(_to_a_file(), run, None, asked)))
        yield Step(
            f"show --timeline{words}", _of_run(lambda run, asked=asked: print_timeline(_to_a_file(), run, asked))
        )


def _body(found: dict[str, Any]) -> str:
    """The graph alone: with all of their commands, 100,000 tasks are more than a request may have."""
    tasks = {name: {"depends_on": task["depends_on"]} for name, task in found["tasks"].items()}
    return json.dumps({**found, "tasks": tasks})


def _read_body(path: Path) -> object:
    return json_body.read_json_body(path.read_bytes())


def _compile(found: dict[str, Any]) -> str:
    return compile_workflow(Workflow.model_validate(found)).digest


def seconds(work: Callable[[], object]) -> float:
    """The processor's seconds of the quickest of three rounds, or of one where that is half a second or more."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
        del result
        if best > 0.5:
            break
    return best


def row(step: Step, shape: str, sizes: Sequence[int]) -> tuple[str, list[float]]:
    """A line of the table, and the growth from each size to the next."""
    with tempfile.TemporaryDirectory() as folder:
        found = [seconds(step.make(shape, tasks, Path(folder))) for tasks in sizes]
    each = [taken / tasks for taken, tasks in zip(found, sizes, strict=True)]
    growth = [larger / smaller for smaller, larger in itertools.pairwise(each)]
    figures = "".join(f"{taken:>9.3f}" for taken in found) + "".join(f"{ratio:>9.1f}" for ratio in growth)
    return f"{step.name:<48}{shape:<8}{figures}", growth


def main() -> None:
    options = argparse.ArgumentParser(description="Whether work on a workflow file grows with the file.")
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options.add_argument("--only", default="", metavar="TEXT", help="Only what is called so.")
    given = options.parse_args()

    heads = "".join(f"{tasks:>9,}" for tasks in given.sizes) + "".join(f"{'growth':>9}" for _ in given.sizes[1:])
    print(f"{'seconds of the processor, by tasks':<56}{heads}")
    steep = []
    for step in steps():
        for shape in SHAPES if given.only in step.name else ():
            line, growth = row(step, shape, given.sizes)
            is_steep = max(growth, default=0) > GROWTH_MAXIMUM
            print(f"{line}{'  STEEP' if is_steep else ''}", flush=True)
            steep += [f"{step.name}, {shape}"] if is_steep else []
    print(f"steeper than {GROWTH_MAXIMUM:g}: {'; '.join(steep) or 'none'}")


if __name__ == "__main__":
    main()
