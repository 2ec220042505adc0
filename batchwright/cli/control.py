"""`batchwright cancel`, `pause`, `resume` and `redrive`: what a person may ask of a run that is there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from batchwright.cli.target import Target, on_target
from batchwright.cli.watch import runs_of, watched
from batchwright.control import Control, check_has_ended
from batchwright.local.run import prepare
from batchwright.workflow_file import WorkflowFile, load_workflow
from chalicelib.api import models as m
from chalicelib.core.compile import compile_workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.job import check_run
from chalicelib.core.params import complete_params
from chalicelib.core.records import Run, Scope
from chalicelib.core.states import RunState
from chalicelib.wiring import Wired

Act = Callable[[Target, Wired, Run], str]

_run_id = click.argument("run_id", metavar="RUN")
_wait = click.option("--wait", is_flag=True, help="Follow the run to its end; Ctrl-C stops following it.")


@click.command()
@_run_id
@click.option("--reason", default="cancelled on request", metavar="TEXT", help="What Batch notes of the ended jobs.")
@_wait
def cancel(run_id: str, reason: str, wait: bool) -> int:
    """Cancel a run: nothing more of it starts, and its jobs are ended."""
    return _act(run_id, wait, RunState.CANCELLED, lambda _, wired, run: Control(wired).cancel(run, reason))


@click.command()
@_run_id
def pause(run_id: str) -> int:
    """Start nothing more of a run. Its jobs under way go on; `batchwright resume` lets the rest start."""
    return _act(run_id, False, RunState.PAUSED, lambda _, wired, run: Control(wired).pause(run))


@click.command()
@_run_id
@_wait
def resume(run_id: str, wait: bool) -> int:
    """Let a paused run go on."""
    return _act(run_id, wait, RunState.SUCCEEDED, lambda _, wired, run: Control(wired).resume(run))


@click.command()
@_run_id
@click.option("--from-failed", is_flag=True, help="Run again what did not succeed; the default.")
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="Run this task again. Repeatable.")
@click.option("--all", "every", is_flag=True, help="Run every task again.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="Go on with this version of the workflow.")
@click.option(
    "--file", type=click.Path(path_type=Path), metavar="FILE", help="Push this workflow file and go on with it."
)
@_wait
def redrive(
    run_id: str,
    from_failed: bool,
    tasks: Sequence[str],
    every: bool,
    version: int | None,
    file: Path | None,
    wait: bool,
) -> int:
    """Run an ended run again in part, in its next epoch. What follows a task that runs again runs again, too; the rest
    keeps its ending, and old attempts stay visible.

    \b
    Examples:
      batchwright redrive nightly-q3x7b2k4m5na
      batchwright redrive nightly-q3x7b2k4m5na --task clean --task report
      batchwright redrive nightly-q3x7b2k4m5na --file nightly.yaml
    """
    if from_failed + bool(tasks) + every > 1:
        raise UserMistake("--from-failed, --task and --all are three ways to say what runs again; take one of them")
    if version is not None and file is not None:
        raise UserMistake("--version and --file both name a version of the workflow; take one of them")
    scope = Scope.ALL if every else Scope.TASKS if tasks else Scope.FROM_FAILED
    loaded = None if file is None else load_workflow(file)

    def act(target: Target, wired: Wired, run: Run) -> str:
        check_has_ended(run)
        number = version
        if file is not None and loaded is not None:
            number = _pushed(target, wired, run, loaded, file)
        return Control(wired).redrive(run, m.Redrive(scope=scope, tasks=list(tasks), version=number))

    return _act(run_id, wait, RunState.SUCCEEDED, act)


def _act(run_id: str, wait: bool, wanted: RunState, act: Act) -> int:
    """Do something with a run, say what happens now, and follow it to its end if that is wanted; the exit code."""
    with on_target() as target:
        wired = target.wired()
        run = runs_of(target, wired).run(run_id)
        click.echo(act(target, wired, run))
        # What is printed next is drawn over in a terminal; the sentence must be out.
        sys.stdout.flush()
        return 0 if not wait or watched(target, wired, run_id).run.state is wanted else 1


def _pushed(target: Target, wired: Wired, run: Run, loaded: WorkflowFile, file: Path) -> int:
    """Push a workflow file as the next version for a run of it; the version. Raises UserMistake when the run's params
    do not fit, or it is another workflow."""
    plan = compile_workflow(loaded.workflow)
    if plan.workflow != run.workflow:
        raise UserMistake(
            f"{file} describes workflow '{plan.workflow}', and run '{run.run_id}' is one of '{run.workflow}'"
        )
    params: dict[str, Any] = complete_params(loaded.workflow.declarations(), run.params)
    check_run(plan, params)
    store = wired.world.store
    if target.running is not None:
        return prepare(target.environment, store, loaded.definition, plan, params, file.absolute().parent)
    return store.push(plan.workflow, loaded.definition, plan, time.time_ns() // 1_000_000).version
