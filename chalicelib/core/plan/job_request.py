"""The job of one attempt: what is submitted to Batch, rendered and checked against Batch's limits.

Owns the request's shape and the checks on rendered values. Rendering itself is `template.py`'s, names and identity
are `ids.py`'s, the submission is the Batch port's. Nothing here needs pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from chalicelib.core import limits, rules
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import UserMistake
from chalicelib.core.ids import Attempt, identity_parameters, job_name
from chalicelib.core.params import same
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.retry import attempts_at_most, memory_after, queue_after
from chalicelib.core.plan.task import PlannedTask, Requested
from chalicelib.core.rules import Broken, Rule
from chalicelib.core.suggest import shown
from chalicelib.core.template import Scope, expressions, render, render_text


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What SubmitJob is asked for. Nothing in it is an expression any more.

    `environment`, `parameters` and `tags` are pairs of name and value, no name twice. `vcpus` in vCPUs, `memory_mib`
    in MiB, `timeout_seconds` for one attempt. None leaves it to the job definition.
    """

    name: str
    queue: str
    job_definition: str
    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    vcpus: float | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    array_size: int | None = None
    timeout_seconds: int | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def requested(self) -> Requested:
        """What the claim of the attempt carries of the request."""
        return Requested(self.queue, self.array_size)

    def document(self) -> dict[str, Any]:
        """The request as SubmitJob's members, in Batch's spelling: `client.submit_job(**request.document())`.

        https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
        """
        document: dict[str, Any] = {
            "jobName": self.name,
            "jobQueue": self.queue,
            "jobDefinition": self.job_definition,
        }
        if self.parameters:
            document["parameters"] = dict(self.parameters)
        if overrides := self.container_overrides():
            document["containerOverrides"] = overrides
        if self.array_size is not None:
            document["arrayProperties"] = {"size": self.array_size}
        if self.timeout_seconds is not None:
            document["timeout"] = {"attemptDurationSeconds": self.timeout_seconds}
        if self.tags:
            document["tags"] = dict(self.tags)
        return document

    def container_overrides(self) -> dict[str, Any]:
        """The part of the document that replaces the job definition's values; empty when nothing does."""
        overrides: dict[str, Any] = {}
        if self.command is not None:
            overrides["command"] = list(self.command)
        if self.environment:
            overrides["environment"] = [{"name": name, "value": value} for name, value in self.environment]
        resources = (("VCPU", self.vcpus), ("MEMORY", self.memory_mib), ("GPU", self.gpus))
        requirements = [{"type": kind, "value": _figure(value)} for kind, value in resources if value is not None]
        if requirements:
            overrides["resourceRequirements"] = requirements
        return overrides


def job_request(
    plan: Plan, attempt: Attempt, *, params: Mapping[str, Any], past: Sequence[JobResult] = ()
) -> JobRequest:
    """The request for an attempt's job. `params` are the run's, complete and checked.

    `past` holds the results of the attempts before it: by the task's policy they may ask for more memory and another
    queue. The same `past` gives the same request, and so the same queue to look for its job in.
    Raises UserMistake naming the task, the rule and the value when a rendered value breaks one of Batch's limits.
    """
    request, problems = _rendered(plan.tasks[attempt.index], attempt, params, past)
    if problems:
        raise UserMistake("\n".join(problems))
    return request


def memory_of(plan: Plan, attempt: Attempt, *, params: Mapping[str, Any], past: Sequence[JobResult]) -> int | None:
    """The memory (in MiB) that `job_request` asks for; None when the job definition has it, or when it is no number."""
    task = plan.tasks[attempt.index]
    memory_mib = _Renderer(task, Scope(params, attempt.run_id, task.name, attempt.number)).number("memory_mib")
    return None if memory_mib is None else memory_after(task.retry, memory_mib, past)


def empty_arrays(plan: Plan, params: Mapping[str, Any]) -> frozenset[int]:
    """The indexes of the arrays of none, by these params: tasks that are skipped when they could start."""
    found: set[int] = set()
    for size, indexes in plan.array_sizes.items():
        with suppress(UserMistake):
            # The size names params alone.
            if same(_counted(render(size, Scope(params, "", "", 1))), 0):
                found.update(indexes)
    return frozenset(found)


def array_size_of(plan: Plan, attempt: Attempt, *, params: Mapping[str, Any]) -> int | None:
    """The size of the array that a task without a record would ask for; None of a single job, or of no number."""
    task = plan.tasks[attempt.index]
    if task.job.array_size is None:
        return None
    scope = Scope(params, attempt.run_id, task.name, attempt.number)
    size: int | None = _Renderer(task, scope).number("array_size")
    return None if size == 1 else size


