"""`batchwright watch RUN`: follow a run that is under way; and how every command follows one."""

from __future__ import annotations

import sys

import click

from batchwright.cli.completing import RUN
from batchwright.cli.output import json_option, print_json, progress_on
from batchwright.cli.run_named import run_named
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.runs.follow import Followed
from batchwright.runs.summary import print_summary, run_document
from batchwright.runs.view import RunView
from batchwright.terminal.interrupts import counted
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import tell
from chalicelib.core.states import RunState

INTERRUPTED = 130


@click.command(
    epilog="Exit codes: 0 the run succeeded, 1 it failed or was cancelled, 2 bad input, 130 no more watching (Ctrl-C)."
)
@click.argument("run_id", metavar="RUN", shell_complete=RUN)
@json_option
@api_options
def watch(run_id: str, as_json: bool, where: Where) -> int:
    """Follow a run to its end, then show it. Ctrl-C stops only the watching.

    RUN is an id, a beginning of one that no other run has, or `latest`.

    \b
    Examples:
      batchwright watch nightly-q3x7b2k4m5na
      batchwright watch nightly-q3x7b2k4m5na --stage prod
    """
    with on_target(where) as target:
        view = watched(target, run_named(target.api, run_id, may_be_latest=True), as_json)
    return 0 if view.run.state is RunState.SUCCEEDED else 1


def watched(target: Target, run_id: str, as_json: bool = False) -> RunView:
    """Follow a run to its end and show it; the run as it ended. An interrupt ends the command, not the run. Raises
    UnknownRun."""
    target.api.run(run_id)
    console, followed = PlainConsole(), followed_run(target, run_id)
    progress = progress_on(console, as_json)
    with counted() as interrupts:
        try:
            view = followed.follow(progress, interrupts, still_there=target.check)
            if not interrupts.asked:
                view = followed.settled()
                progress.show(view)
        finally:
            progress.close()
    if interrupts.asked:
        tell(f"No more watching. Run {run_id} goes on, it is {view.run.state}.", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        print_json(run_document(view, target.api))
    else:
        print_summary(console, view, target.api)
    return view


def followed_run(target: Target, run_id: str) -> Followed:
    """The run, to be looked at as often as the target bears."""
    ended_jobs = None if target.aws is None else target.aws.ended_jobs
    return Followed(target.api, run_id, target.pause_seconds, ended_jobs)
