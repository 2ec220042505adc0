"""`batchwright doctor`: whether the table, as a whole, is as it should be. Reads only."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from batchwright.cli.target import Target, on_target
from batchwright.doctor import Finding, patience_of
from batchwright.doctor_look import BatchJobs, Doctor, Report, run_ids_in
from batchwright.summary import FILE_WIDTH
from chalicelib.aws.dynamodb import DynamoStore
from chalicelib.aws.dynamodb_items import RUNS_BY_WORKFLOW
from chalicelib.core.errors import UnknownRun
from chalicelib.wiring import settings_of

TABLE = "BATCHWRIGHT_TABLE"


@click.command()
@click.option("--run", "run_ids", multiple=True, metavar="ID", help="Only this run; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(run_ids: Sequence[str], as_json: bool) -> int:
    """Look at all runs, their tasks and their jobs, and report what is not as it should be.

    \b
    Of the local AWS that is up, else of the deployment that the environment's BATCHWRIGHT_* variables name.
    Ends with 1 when there is something to report. Changes nothing.
    """
    with on_target([TABLE]) as target:
        report = examine(target, run_ids)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    return 1 if report.findings else 0


def examine(target: Target, run_ids: Sequence[str] = ()) -> Report:
    """Look at the runs of a stage, at all of them unless some are named. Raises UnknownRun."""
    dynamodb, table = target.client("dynamodb"), target.environment[TABLE]
    store = DynamoStore(dynamodb, table)
    for run_id in run_ids:
        if store.run(run_id) is None:
            raise UnknownRun(f"there is no run '{run_id}' in table {table}")
    patience = patience_of(settings_of(target.environment))
    made = Doctor(store, BatchJobs(target.client("batch")), patience, lambda: time.time_ns() // 1_000_000)
    return made.look_twice(list(run_ids) or run_ids_in(dynamodb, table, RUNS_BY_WORKFLOW))


def _print(report: Report) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    looked_at = f"{_counted(report.runs, 'run')}, {_counted(report.tasks, 'task')}"
    if report.findings:
        console.print(_table(report.findings))
        console.print(f"\n{looked_at}: {_counted(len(report.findings), 'finding')} (docs/doctor.md)", highlight=False)
    else:
        console.print(f"{looked_at}: nothing to report", highlight=False)
    for what in report.left_out:
        click.echo(what, err=True)


def _table(findings: Sequence[Finding]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("")
    for title in ("run", "place", "rule", "found", "what to do"):
        made.add_column(title, overflow="fold")
    for one in findings:
        cells = (one.severity, one.run_id, one.place, one.rule, one.value, one.advice)
        made.add_row(*(Text(cell) for cell in cells))
    return made


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
