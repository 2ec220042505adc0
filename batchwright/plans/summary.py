"""What a plan would submit, rendered with a run's params: as data, and as a Graphviz graph.

Owns the figures and the stable keys of `batchwright plan --json`. How they look in a terminal is `cli/plan.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from batchwright.plans.retry_words import retry_words
from chalicelib.core.definition.compile import waves
from chalicelib.core.ids import Attempt, identity_parameters
from chalicelib.core.plan.job_request import check_run, job_request
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.retry import attempts_at_most
from chalicelib.core.plan.stage_values import PLACEHOLDERS, at_stage

RUN_ID = "RUN-ID"
"""Stands for `${run.id}`, which only a run knows."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """A task as its first attempt would be submitted. `fan_in` and `fan_out` count parents and children.

    `attempts` and `backoff_seconds` are for failures that the policy names no class of and that are not
    infrastructure's; `retry` is all of the policy, in words.
    """

    index: int
    name: str
    depends_on: list[str]
    fan_in: int
    fan_out: int
    job_definition: str
    queue: str
    command: list[str] | None
    environment: dict[str, str]
    parameters: dict[str, str]
    vcpus: float | None
    memory_mib: int | None
    gpus: int | None
    array_size: int | None
    timeout_seconds: int | None
    attempts: int
    backoff_seconds: int
    retry: str
    trigger_rule: str
    allow_failure: bool
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """`jobs` counts an array job as its children. `attempts_at_most` counts submissions if every try fails."""

    tasks: int
    edges: int
    jobs: int
    waves: int
    widest_wave: int
    attempts_at_most: int


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan, wave by wave; a wave's tasks could all start once the wave before has ended."""

    workflow: str
    digest: str
    params: dict[str, Any]
    totals: Totals
    waves: list[list[TaskSummary]]

    def document(self) -> dict[str, Any]:
        """The JSON of `batchwright plan --json`; keys are only ever added."""
        # dataclasses.asdict copies every list of every task, which a plan of 100,000 tasks would feel.
        return _shallow(self) | {
            "totals": _shallow(self.totals),
            "waves": [[_shallow(task) for task in wave] for wave in self.waves],
        }


def summarise(plan: Plan, params: Mapping[str, Any]) -> PlanSummary:
    """The summary of a plan with a run's params. Raises UserMistake when a rendered value breaks a limit."""
    plan = at_stage(plan, PLACEHOLDERS)
    check_run(plan, params)
    found = [[_task(plan, index, params) for index in wave] for wave in waves(plan)]
    tasks = [task for wave in found for task in wave]
    totals = Totals(
        tasks=len(tasks),
        edges=sum(task.fan_in for task in tasks),
        jobs=sum(1 if task.array_size is None else task.array_size for task in tasks),
        waves=len(found),
        widest_wave=max(map(len, found)),
        attempts_at_most=sum(attempts_at_most(task.retry) for task in plan.tasks),
    )
    return PlanSummary(plan.workflow, plan.digest, dict(params), totals, found)


def graphviz(summary: PlanSummary) -> str:
    """The graph in Graphviz's language: an arrow from each task to those that depend on it; array jobs doubled.

    https://graphviz.org/doc/info/lang.html
    """
    lines = [f"digraph {_quoted(summary.workflow)} {{", "  rankdir=LR;", "  node [shape=box];"]
    tasks = [task for wave in summary.waves for task in wave]
    for task in tasks:
        size = task.array_size
        extra = f", label={_quoted(f'{task.name} x {size:,}')}, peripheries=2" if size else ""
        lines.append(f"  {_quoted(task.name)} [tooltip={_quoted(f'{task.job_definition} on {task.queue}')}{extra}];")
    lines += [f"  {_quoted(parent)} -> {_quoted(task.name)};" for task in tasks for parent in task.depends_on]
    return "\n".join([*lines, "}"])


def _task(plan: Plan, index: int, params: Mapping[str, Any]) -> TaskSummary:
    task = plan.tasks[index]
    attempt = Attempt(RUN_ID, 0, index, 1)
    request = job_request(plan, attempt, params=params)
    ours = identity_parameters(attempt)
    return TaskSummary(
        index=index,
        name=task.name,
        depends_on=[plan.tasks[parent].name for parent in plan.parents[index]],
        fan_in=len(plan.parents[index]),
        fan_out=len(plan.children[index]),
        job_definition=request.job_definition,
        queue=request.queue,
        command=None if request.command is None else list(request.command),
        environment=dict(request.environment),
        parameters={name: value for name, value in request.parameters if name not in ours},
        vcpus=request.vcpus,
        memory_mib=request.memory_mib,
        gpus=request.gpus,
        array_size=request.array_size,
        timeout_seconds=request.timeout_seconds,
        attempts=task.retry.attempts or 1,
        backoff_seconds=task.retry.backoff_seconds or 0,
        retry=retry_words(task.retry),
        trigger_rule=task.trigger_rule.value,
        allow_failure=task.allow_failure,
        tags=dict(request.tags),
    )


def _shallow(record: PlanSummary | Totals | TaskSummary) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
