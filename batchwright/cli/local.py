"""`batchwright local`: a local AWS that stays up between runs, for the CLI and for any other AWS tool."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import asdict

import click
from botocore.exceptions import BotoCoreError, ClientError

from batchwright.cli.aws_errors import told_plainly
from batchwright.cli.confirm import ask
from batchwright.cli.output import print_json
from batchwright.local import home
from batchwright.local.death import Death
from batchwright.local.isolation import foreign, past_proxies
from batchwright.local.options import LocalOptions, local_options
from batchwright.local.stack import API
from batchwright.local.under_way import runs_under_way
from batchwright.local.version import version_of_code
from batchwright.runs.tree_lines import some_names
from batchwright.terminal.interrupts import raised
from batchwright.terminal.plain_console import PlainConsole
from batchwright.terminal.terminal import tell, write
from batchwright.terminal.words import number_of
from chalicelib.core.errors import BatchwrightError


@click.group()
def local() -> None:
    """Keep a local AWS up: DynamoDB, SQS, SNS, S3, EventBridge, Logs and a Batch that runs real processes."""


@local.command()
@local_options
def up(options: LocalOptions) -> None:
    """Start a local AWS, and return when it is ready."""
    state = home.running()
    if state is not None:
        home.check_options(options, state)
        tell(f"It is up already (process {state.pid}, folder {home.home()}).")
        return
    with raised(), told_plainly(), PlainConsole(stderr=True).status("Starting the local AWS ..."):
        state = home.up(options)
    tell(f"Up: AWS at {state.environment['AWS_ENDPOINT_URL']}, Batch at {state.environment['AWS_ENDPOINT_URL_BATCH']}.")
    tell('Point any AWS tool at it with: eval "$(batchwright local env)"')
    tell(f"HTTP API at {state.environment[API]}; make a token for it with: batchwright tokens create me")


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(yes: bool) -> None:
    """Stop the local AWS, with its jobs. Everything in it is lost.

    While runs are under way it asks first, if there is a terminal to ask at; anywhere else it says what it ended.
    """
    state, where = home.running(), home.looked()
    under_way = [] if state is None else _runs_under_way(state)
    if under_way and not yes and _can_be_asked():
        they_are = "is" if len(under_way) == 1 else "are"
        question = (
            f"{number_of(len(under_way), 'run')} {they_are} under way and would be gone: {some_names(under_way)}."
        )
        ask(f"{question} Stop it all the same?", yes=yes, as_json=False)
    death = home.death()
    if not home.down():
        tell(f"Nothing was up {where}.")
        if death is not None:
            tell(_capital(death.sentence()))
        return
    tell("Stopped.")
    if under_way:
        tell(f"{number_of(len(under_way), 'run')} that had not ended went with it: {some_names(under_way)}.", err=True)


def _can_be_asked() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty()


def _runs_under_way(state: home.Running) -> list[str]:
    """The ids of its runs that have not ended; none if it does not say, or says it in a way of another version."""
    if state.version != version_of_code():
        return []
    try:
        return runs_under_way(state.environment)
    except (BatchwrightError, BotoCoreError, ClientError):
        # It is broken, and is to be stopped.
        return []


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(as_json: bool) -> int:
    """Print whether a local AWS is up (exit code 0) or not (1)."""
    state, death = home.running(), home.death()
    if as_json:
        print_json(_status_document(state, death))
    elif state is None:
        tell(f"Nothing is up {home.looked()}; start it with `batchwright local up`.")
        if death is not None:
            tell(_capital(death.sentence()))
    else:
        tell(f"Up (process {state.pid}, folder {home.home()}).")
        if state.version != version_of_code():
            tell(f"  Batchwright {state.version} started it, and this is {version_of_code()}: start it anew")
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BATCH", API):
            tell(f"  {name}={state.environment[name]}")
    return 0 if state is not None else 1


def _status_document(state: home.Running | None, death: Death | None) -> dict[str, object]:
    if state is None:
        return {"up": False} if death is None else {"up": False, "died": asdict(death)}
    return {"up": True, "pid": state.pid, "version": state.version, "environment": state.environment}


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def env(as_json: bool) -> None:
    """Print shell variables that point AWS tools at the local AWS.

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
        raise home.nothing_is_up(f"nothing is up {home.looked()}; start it with `batchwright local up`")
    state.check_version()
    if as_json:
        print_json(state.environment)
        return
    # A profile, a session token or another endpoint of the shell would lead past it.
    if names := foreign(os.environ, state.environment):
        write(f"unset {' '.join(names)}")
    for name, value in {**past_proxies(os.environ), **state.environment}.items():
        write(f"export {name}={shlex.quote(value)}")
