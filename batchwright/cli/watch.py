"""`batchwright watch RUN`: follow a run that is under way; and how every command follows one."""

from __future__ import annotations

import sys
from functools import partial

import click
from rich.console import Console

from batchwright.cli.target import Target, on_target
from batchwright.follow import PAUSE_SECONDS, Followed
from batchwright.interrupts import counted
from batchwright.progress import LiveProgress, NoProgress, PlainProgress, Progress
from batchwright.runlist import Runs
from batchwright.summary import print_summary
from chalicelib.api.runview import RunView
from chalicelib.core.states import RunState
from chalicelib.wiring import Wired

INTERRUPTED = 130
AWS_PAUSE_SECONDS = 2.0
"""Between two looks at a deployment's table, whose reads cost something."""


@click.command(
    epilog="Exit codes: 0 the run succeeded, 1 it failed or was cancelled, 2 bad input, 130 no more watching (Ctrl-C)."
)
@click.argument("run_id", metavar="RUN")
def watch(run_id: str) -> int:
    """Follow a run until it has ended, then show it. Ctrl-C stops watching; the run goes on."""
    with on_target() as target:
        wired = target.wired()
        runs_of(target, wired).run(run_id)
        view = watched(target, wired, run_id)
    return 0 if view.run.state is RunState.SUCCEEDED else 1


def watched(target: Target, wired: Wired, run_id: str) -> RunView:
    """Follow a run to its end and show it; the run as it ended. An interrupt ends the command, not the run."""
    console, followed = Console(), followed_run(target, wired, run_id)
    progress = progress_on(console)
    with counted() as interrupts:
        try:
            view = followed.follow(progress, interrupts, still_there=target.check)
            if not interrupts.asked:
                view = followed.settled()
                progress.show(view)
        finally:
            progress.close()
    if interrupts.asked:
        click.echo(f"No more watching. Run {run_id} goes on, it is {view.run.state}.", err=True)
        sys.exit(INTERRUPTED)
    print_summary(console, view, target.client)
    return view


def followed_run(target: Target, wired: Wired, run_id: str) -> Followed:
    """The run, to be looked at as often as the target bears."""
    pause_seconds = AWS_PAUSE_SECONDS if target.running is None else PAUSE_SECONDS
    return Followed(run_id, wired.world.store, target.client("batch"), pause_seconds)


def runs_of(target: Target, wired: Wired) -> Runs:
    """The runs in the target's table."""
    return Runs(wired.world.store, wired.clients.dynamodb, target.environment["BATCHWRIGHT_TABLE"])


def progress_on(console: Console, as_json: bool = False) -> Progress:
    """The display that suits where it is shown; none beside a JSON document."""
    if as_json:
        return NoProgress(complain=partial(click.echo, err=True))
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(click.echo)
