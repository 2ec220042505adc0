"""`batchwright show RUN` and `batchwright runs`: what is known of runs, once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import click

from batchwright.cli.completing import RUN, WORKFLOW
from batchwright.cli.output import json_option, print_json, table_console
from batchwright.cli.target import Where, api_options, on_target
from batchwright.cli.when import WHEN
from batchwright.plain_console import PlainConsole
from batchwright.progress import now_ms
from batchwright.runlist import runs_table
from batchwright.summary import Asked, print_summary, print_timeline, run_document
from batchwright.view import every, load_view
from chalicelib.core.states import RunState, TaskState

RUNS_SHOWN = 20
RUNS_A_PAGE = 100


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=RUN)
@click.option("--epoch", type=click.IntRange(0), metavar="N", help="As it ended in that epoch, before it was redriven.")
@click.option("--timeline", is_flag=True, help="When its tasks waited and ran, as a chart; 0 is when the run began.")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in TaskState]),
    multiple=True,
    metavar="STATE",
    help="Only tasks in that state (waiting, running, failed ...); may be given more than once.",
)
@click.option("--failed", is_flag=True, help="Short for --state failed --state upstream_failed.")
@click.option("--all", "everything", is_flag=True, help="Every task, also of a large run.")
@json_option
@api_options
def show(
    run_id: str,
    epoch: int | None,
    timeline: bool,
    states: Sequence[str],
    failed: bool,
    everything: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Show a run as it is now: its tasks as a tree, the failures with their last log lines, its epochs.

    Each task stands once, below the parent that it waited for longest; its other parents are named beside it. Of a
    large run the tree shows what failed, what is under way, and examples of the rest.

    \b
    Examples:
      batchwright show nightly-q3x7b2k4m5na
      batchwright show nightly-q3x7b2k4m5na --failed
      batchwright show nightly-q3x7b2k4m5na --state running --state runnable --all
      batchwright show nightly-q3x7b2k4m5na --timeline
      batchwright show nightly-q3x7b2k4m5na --json --stage prod
    """
    if as_json and (timeline or states or failed or everything):
        raise click.UsageError("--json prints the whole run: leave out --timeline, --state, --failed and --all")
    wanted = {*map(TaskState, states), *((TaskState.FAILED, TaskState.UPSTREAM_FAILED) if failed else ())}
    asked = Asked(frozenset(wanted), everything)
    with on_target(where) as target:
        view = load_view(target.api, run_id, epoch)
        if as_json:
            print_json(run_document(view, target.api))
        elif timeline:
            print_timeline(PlainConsole(), view, asked)
        else:
            print_summary(PlainConsole(), view, target.api, asked)


@click.command()
@click.option("--workflow", metavar="NAME", shell_complete=WORKFLOW, help="Only those of one workflow.")
@click.option("--state", type=click.Choice([state.value for state in RunState]), help="Only those in that state.")
@click.option("--since", type=WHEN, help="Only those started from then on: 2h, 3d, 2026-11-21, 2026-11-21T09:30 (UTC).")
@click.option("--until", type=WHEN, help="Only those started before then.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=RUNS_SHOWN, show_default=True, help="How many at most."
)
@json_option
@api_options
def runs(
    workflow: str | None,
    state: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
    where: Where,
) -> None:
    """List runs, newest first. A duration is from the run's start to its last end, over all its epochs.

    \b
    Examples:
      batchwright runs --workflow nightly --state failed
      batchwright runs --since 2d --limit 100 --stage prod
    """
    wanted = None if state is None else RunState(state)
    with on_target(where) as target:
        pages = every(
            lambda page: target.api.runs(
                workflow=workflow,
                state=wanted,
                since_ms=since,
                until_ms=until,
                limit=min(limit, RUNS_A_PAGE),
                page=page,
            )
        )
        found = list(islice(pages, limit))
        some = bool(found) or as_json or bool(target.api.workflows(limit=1).items)
    if as_json:
        print_json([run.model_dump(mode="json") for run in found])
    elif found:
        console = table_console()
        console.print(runs_table(found, now_ms(), console.width))
    elif workflow or state or since is not None or until is not None:
        click.echo("No such runs.")
    elif some:
        click.echo("No runs yet; `batchwright start NAME` starts one.")
    else:
        click.echo("No runs yet, and no workflows: `batchwright workflows push FILE` brings one.")
