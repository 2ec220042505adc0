"""`${stage.name}`, `${stage.bucket}` and `${stage.queue}`: what differs between stages.

A push puts the values into the plan, so a run never depends on what a stage is called later. The definition keeps the
expressions. Commands that look at a file before a push show PLACEHOLDERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.job_request import params_of, task_problems
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask
from chalicelib.core.template import Expression, parse

PLACEHOLDERS = {"name": "STAGE", "bucket": "STAGE-BUCKET", "queue": "STAGE-QUEUE"}
"""What a file is checked and shown with while no stage is known: values that keep every rule of names."""
BEGIN = "${stage."
_TEXTS = ("job_definition", "queue")
_PAIRS = ("environment", "parameters", "tags")


def at_stage(plan: Plan, values: Mapping[str, str]) -> Plan:
    """The plan with the stage's values in place of `${stage...}`. `values` are by name: `name`, `bucket`, `queue`.

    Raises UserMistake naming the task and the expression if the stage does not know a value, and naming the task, the
    rule and the value if a task that names no param breaks one of Batch's limits. Others are checked when a run starts.
    """
    tasks = tuple(_task(task, values) if _mentions(task) else task for task in plan.tasks)
    if tasks == plan.tasks:
        return plan
    pushed = (task for task, before in zip(tasks, plan.tasks, strict=True) if task is not before)
    problems = [line for task in pushed if not params_of(task) for line in task_problems(task, {})]
    if problems:
        raise UserMistake("\n".join(problems))
    return replace(plan, tasks=tasks)


def _mentions(task: PlannedTask) -> bool:
    job = task.job
    texts = (job.job_definition, job.queue, *(job.command or ()), *(one.queue or "" for one in task.retry.on))
    pairs = (*job.environment, *job.parameters, *job.tags)
    return any(BEGIN in text for text in texts) or any(BEGIN in value for _, value in pairs)


def _task(task: PlannedTask, values: Mapping[str, str]) -> PlannedTask:
    def text(written: str) -> str:
        return "".join(_written(task, piece, values) for piece in parse(written)) if BEGIN in written else written

    return replace(
        task,
        job=_job(task.job, text),
        retry=replace(task.retry, on=tuple(_policy(one, text) for one in task.retry.on)),
    )


def _job(job: JobSpec, text: Callable[[str], str]) -> JobSpec:
    changed: dict[str, Any] = {name: text(getattr(job, name)) for name in _TEXTS}
    for name in _PAIRS:
        changed[name] = tuple((key, text(value)) for key, value in getattr(job, name))
    command = None if job.command is None else tuple(text(one) for one in job.command)
    return replace(job, command=command, **changed)


def _policy(one: ClassPolicy, text: Callable[[str], str]) -> ClassPolicy:
    return one if one.queue is None else replace(one, queue=text(one.queue))


def _written(task: PlannedTask, piece: str | Expression, values: Mapping[str, str]) -> str:
    """A piece as it is written in a text again, the stage's values as they are."""
    if isinstance(piece, str):
        return piece.replace("${", "$${")
    if piece.root != "stage":
        return str(piece)
    if not values.get(piece.name):
        raise UserMistake(f"task '{task.name}': {piece} has no value here, because this stage does not know its own")
    return values[piece.name]
