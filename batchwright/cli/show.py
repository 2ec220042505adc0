"""`batchwright show RUN` and `batchwright runs`: what the table tells of runs, once."""

from __future__ import annotations

import json

import click
from rich.console import Console

from batchwright.cli.target import on_target
from batchwright.cli.watch import followed_run, runs_of
from batchwright.progress import now_ms
from batchwright.runlist import runs_document, runs_table
from batchwright.summary import FILE_WIDTH, print_summary, run_document
from chalicelib.core.errors import UserMistake

RUNS_SHOWN = 20


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--epoch", type=click.IntRange(0), metavar="N", help="As it ended in that epoch, before it was redriven.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(run_id: str, epoch: int | None, as_json: bool) -> None:
    """Show a run as it is now: its tasks, the failures with their last log lines, its epochs."""
    with on_target() as target:
        wired = target.wired()
        run = runs_of(target, wired).run(run_id)
        if epoch is not None and epoch > run.epoch:
            raise UserMistake(f"--epoch {epoch}: run '{run_id}' is in epoch {run.epoch}")
        view = followed_run(target, wired, run_id).view(epoch)
        if as_json:
            click.echo(json.dumps(run_document(view), indent=2))
        else:
            print_summary(Console(), view, target.client)


@click.command()
@click.option("--workflow", metavar="NAME", help="Only those of one workflow.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=RUNS_SHOWN, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def runs(workflow: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first. A duration is from the run's start to its last end, over all its epochs."""
    with on_target() as target:
        listed = runs_of(target, target.wired())
        found = listed.newest(limit) if workflow is None else listed.of_workflow(workflow, limit)
    if as_json:
        click.echo(json.dumps(runs_document(found), indent=2))
    elif found:
        console = Console()
        if not console.is_terminal:
            console = Console(width=FILE_WIDTH)
        console.print(runs_table(found, now_ms()))
    else:
        click.echo("No runs yet.")
