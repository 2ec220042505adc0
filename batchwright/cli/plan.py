"""`batchwright plan`: what would be submitted, wave by wave, without submitting anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchwright.cli.params import param_options, read_params
from batchwright.files.workflow_file import load_workflow
from batchwright.plans.summary import PlanSummary, TaskSummary, graphviz, summarise
from batchwright.terminal.terminal import json_text, write
from chalicelib.core.definition.compile import compile_workflow

if TYPE_CHECKING:
    from batchwright.terminal.tables import Column

WAVES_SHOWN = 12
TASKS_SHOWN = 20
POLICIES_SHOWN = 5
NAMES_SHOWN = 3

Cell = Callable[[TaskSummary], str]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


_CELLS: dict[str, Cell] = {
    "task": lambda task: task.name,
    "job": lambda task: task.job_definition,
    "queue": lambda task: task.queue,
    "vCPUs": lambda task: _figure(task.vcpus),
    "MiB": lambda task: _figure(task.memory_mib),
    "GPUs": lambda task: _figure(task.gpus),
    "array": lambda task: _figure(task.array_size),
    "tries": lambda task: str(task.attempts),
    "trigger rule": lambda task: f"{task.trigger_rule}{' (may fail)' if task.allow_failure else ''}",
    "in": lambda task: str(task.fan_in),
    "out": lambda task: str(task.fan_out),
}
_TO_THE_RIGHT = {"vCPUs", "MiB", "GPUs", "array", "tries", "in", "out"}
_LEAST = {"task": 16, "job": 10, "queue": 10}
"""Names may be shortened to so many letters; figures are not."""
_GOING = ("out", "in", "tries", "trigger rule", "array", "GPUs", "vCPUs", "MiB", "job")
"""The columns that go where there is no room, the first one first."""
_SAYS_NOTHING = {"vCPUs": "-", "MiB": "-", "GPUs": "-", "array": "-", "tries": "1", "trigger rule": "all_success"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@param_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--dot", "as_dot", is_flag=True, help="Print the graph in Graphviz's language.")
def plan(file: Path, pairs: Sequence[str], params_file: Path | None, as_json: bool, as_dot: bool) -> None:
    """Print what a run of FILE would submit, wave by wave.

    The params are put in, and every limit of Batch is checked. RUN-ID stands for the run's id. 'in' is how many tasks
    a task depends on, 'out' how many depend on it; a dash leaves the value to the job definition. Columns in which
    every task has the default are left out, and long plans are shortened; --json has all of it.
    """
    if as_json and as_dot:
        raise click.UsageError("--json and --dot are two forms; take one of them")
    workflow = load_workflow(file).workflow
    summary = summarise(compile_workflow(workflow), read_params(workflow.declarations(), pairs, params_file))
    if as_json:
        write(json_text(summary.document()))
    elif as_dot:
        write(graphviz(summary))
    else:
        _print(summary)


def _print(summary: PlanSummary) -> None:
    # Only here, so that neither --json nor --dot wait for rich to load.
    from rich.text import Text

    from batchwright.cli.output import print_line, print_table

    shown = summary.waves[:WAVES_SHOWN]
    between: dict[int, list[Text]] = {}
    row = 0
    for number, wave in enumerate(shown, start=1):
        between.setdefault(row, []).append(Text(_title(number, summary, wave), style="bold cyan"))
        row += len(wave[:TASKS_SHOWN])
        between[row] = [Text(f"  {rest}", style="dim") for rest in _rest_of(wave)]
    print_line(Text(_heading(summary), style="bold"))
    print_line(Text())
    print_table(_columns([task for wave in shown for task in wave[:TASKS_SHOWN]]), indent=2, between=between)
    for line in (*_rest_of_waves(summary), "", *_total_lines(summary)):
        print_line(Text(line))


def _columns(tasks: Sequence[TaskSummary]) -> list[Column]:
    """The columns worth printing: those that say nothing for any task are left out."""
    from batchwright.terminal.tables import Column

    found = []
    for title, cell in _CELLS.items():
        cells = [cell(task) for task in tasks]
        if title not in _SAYS_NOTHING or any(one != _SAYS_NOTHING[title] for one in cells):
            goes = _GOING.index(title) if title in _GOING else None
            found.append(Column(title, cells, _LEAST.get(title), goes, right=title in _TO_THE_RIGHT))
    return found


def _heading(summary: PlanSummary) -> str:
    return f"workflow {summary.workflow}, plan {summary.digest[:12]}"


def _title(number: int, summary: PlanSummary, wave: Sequence[TaskSummary]) -> str:
    return f"wave {number} of {summary.totals.waves}: {_counted(len(wave), 'task')}"


def _rest_of(wave: Sequence[TaskSummary]) -> list[str]:
    rest = wave[TASKS_SHOWN:]
    if not rest:
        return []
    jobs = sum(1 if task.array_size is None else task.array_size for task in rest)
    return [f"and {_counted(len(rest), 'more task')} ({_counted(jobs, 'job')}), {rest[0].name} to {rest[-1].name}"]


def _rest_of_waves(summary: PlanSummary) -> list[str]:
    rest = summary.waves[WAVES_SHOWN:]
    if not rest:
        return []
    return [f"and {_counted(len(rest), 'more wave')} ({_counted(sum(map(len, rest)), 'task')}); --json has all of it"]


def _total_lines(summary: PlanSummary) -> list[str]:
    totals = summary.totals
    return [
        *_retry_lines(summary),
        "",
        f"{_counted(totals.tasks, 'task')}, {_counted(totals.jobs, 'job')} counting array children, "
        f"{totals.edges:,} {'dependency' if totals.edges == 1 else 'dependencies'}",
        f"{_counted(totals.waves, 'wave')}, the widest of {_counted(totals.widest_wave, 'task')}; "
        f"{_counted(totals.attempts_at_most, 'submission')} at most",
    ]


def _retry_lines(summary: PlanSummary) -> list[str]:
    """The retry policies in words, each once with the tasks that have it; the commonest first."""
    having: dict[str, list[str]] = {}
    for wave in summary.waves:
        for task in wave:
            having.setdefault(task.retry, []).append(task.name)
    policies = sorted(having.items(), key=lambda policy: -len(policy[1]))
    lines = [f"retry{_of_whom(names, summary)}: {words}" for words, names in policies[:POLICIES_SHOWN]]
    rest = len(policies) - POLICIES_SHOWN
    return [*lines, f"and {rest:,} more ways to retry; --json has all of them"] if rest > 0 else lines


def _of_whom(names: Sequence[str], summary: PlanSummary) -> str:
    if len(names) == summary.totals.tasks:
        return ""
    shown = ", ".join(names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return f" of {shown}{f' and {rest:,} more' if rest > 0 else ''}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