def array_labels_of(task: PlannedTask, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the children of a task's array, in order. Empty if they have none, or the params do not fit."""
    given = task.job.array_labels
    if not isinstance(given, str):
        return given
    with suppress(UserMistake):
        value = render(given, Scope(params, "", task.name, 1))
        if rules.array_labels_mistake(value) is None:
            return tuple(value)
    return ()


def check_run(plan: Plan, params: Mapping[str, Any]) -> None:
    """Render every task that has expressions, before anything is submitted.

    A task without any was checked when its workflow was. What only a run knows (its id, the attempt) is taken at its
    longest. Raises one UserMistake with a line for each problem.
    """
    problems: list[str] = []
    for task in plan.tasks:
        if has_expressions(task):
            problems += task_problems(task, params)
    if problems:
        raise UserMistake("\n".join(problems))


def task_problems(task: PlannedTask, params: Mapping[str, Any]) -> list[str]:
    """What is wrong with a task's job once it is rendered, a line each; see `check_run`."""
    attempt = Attempt(_LONGEST_RUN_ID, 0, 0, attempts_at_most(task.retry))
    return _rendered(task, attempt, params)[1] + _retry_problems(task, attempt, params)


def params_of(task: PlannedTask) -> frozenset[str]:
    """The names of the params that a task's jobs are made of."""
    found = (expressions(text) for text in _texts(task) if isinstance(text, str))
    return frozenset(one.name for several in found for one in several if one.root == "params")


def has_expressions(task: PlannedTask) -> bool:
    """Whether anything of a task's jobs has to be rendered."""
    return any(isinstance(value, str) and "${" in value for value in _texts(task))


def _texts(task: PlannedTask) -> Iterator[Any]:
    """The values of a task that may hold expressions."""
    job = task.job
    queues = (one.queue for one in task.retry.on)
    numbers = (getattr(job, name) for name in _NUMBER_FIELDS)
    texts = (job.job_definition, job.queue, *queues, *(job.command or ()), *numbers)
    pairs = (value for name in _PAIR_FIELDS for _, value in getattr(job, name))
    return chain(texts, pairs)


def size_problems(request: JobRequest) -> list[Broken]:
    """Which of Batch's limits on a whole submission the request breaks; each text is a sentence of its own."""
    overrides = json.dumps(request.container_overrides(), separators=(",", ":"), ensure_ascii=False)
    return size_mistakes(len(overrides), len(json.dumps(request.document())))


def size_mistakes(overrides: int, payload: int) -> list[Broken]:
    """Which limits a submission breaks whose container overrides have so many characters, and all of it so many bytes,
    as `size_problems` counts them."""
    broken = []
    if overrides > limits.CONTAINER_OVERRIDES_CHARACTERS:
        broken.append(
            Broken(
                f"command, environment and resources must come to {limits.CONTAINER_OVERRIDES_CHARACTERS:,} characters "
                f"or less as JSON, not {overrides:,}",
                "put what is long into S3 and pass its address",
            )
        )
    if payload > limits.SUBMIT_PAYLOAD_BYTES:
        broken.append(
            Broken(
                f"the submission must come to {limits.SUBMIT_PAYLOAD_BYTES:,} bytes or less as JSON, not {payload:,}",
                "put what is long into S3 and pass its address",
            )
        )
    return broken


def _counted(size: Any) -> Any:
    """The size of an array: a list of labels stands for their number."""
    return len(size) if isinstance(size, list) else size


def _figure(value: float) -> str:
    """A number as Batch wants it: whole when it is (2, not 2.0)."""
    return str(int(value)) if value == int(value) else repr(value)


_LONGEST_RUN_ID = "r" * 53
_PAIR_FIELDS = ("environment", "parameters", "tags")
_NUMBER_FIELDS = ("vcpus", "memory_mib", "gpus", "array_size", "timeout_seconds")
_LABELS = {"array_size": "array.size"}
_NAME_RULES = {
    "environment": rules.environment_name_rule,
    "parameters": rules.parameter_name_rule,
    "tags": rules.tag_name_rule,
}


def _rendered(
    task: PlannedTask, attempt: Attempt, params: Mapping[str, Any], past: Sequence[JobResult] = ()
) -> tuple[JobRequest, list[str]]:
    """The request as far as it could be rendered, and what is wrong with it, a line each."""
    renderer = _Renderer(task, Scope(params, attempt.run_id, task.name, attempt.number))
    job = task.job
    identity = tuple(identity_parameters(attempt).items())
    request = JobRequest(
        name=job_name(attempt, task.name),
        queue=renderer.text("queue", queue_after(task.retry, past) or job.queue, rules.queue_rule),
        job_definition=renderer.text("job_definition", job.job_definition, rules.job_definition_rule),
        command=None
        if job.command is None
        else tuple(renderer.text(f"command[{place}]", item) for place, item in enumerate(job.command)),
        environment=renderer.pairs("environment"),
        parameters=renderer.pairs("parameters") + identity,
        tags=renderer.pairs("tags", rules.tag_value_rule),
        **{name: renderer.number(name) for name in _NUMBER_FIELDS},
    )
    if request.memory_mib is not None:
        request = replace(request, memory_mib=memory_after(task.retry, request.memory_mib, past))
    if request.array_size == 1:
        # Batch knows no array of one.
        request = replace(request, array_size=None)
    renderer.check_labels()
    renderer.report("tags", rules.tags_rule(request.tags))
    for broken in size_problems(request):
        renderer.report("", broken)
    return request, renderer.problems


def _retry_problems(task: PlannedTask, attempt: Attempt, params: Mapping[str, Any]) -> list[str]:
    """What is wrong with what a retry would change, a line each: nobody wants to learn it at the first failure."""
    renderer = _Renderer(task, Scope(params, attempt.run_id, task.name, attempt.number))
    memory_mib = renderer.number("memory_mib")
    told = len(renderer.problems)  # of the memory itself, by whoever renders the task
    for one in task.retry.on:
        label = f"retry.on.{one.failure}"
        if one.queue is not None:
            renderer.text(f"{label}.queue", one.queue, rules.queue_rule)
        if one.memory_maximum_mib is not None and not told:
            label += ".memory_mib"
            if memory_mib is None:
                renderer.report(label, rules.NO_MEMORY_TO_MULTIPLY)
            else:
                broken = rules.memory_maximum_rule(one.memory_maximum_mib, memory_mib)
                renderer.report(f"{label}.maximum", broken)
    return renderer.problems[told:]


class _Renderer:
    """Renders the fields of one task and gathers what breaks a rule."""

    def __init__(self, task: PlannedTask, scope: Scope) -> None:
        self.problems: list[str] = []
        self._task = task
        self._scope = scope

    def text(self, label: str, text: str, rule: Rule | None = None) -> str:
        try:
            value = render_text(text, self._scope)
        except UserMistake as mistake:
            self.report(label, Broken(f"cannot be rendered: {mistake}"))
            return ""
        if rule:
            self.report(label, rule(value), text)
        return value

    def pairs(self, field: str, value_rule: Rule | None = None) -> tuple[tuple[str, str], ...]:
        pairs: tuple[tuple[str, str], ...] = getattr(self._task.job, field)
        for name, _ in pairs:
            self.report(field, _NAME_RULES[field](name))
        return tuple((name, self.text(f"{field}.{name}", value, value_rule)) for name, value in pairs)

    def number(self, field: str) -> Any:
        """The number a field stands for; None when there is none, or when it breaks its rule."""
        given = getattr(self._task.job, field)
        label = _LABELS.get(field, field)
        try:
            value = render(given, self._scope)
        except UserMistake as mistake:
            self.report(label, Broken(f"cannot be rendered: {mistake}"))
            return None
        if field == "array_size":
            value = _counted(value)
        broken = None if value is None else rules.NUMBERS[field](value)
        self.report(label, broken, given)
        return None if broken else value

    def check_labels(self) -> None:
        """Report labels that a param gives and that no child can have. Literal ones were checked with the workflow."""
        given = self._task.job.array_labels
        if not isinstance(given, str):
            return
        try:
            mistake = rules.array_labels_mistake(render(given, self._scope))
        except UserMistake:
            return  # The size is the same expression, and was reported.
        if mistake:
            where, broken = mistake
            self.report(f"array.labels{where}", broken, given)

    def report(self, label: str, broken: Broken | None, given: Any = None) -> None:
        if broken is None:
            return
        origin = f" (from {shown(given)})" if isinstance(given, str) and "${" in given else ""
        suggestion = f"; {broken.suggestion}" if broken.suggestion else ""
        text = f"{label} {broken.text}".lstrip()
        self.problems.append(f"task '{self._task.name}': {text}{origin}{suggestion}")
