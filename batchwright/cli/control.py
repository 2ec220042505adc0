"""`batchwright cancel`, `pause`, `resume` and `redrive`: what a person may ask of a run that is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from batchwright.cli.completing import RUN, TASK
from batchwright.cli.output import json_option, print_json
from batchwright.cli.params import param_options, read_given_params
from batchwright.cli.run_named import run_named
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.cli.watch import watched
from batchwright.cli.workflows import push_file
from batchwright.files.workflow_file import WorkflowFile, load_workflow
from batchwright.runs.sentences import cancel_sentence, pause_sentence, redrive_sentence, resume_sentence
from batchwright.runs.view import load_view
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.api.read_model import as_model
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import UserMistake, WrongState
from chalicelib.core.params import Declaration, complete_params, declarations
from chalicelib.core.plan.job_request import check_run
from chalicelib.core.plan.stage_values import PLACEHOLDERS, at_stage
from chalicelib.core.run.records import Scope
from chalicelib.core.states import RunState

Act = Callable[[Target, str], m.Acted]
"""What is done to the run of that id."""
Say = Callable[[Target, m.Acted], str]

_run_id = click.argument("run_id", metavar="RUN", shell_complete=RUN)
_wait = click.option("--wait", is_flag=True, help="Follow the run to its end; Ctrl-C stops following it.")


@click.command()
@_run_id
@click.option(
    "--reason", default="cancelled on request", metavar="TEXT", help="Reason that Batch notes of the ended jobs."
)
@_wait
@json_option
@api_options
def cancel(run_id: str, reason: str, wait: bool, as_json: bool, where: Where) -> int:
    """Cancel a run and end its jobs.

    \b
    Example:
      batchwright cancel nightly-q3x7b2k4m5na --reason "wrong month" --wait
    """
    if not 1 <= len(reason) <= 1_000:
        raise UserMistake(f"--reason must have 1 to 1,000 characters, not {len(reason):,}")
    return _act(
        where, run_id, RunState.CANCELLED if wait else None, as_json,
        lambda target, named: target.api.cancel(named, as_model(m.Cancel, {"reason": reason})),
        lambda target, acted: cancel_sentence(load_view(target.api, acted.run.run_id), acted.changed),
    )  # fmt: skip


@click.command()
@_run_id
@json_option
@api_options
def pause(run_id: str, as_json: bool, where: Where) -> int:
    """Start nothing more of a run. Its running jobs go on.

    \b
    Example:
      batchwright pause nightly-q3x7b2k4m5na
    """
    return _act(
        where, run_id, None, as_json,
        lambda target, named: target.api.pause(named),
        lambda target, acted: pause_sentence(load_view(target.api, acted.run.run_id), acted.changed),
    )  # fmt: skip


@click.command()
@_run_id
@_wait
@json_option
@api_options
def resume(run_id: str, wait: bool, as_json: bool, where: Where) -> int:
    """Let a paused run go on.

    \b
    Example:
      batchwright resume nightly-q3x7b2k4m5na --wait
    """
    return _act(
        where, run_id, RunState.SUCCEEDED if wait else None, as_json,
        lambda target, named: target.api.resume(named),
        lambda target, acted: resume_sentence(load_view(target.api, acted.run.run_id), acted.changed),
    )  # fmt: skip


@click.command()
@_run_id
@click.option("--from-failed", is_flag=True, help="Run again what did not succeed (default).")
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", shell_complete=TASK, help="Run this task again. Repeatable."
)
@click.option("--all", "every", is_flag=True, help="Run every task again.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="Use this version of the workflow.")
@click.option(
    "--file", type=click.Path(path_type=Path), metavar="FILE", help="Push this file as the next version and use it."
)
@param_options
@_wait
@json_option
@api_options
def redrive(
    run_id: str,
    from_failed: bool,
    tasks: Sequence[str],
    every: bool,
    version: int | None,
    file: Path | None,
    pairs: Sequence[str],
    params_file: Path | None,
    wait: bool,
    as_json: bool,
    where: Where,
) -> int:
    """Run an ended run again, in part, in its next epoch. What follows a task that runs again also runs again.

    \b
    Examples:
      batchwright redrive nightly-q3x7b2k4m5na
      batchwright redrive nightly-q3x7b2k4m5na --task clean --task report
      batchwright redrive nightly-q3x7b2k4m5na --file nightly.yaml
      batchwright redrive nightly-q3x7b2k4m5na --param depth=3 --all
    """
    if from_failed + bool(tasks) + every > 1:
        raise UserMistake("--from-failed, --task and --all are three ways to say what runs again; take one of them")
    if version is not None and file is not None:
        raise UserMistake("--version and --file both name a version of the workflow; take one of them")
    scope = Scope.ALL if every else Scope.TASKS if tasks else Scope.FROM_FAILED
    loaded = None if file is None else load_workflow(file)

    def act(target: Target, named: str) -> m.Acted:
        run, number = target.api.run(named), version
        if not run.state.ended:
            raise WrongState(f"run '{named}' is {run.state}; only a run that has ended can be redriven")
        given: dict[str, Any] = {}
        if pairs or params_file:
            declared = _declared(target, run, version) if loaded is None else loaded.workflow.declarations()
            given = read_given_params(declared, pairs, params_file, run.params)
        if file is not None and loaded is not None:
            number = _push_for_redrive(target, run, loaded, file, given).version
        what = {"scope": scope, "tasks": list(tasks), "params": given}
        asked = as_model(m.Redrive, {**what, "version": number, "epoch": run.epoch})
        return target.api.redrive(named, asked)

    def say(target: Target, acted: m.Acted) -> str:
        return redrive_sentence(acted.run, len(load_view(target.api, acted.run.run_id).tasks), acted.kept or 0)

    return _act(where, run_id, RunState.SUCCEEDED if wait else None, as_json, act, say)


def _push_for_redrive(
    target: Target, run: m.Run, loaded: WorkflowFile, file: Path, given: Mapping[str, Any]
) -> m.Workflow:
    """Push a workflow file as the next version for a run of it. `given` are the params that get new values. Raises
    UserMistake when the params do not fit, or it is another workflow."""
    if loaded.workflow.name != run.workflow:
        raise UserMistake(
            f"{file} describes workflow '{loaded.workflow.name}', and run '{run.run_id}' is one of '{run.workflow}'"
        )
    params = complete_params(loaded.workflow.declarations(), {**run.params, **given})
    check_run(at_stage(compile_workflow(loaded.workflow), PLACEHOLDERS), params)
    return push_file(target, loaded, file.absolute().parent, params)


def _declared(target: Target, run: m.Run, version: int | None) -> dict[str, Declaration]:
    """The params of the version that the run is to go on with."""
    return declarations(target.api.workflow(run.workflow, version or run.version).definition)


def _act(where: Where, run_id: str, wanted: RunState | None, as_json: bool, act: Act, say: Say) -> int:
    """Do something with a run, say what happens now, and follow it to the wanted end, if there is one; the exit
    code."""
    with on_target(where) as target:
        acted = act(target, run_named(target.api, run_id))
        if as_json and wanted is None:
            print_json(acted.model_dump(mode="json"))
        elif not as_json:
            tell(say(target, acted))
            # What is printed next is drawn over in a terminal; the sentence must be out.
            sys.stdout.flush()
        return 0 if wanted is None or watched(target, acted.run.run_id, as_json).run.state is wanted else 1
