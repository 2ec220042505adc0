"""From a workflow to its plan: numbering in waves, and defaults merged into tasks.

Owns the order of a plan's tasks and what a default means. Whether a definition is sound is `check.py`'s; a graph that
is no DAG is refused here too, for a plan cannot hold one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.definition.graph import graph_mistakes
from chalicelib.core.definition.model import Retry, Task, TaskSettings, Workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.limits import TASKS_MAXIMUM
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import BACKOFF_MAX_SECONDS, ClassPolicy, JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.states import TriggerRule

_JOINED = ("environment", "parameters", "tags")
_PLAIN = ("job_definition", "queue", "command", "vcpus", "memory_mib", "gpus", "array", "timeout_seconds", "retry")
_FLAGS = ("trigger_rule", "allow_failure")


def compile_workflow(workflow: Workflow) -> Plan:
    """The plan of a workflow. The same workflow gives the same plan, to the byte.

    Tasks are numbered wave by wave (a task's wave is one after the latest of those it depends on), in file order
    within a wave. Raises UserMistake, a line for each problem, when the graph is no DAG or a task has no queue.
    """
    names, parents = number_in_waves({name: task.depends_on for name, task in workflow.tasks.items()})
    merge = _Merge(workflow.defaults)
    tasks = workflow.tasks
    return Plan(workflow.name, tuple([merge.planned(name, tasks[name]) for name in names]), parents)


def number_in_waves(graph: Mapping[str, Sequence[str]]) -> tuple[list[str], tuple[tuple[int, ...], ...]]:
    """The names in the order of the plan, and for each the numbers of its parents, ascending.

    Raises UserMistake when there is no such order, naming whole cycles, unknown and repeated names.
    """
    if not 0 < len(graph) <= TASKS_MAXIMUM:
        raise UserMistake(f"a workflow has 1 to {TASKS_MAXIMUM:,} tasks, not {len(graph):,}")
    children: dict[str, list[str]] = {name: [] for name in graph}
    waits_for: dict[str, int] = {}
    wave: list[str] = []
    sound = True
    for name, parents in graph.items():
        if not parents:
            wave.append(name)
            continue
        waits_for[name] = len(parents)
        sound = sound and (len(parents) == 1 or len(set(parents)) == len(parents))
        try:
            for parent in parents:
                children[parent].append(name)
        except KeyError:
            sound = False
    order: list[str] = []
    place = {name: place for place, name in enumerate(graph)}
    while wave and sound:
        order += wave
        reached: list[str] = []
        for name in wave:
            for child in children[name]:
                left = waits_for[child] - 1
                waits_for[child] = left
                if not left:
                    reached.append(child)
        reached.sort(key=place.__getitem__)
        wave = reached
    if len(order) < len(graph):
        raise UserMistake("\n".join(mistake.line() for mistake in graph_mistakes(graph)))
    number = {name: index for index, name in enumerate(order)}
    return order, tuple([tuple(sorted([number[parent] for parent in graph[name]])) for name in order])


def waves(plan: Plan) -> list[list[int]]:
    """The task indexes of a plan, wave by wave: each wave could start once the one before has ended."""
    depth = [0] * len(plan.tasks)
    found: list[list[int]] = []
    for index, parents in enumerate(plan.parents):
        if parents:
            depth[index] = 1 + max(depth[parent] for parent in parents)
        if depth[index] == len(found):
            found.append([])
        found[depth[index]].append(index)
    return found


class _Merge:
    """Defaults, ready to be put under any number of tasks.

    A key that a task has replaces the default, also with null, which leaves the value to the job definition again.
    `environment`, `parameters` and `tags` are joined instead, name by name; null takes one name away.
    """

    def __init__(self, defaults: TaskSettings) -> None:
        self._values: dict[str, Any] = {name: getattr(defaults, name) for name in (*_PLAIN, *_FLAGS)}
        self._joined: dict[str, dict[str, str | None]] = {name: getattr(defaults, name) or {} for name in _JOINED}
        self._pairs = {name: _pairs(values) for name, values in self._joined.items()}
        self._default_retry = RetryPolicy()
        self._retry = defaults.retry
        self._common = self._default_retry if defaults.retry is None else _policy(defaults.retry)

    def planned(self, name: str, task: Task) -> PlannedTask:
        values = self._values | {field: getattr(task, field) for field in task.model_fields_set}
        rule: TriggerRule = values["trigger_rule"]
        return PlannedTask(
            name,
            self._job(name, task, values),
            rule,
            values["allow_failure"],
            self._policy(values["retry"]),
        )

    def _policy(self, retry: Retry | None) -> RetryPolicy:
        if retry is None:
            return self._default_retry
        return self._common if retry is self._retry else _policy(retry)

    def _job(self, name: str, task: Task, values: dict[str, Any]) -> JobSpec:
        for field in ("job_definition", "queue"):
            if values[field] is None:
                raise UserMistake(f"task '{name}': {field} is missing; give it in the task or in defaults")
        command, array = values["command"], values["array"]
        return JobSpec(
            values["job_definition"],
            values["queue"],
            None if command is None else tuple(command),
            self._pairs_of("environment", task.environment),
            self._pairs_of("parameters", task.parameters),
            values["vcpus"],
            values["memory_mib"],
            values["gpus"],
            None if array is None else array.children,
            values["timeout_seconds"],
            self._pairs_of("tags", task.tags),
            () if array is None else array.names,
        )

    def _pairs_of(self, field: str, own: Mapping[str, str | None] | None) -> tuple[tuple[str, str], ...]:
        if not own:
            return self._pairs[field]
        return _pairs({**self._joined[field], **own})


def _policy(retry: Retry) -> RetryPolicy:
    """The policy of a `retry`, its classes sorted, so that the order in the file does not make another plan."""
    most = retry.backoff_max_seconds
    return RetryPolicy(
        retry.attempts,
        retry.backoff_seconds,
        float(retry.backoff_factor),
        BACKOFF_MAX_SECONDS if most is None else most,
        retry.jitter,
        tuple(
            ClassPolicy(
                FailureClass(name),
                one.attempts,
                one.backoff_seconds,
                None if one.memory_mib is None else float(one.memory_mib.factor),
                None if one.memory_mib is None else one.memory_mib.maximum,
                one.queue,
            )
            for name, one in sorted(retry.on.items())
        ),
    )


def _pairs(values: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """Sorted, so that the order in the file does not make another plan; without what null took away."""
    return tuple(sorted((name, value) for name, value in values.items() if value is not None))
