"""`batchwright workflows`: push, list, show and delete the workflows of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from batchwright.cli.completing import WORKFLOW
from batchwright.cli.confirm import ask
from batchwright.cli.output import json_option, print_json, print_table, print_yaml, say_warnings
from batchwright.cli.target import Target, Where, api_options, on_target
from batchwright.files.monitor_file import load_file
from batchwright.files.workflow_file import BadFile, WorkflowFile
from batchwright.local.prepare import prepare, sample_params
from batchwright.runs.view import every
from batchwright.subscriptions.run_queues import make_queue, queue_named, warning_of
from batchwright.terminal.tables import Column, Short
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import SchedulesNotPlaced, UnknownWorkflow, UserMistake

Pushed = tuple[m.Workflow, int | None]
"""The version that a file became, and the one that was the latest before."""

_name = click.argument("name", metavar="NAME", shell_complete=WORKFLOW)


@click.group()
def workflows() -> None:
    """Push, list, show and delete workflows."""


@workflows.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@api_options
def push(files: Sequence[Path], as_json: bool, where: Where) -> None:
    """Push files, each as the next version of its workflow, if it changed.

    All files are checked before the first is pushed.

    \b
    Examples:
      batchwright workflows push nightly.yaml
      batchwright workflows push statemachines/*.yaml --stage prod
    """
    loaded = _loaded(files)
    with on_target(where) as target:
        push_all(target.api, loaded, partial(push_file, target), partial(_say_pushed, as_json))


def push_file(
    target: Target,
    loaded: WorkflowFile,
    folder: Path,
    params: Mapping[str, Any] | None = None,
    *,
    keep_schedules: bool = False,
) -> m.Workflow:
    """Push a workflow file. `keep_schedules` leaves the workflow's schedules as they were.

    A local AWS is first given the queues and job definitions that the file names: `folder` becomes the image of new
    ones, and `params` are those of the run to come, complete, if one is. Elsewhere stderr says if the queue that its
    runs notify is not there.
    """
    workflow, queue = loaded.workflow, queue_named(loaded.definition)
    revisions: list[str] = []
    environment = target.local_environment
    if environment is not None:
        if queue is not None:
            make_queue(environment, queue)
        given = sample_params(workflow.declarations()) if params is None else params
        revisions = prepare(environment, compile_workflow(workflow), given, folder)
    pushed = target.api.put_workflow(
        workflow.name, loaded.definition, revisions=revisions, keep_schedules=keep_schedules
    )
    if queue is not None and environment is None:
        say_of_queue(target, f"{workflow.name}: notify.queue", queue)
    return pushed


def say_of_queue(target: Target, where: str, queue: str) -> None:
    """Say on stderr why notices to that queue may be lost, if anything is known or cannot be learned."""
    if trouble := warning_of(None if target.aws is None else target.aws.client("sqs"), queue):
        tell(f"{where}: {trouble}", err=True)


def push_all(
    api: Api,
    loaded: Sequence[tuple[Path, WorkflowFile]],
    push_one: Callable[[WorkflowFile, Path], m.Workflow],
    say: Callable[[Sequence[Pushed]], None],
) -> None:
    """Push the files one after another and say what became of them. Raises SchedulesNotPlaced, once all are pushed,
    when the schedules of some are not where they are fired from; another failure ends it, with what was pushed said."""
    pushed: list[Pushed] = []
    unplaced: list[SchedulesNotPlaced] = []
    try:
        for file, one in loaded:
            before = None
            with suppress(UnknownWorkflow):
                before = api.workflow(one.workflow.name).version
            try:
                pushed.append((push_one(one, file.absolute().parent), before))
            except SchedulesNotPlaced as failure:
                unplaced.append(failure)
    finally:
        say(pushed)
    if unplaced:
        raise SchedulesNotPlaced("\n".join(map(str, unplaced)))


def _say_pushed(as_json: bool, pushed: Sequence[Pushed]) -> None:
    if as_json:
        print_json([workflow.model_dump(mode="json", exclude={"definition"}) for workflow, _ in pushed])
        return
    for workflow, before in pushed:
        is_new = workflow.version != before
        said = f"pushed as version {workflow.version}" if is_new else f"is version {workflow.version} already"
        tell(f"{workflow.name} {said}; `batchwright start {workflow.name}` starts a run of it.")


@workflows.command(name="list")
@json_option
@api_options
def list_workflows(as_json: bool, where: Where) -> None:
    """List the workflows by name, with their latest versions."""
    with on_target(where) as target:
        found = list(every(lambda page: target.api.workflows(limit=1_000, page=page)))
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    elif found:
        print_table(workflow_columns(found))
    else:
        tell("No workflows yet; `batchwright workflows push FILE` brings one.")


@workflows.command()
@_name
@click.option("--version", type=click.IntRange(1), metavar="N", help="That version, instead of the latest.")
@json_option
@api_options
def show(name: str, version: int | None, as_json: bool, where: Where) -> None:
    """Print a workflow as YAML that can be pushed again."""
    with on_target(where) as target:
        found = target.api.workflow(name, version)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    tell(f"# version {found.version}, pushed {_when(found.pushed_at_ms)} UTC")
    print_yaml(found.definition)


@workflows.command()
@_name
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@api_options
def delete(name: str, yes: bool, as_json: bool, where: Where) -> None:
    """Delete a workflow and its schedules. Its runs stay."""
    with on_target(where) as target:
        found = target.api.workflow(name)
        ask(f"Delete workflow {name} (version {found.version}) of {target.who}?", yes=yes, as_json=as_json)
        # What somebody else pushed meanwhile is another workflow than the one that was asked about.
        target.api.delete_workflow(name, if_match=found.etag)
    if as_json:
        print_json({"name": name, "deleted": True})
    else:
        tell(f"{name} is deleted; its runs stay.")


def _loaded(files: Sequence[Path]) -> list[tuple[Path, WorkflowFile]]:
    """The files, read and checked. Raises BadFile with every problem of all of them."""
    loaded, problems = [], []
    for file in files:
        try:
            one = load_file(file)
        except BadFile as bad:
            problems += bad.problems
            continue
        if isinstance(one, WorkflowFile):
            loaded.append((file, one))
            say_warnings(one.warnings)
        else:
            # `statemachines/*.yaml` names it, too.
            tell(f"{file} holds monitors and was left alone; `batchwright monitors push` takes it.", err=True)
    if problems:
        raise BadFile(problems)
    by_name: dict[str, Path] = {}
    for file, one in loaded:
        other = by_name.setdefault(one.workflow.name, file)
        if other != file:
            raise UserMistake(f"{other} and {file} both describe workflow '{one.workflow.name}'; push one of them")
    return loaded


def workflow_columns(found: Sequence[m.WorkflowSummary]) -> list[Column]:
    """A row each, in the given order."""
    described = [(one.description or "").strip().partition("\n")[0] for one in found]
    columns = [
        Column("workflow", [one.name for one in found]),
        Column("version", [str(one.version) for one in found], right=True),
        Column("tasks", [f"{one.tasks:,}" for one in found], goes=2, right=True),
        Column("pushed (UTC)", [_when(one.pushed_at_ms) for one in found], goes=3),
        Column("description", described, least=12, goes=1, short=Short.END),
    ]
    return columns if any(described) else columns[:-1]


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
