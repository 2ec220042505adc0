"""`batchwright plan`: what would be submitted, wave by wave, without submitting anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from batchwright.cli.params import param_options, read_params
from batchwright.plan_summary import PlanSummary, TaskSummary, graphviz, summarise
from batchwright.workflow_file import load_workflow
from chalicelib.core.compile import compile_workflow

WAVES_SHOWN = 12
TASKS_SHOWN = 20
POLICIES_SHOWN = 5
NAMES_SHOWN = 3

Cell = Callable[[TaskSummary], str]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


_COLUMNS: dict[str, Cell] = {
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
_SAYS_NOTHING = {"vCPUs": "-", "MiB": "-", "GPUs": "-", "array": "-", "tries": "1", "trigger rule": "all_success"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@param_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, all of it.")
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
        click.echo(json.dumps(summary.document(), indent=2, ensure_ascii=False))
    elif as_dot:
        click.echo(graphviz(summary))
    elif sys.stdout.isatty():
        _print_table(summary)
    else:
        click.echo("\n".join(_plain_lines(summary)))


def _plain_lines(summary: PlanSummary) -> list[str]:
    columns = _columns(summary)
    shown = summary.waves[:WAVES_SHOWN]
    rows = [[cell(task) for cell in columns.values()] for wave in shown for task in wave[:TASKS_SHOWN]]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [_heading(summary), "", _aligned(columns, tuple(columns), widths)]
    for number, wave in enumerate(shown, start=1):
        lines.append(_title(number, summary, wave))
        lines += [_aligned(columns, [cell(task) for cell in columns.values()], widths) for task in wave[:TASKS_SHOWN]]
        lines += [f"  {rest}" for rest in _rest_of(wave)]
    return [*lines, *_rest_of_waves(summary), "", *_total_lines(summary)]


def _print_table(summary: PlanSummary) -> None:
    # Only here, so that a plan that is piped on does not wait for rich to load.
    from rich import box
    from rich.table import Table

    from batchwright.plain_console import PlainConsole

    columns = _columns(summary)
    shown = [task for wave in summary.waves[:WAVES_SHOWN] for task in wave[:TASKS_SHOWN]]
    table = Table(
        title=_heading(summary),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for heading, cell in columns.items():
        figures = heading in _TO_THE_RIGHT
        # In a narrow terminal names are cut, figures are not.
        narrowest = max(len(heading), *(len(cell(task)) for task in shown)) if figures else None
        table.add_column(heading, justify="right" if figures else "left", no_wrap=True, min_width=narrowest)
    for number, wave in enumerate(summary.waves[:WAVES_SHOWN], start=1):
        table.add_row(_title(number, summary, wave), style="bold cyan")
        for task in wave[:TASKS_SHOWN]:
            table.add_row(*(cell(task) for cell in columns.values()))
        for rest in _rest_of(wave):
            table.add_row(rest, style="dim")
        table.add_section()
    console = PlainConsole(highlight=False)
    console.print(table)
    for line in (*_rest_of_waves(summary), *_total_lines(summary)):
        console.print(line)


def _columns(summary: PlanSummary) -> dict[str, Cell]:
    """The columns worth printing: those that say nothing for any task shown are left out."""
    shown = [task for wave in summary.waves[:WAVES_SHOWN] for task in wave[:TASKS_SHOWN]]
    return {
        heading: cell
        for heading, cell in _COLUMNS.items()
        if heading not in _SAYS_NOTHING or any(cell(task) != _SAYS_NOTHING[heading] for task in shown)
    }


def _heading(summary: PlanSummary) -> str:
    return f"workflow {summary.workflow}, plan {summary.digest[:12]}"


def _title(number: int, summary: PlanSummary, wave: Sequence[TaskSummary]) -> str:
    return f"wave {number} of {summary.totals.waves}: {_counted(len(wave), 'task')}"


def _aligned(headings: Iterable[str], cells: Iterable[str], widths: Iterable[int]) -> str:
    parts = [
        cell.rjust(width) if heading in _TO_THE_RIGHT else cell.ljust(width)
        for heading, cell, width in zip(headings, cells, widths, strict=True)
    ]
    return ("  " + "  ".join(parts)).rstrip()


def _rest_of(wave: Sequence[TaskSummary]) -> list[str]:
    rest = wave[TASKS_SHOWN:]
    if not rest:
        return []
    jobs = sum(task.array_size or 1 for task in rest)
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
