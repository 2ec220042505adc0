"""`batchwright local`: a local AWS that stays up between runs, for the CLI and for any other AWS tool."""

from __future__ import annotations

import json
import os
import shlex

import click
from rich.console import Console

from batchwright.cli.told import told_plainly
from batchwright.interrupts import raised
from batchwright.local import home
from batchwright.local.isolation import foreign, past_proxies
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import API
from chalicelib.core.errors import UserMistake


@click.group()
def local() -> None:
    """Keep a local AWS up: DynamoDB, SQS, SNS, S3, EventBridge, Logs and a Batch that runs real processes."""


@local.command()
@local_options
def up(options: LocalOptions) -> None:
    """Start it, and return once it is ready."""
    state = home.running()
    if state is not None:
        if options.arguments and options.arguments != state.options:
            raise UserMistake(
                f"{' '.join(options.arguments)}: a local AWS is up already and was started with "
                f"{' '.join(state.options) or 'no such option'}; stop it with `batchwright local down` first"
            )
        click.echo(f"It is up already (process {state.pid}).")
        return
    with raised(), told_plainly(), Console(stderr=True).status("Starting the local AWS ..."):
        state = home.up(options.arguments)
    click.echo(
        f"Up: AWS at {state.environment['AWS_ENDPOINT_URL']}, Batch at {state.environment['AWS_ENDPOINT_URL_BATCH']}."
    )
    click.echo('Point any AWS tool at it with: eval "$(batchwright local env)"')
    click.echo(f"HTTP API at {state.environment[API]}; make a token for it with: batchwright tokens create me")


@local.command()
def down() -> None:
    """Stop it, with every job in it. What was in it is gone."""
    click.echo("Stopped." if home.down() else "Nothing was up.")


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(as_json: bool) -> int:
    """Say whether one is up; the exit code is 0 when it is and 1 when not."""
    state = home.running()
    if as_json:
        document = {"up": False} if state is None else {"up": True, "pid": state.pid, "environment": state.environment}
        click.echo(json.dumps(document, indent=2))
    elif state is None:
        click.echo("Nothing is up; start it with `batchwright local up`.")
    else:
        click.echo(f"Up (process {state.pid}, folder {home.home()}).")
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BATCH", API):
            click.echo(f"  {name}={state.environment[name]}")
    return 0 if state is not None else 1


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def env(as_json: bool) -> None:
    """Print the variables that point AWS tools at it, for a POSIX shell. What would lead past it is unset.

    One tool heeds no variable: version 1 of the AWS CLI sends `aws sqs` to AWS all the same, unless it is given
    --endpoint-url. Version 2 does not.

    \b
    Examples:
      eval "$(batchwright local env)"
      aws batch describe-job-queues
      aws --endpoint-url "$AWS_ENDPOINT_URL" sqs list-queues
    """
    state = home.running()
    if state is None:
        raise UserMistake("nothing is up; start it with `batchwright local up`")
    if as_json:
        click.echo(json.dumps(state.environment, indent=2))
        return
    # A profile, a session token or another endpoint of the shell would lead past it.
    if names := foreign(os.environ, state.environment):
        click.echo(f"unset {' '.join(names)}")
    for name, value in {**past_proxies(os.environ), **state.environment}.items():
        click.echo(f"export {name}={shlex.quote(value)}")
