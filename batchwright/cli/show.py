"""`batchwright show RUN`: what is known of a run, once."""

from __future__ import annotations

from collections.abc import Sequence

import click

from batchwright.cli.completing import RUN
from batchwright.cli.output import json_option, print_json
from batchwright.cli.run_named import run_named
from batchwright.cli.target import Where, api_options, on_target
from batchwright.runs.summary import Asked, print_facts, print_summary, print_timeline, run_document
from batchwright.runs.view import load_view
from batchwright.terminal.plain_console import PlainConsole
from chalicelib.core.states import WITHOUT_RESULT, TaskState


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=RUN)
@click.option("--epoch", type=click.IntRange(0), metavar="N", help="An earlier epoch of the run.")
@click.option("--timeline", is_flag=True, help="Chart when its tasks waited and ran; 0 is the run's start.")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in TaskState]),
    multiple=True,
    metavar="STATE",
    help="Only tasks in that state (waiting, running, failed ...); repeatable.",
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
    """Show a run: its tasks as a tree, its failures with their last log lines, its epochs.

    RUN is an id, a beginning of one that no other run has, or `latest`.

    Each task stands once, below the parent that it waited for longest; its other parents are named beside it. Of a
    large run the tree shows what failed, what is under way, and examples of the rest.

    \b
    Examples:
      batchwright show nightly-q3x7b2k4m5na
      batchwright show latest
      batchwright show nightly-q3x --failed
      batchwright show nightly-q3x7b2k4m5na --state running --state runnable --all
      batchwright show nightly-q3x7b2k4m5na --timeline
      batchwright show nightly-q3x7b2k4m5na --json --stage prod
    """
    if as_json and (timeline or states or failed or everything):
        raise click.UsageError("--json prints the whole run: leave out --timeline, --state, --failed and --all")
    wanted = {*map(TaskState, states), *(WITHOUT_RESULT if failed else ())}
    asked = Asked(frozenset(wanted), everything)
    with on_target(where) as target:
        view = load_view(target.api, run_named(target.api, run_id, may_be_latest=True), epoch)
        if as_json:
            print_json(run_document(view, target.api))
            return
        console = PlainConsole()
        print_facts(console, view.run)
        if timeline:
            print_timeline(console, view, asked)
        else:
            print_summary(console, view, target.api, asked)
