"""Workflow files on their way to a target: pushed as they are, and on a local AWS with what their jobs need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batchwright.cli.target import Target
from batchwright.files.workflow_file import WorkflowFile
from batchwright.local.run import prepare
from batchwright.subscriptions.run_queues import make_queue, queue_named, trouble_with
from batchwright.terminal.terminal import tell
from chalicelib.api import models as m
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.params import Declaration, ParamType, complete_params
from chalicelib.core.plan.job_request import check_run
from chalicelib.core.plan.stage_values import PLACEHOLDERS, at_stage
from chalicelib.engine.schedules.placement import place_pushed

_SAMPLES = {
    ParamType.STRING: "x",
    ParamType.INTEGER: 2,
    ParamType.NUMBER: 1,
    ParamType.BOOLEAN: True,
    ParamType.LIST: [],
    ParamType.OBJECT: {},
}


def push_file(
    target: Target,
    loaded: WorkflowFile,
    folder: Path,
    params: Mapping[str, Any] | None = None,
    *,
    arms_schedules: bool = True,
) -> m.Workflow:
    """Push a workflow file. A local AWS is given the queues and job definitions that it names, too: `folder` becomes
    the image of new ones, and `params` are those of the run to come, complete, if one is. Unless `arms_schedules`,
    its schedules there stay what they were. Elsewhere it is said at once when a queue that its runs are to tell is not
    there."""
    workflow, queue = loaded.workflow, queue_named(loaded.definition)
    if target.aws is None or not target.aws.is_local:
        pushed = target.api.put_workflow(workflow.name, loaded.definition)
        if queue is not None:
            say_of_queue(target, f"{workflow.name}: notify.queue", queue)
        return pushed
    if queue is not None:
        make_queue(target.aws.environment, queue)
    version = prepare(
        target.aws.environment,
        target.aws.wired.world.store,
        loaded.definition,
        compile_workflow(workflow),
        _sample(workflow.declarations()) if params is None else params,
        folder,
        params_may_change=params is None,
    )
    if arms_schedules:
        place_pushed(target.aws.wired.world, workflow.name, version)
    return target.api.workflow(workflow.name, version)


def say_of_queue(target: Target, where: str, queue: str) -> None:
    """Say on stderr why what runs tell that queue may be lost, if anything is known or cannot be learned."""
    if target.aws is None:
        tell(f"{where}: whether the SQS queue {queue} is there is not known over an API.", err=True)
    elif trouble := trouble_with(target.aws.client("sqs"), queue):
        tell(f"{where}: {trouble}", err=True)


def _sample(declared: Mapping[str, Declaration]) -> dict[str, Any]:
    """Params that a run may have: the defaults, and something for what must be given."""
    given = {
        name: one.enum[0] if one.enum else _SAMPLES[one.type]
        for name, one in declared.items()
        if one.default is None and one.required
    }
    return complete_params(declared, given)


def push_for_redrive(
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
