"""`batchwright start WORKFLOW`: a run of a workflow that was pushed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from batchwright.cli.completing import WORKFLOW
from batchwright.cli.output import json_option, print_json
from batchwright.cli.params import param_options, read_given_params
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.cli.watch import watched
from batchwright.cli.workflows import say_of_queue
from batchwright.subscriptions.run_queues import make_queue
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.api.read_model import as_model
from chalicelib.core.params import declarations
from chalicelib.core.states import RunState


@click.command(
    epilog="Exit codes: 0 started (with --wait: and it succeeded), 1 it did not, or nothing answered, 2 bad input, "
    "130 no more waiting (Ctrl-C)."
)
@click.argument("workflow", metavar="WORKFLOW", shell_complete=WORKFLOW)
@param_options
@click.option("--version", type=click.IntRange(1), metavar="N", help="That version, instead of the latest.")
@click.option("--key", metavar="K", help="Start only one run with this key.")
@click.option(
    "--notify-queue",
    metavar="NAME",
    help="SQS queue (batchwright-notices-*) that receives the run's notices.",
)
@click.option("--wait", is_flag=True, help="Follow the run to its end; Ctrl-C stops following it.")
@json_option
@api_options
def start(
    workflow: str,
    pairs: Sequence[str],
    params_file: Path | None,
    version: int | None,
    key: str | None,
    notify_queue: str | None,
    wait: bool,
    as_json: bool,
    where: Where,
) -> int:
    """Start a run of a pushed workflow, and print its id.

    \b
    Examples:
      batchwright start nightly
      batchwright start nightly --param day=2026-11-20 --key nightly-2026-11-20
      batchwright start train --params-file train.params.yaml --wait --stage prod
    """
    with on_target(where) as target:
        given: dict[str, Any] = {}
        # A definition may be large, and only what was typed needs its types.
        if pairs or params_file:
            definition = target.api.workflow(workflow, version).definition
            # Without the defaults: a key that is given again, after they were changed, asks for the same.
            given = read_given_params(declarations(definition), pairs, params_file)
        fields = {"workflow": workflow, "version": version, "params": given, "notify_queue": notify_queue}
        asked = as_model(m.StartRun, fields)
        if notify_queue is not None and (environment := target.local_environment) is not None:
            make_queue(environment, notify_queue)
        run = _started(target, asked, key or str(uuid.uuid4()))
        if as_json and not wait:
            print_json(run.model_dump(mode="json"))
        elif not as_json:
            if not wait:
                tell(run.run_id)
            # Not to stdout where a script takes the id from there.
            tell(f"Run {run.run_id} of {workflow}, version {run.version}, is {run.state}.", err=not wait)
            if not wait:
                tell(f"  batchwright watch {run.run_id}", err=True)
        return 0 if not wait or watched(target, run.run_id, as_json).run.state is RunState.SUCCEEDED else 1


def _started(target: Target, asked: m.StartRun, key: str) -> m.Run:
    """The started run. Says on stderr if notices to the run's queue may be lost."""
    run = target.api.start_run(asked, key)
    # An older API does not name the queue that the workflow itself may have.
    if (queue := run.notify_queue or asked.notify_queue) is not None:
        say_of_queue(target, run.run_id, queue)
    return run
