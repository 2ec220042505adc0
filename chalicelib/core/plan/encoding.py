"""The stored form of a plan: its formats, and a reader for each of them.

Stored plans outlive the code that wrote them, because a deployment in the middle of a run is a normal day. A row has
named fields, and an absent field is its default. So a new field with a default needs no new format. A change that is
more than that gets a new number in `READERS`; the older readers stay, and `tests/data/stored` holds them to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

from chalicelib.core.errors import Defect
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.states import TriggerRule

FORMAT = 3
"""The format that is written. It is part of the digest."""

Content = tuple[str, tuple[PlannedTask, ...], tuple[tuple[int, ...], ...]]
"""What a plan is made of: the workflow's name, the tasks, and the parents of each."""


def encode(workflow: str, tasks: Sequence[PlannedTask], parents: Sequence[Sequence[int]]) -> bytes:
    """The canonical form of a plan: what its digest names and what its chunks hold, compressed.

    What tasks of one kind share (all but name and command) is written once, in `specs`.
    """
    specs: dict[Any, int] = {}
    rows = []
    for task in tasks:
        row: dict[str, Any] = {"name": task.name, "spec": specs.setdefault(_shared(task), len(specs))}
        if task.job.command is not None:
            row["command"] = task.job.command
        rows.append(row)
    document = {
        "format": FORMAT,
        "workflow": workflow,
        "specs": [_spec_row(*shared) for shared in specs],
        "tasks": rows,
        "parents": parents,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def decode(digest: str, content: bytes) -> Content:
    """The content of a stored plan. Raises Defect if a newer version of the code wrote it."""
    document = json.loads(content)
    read = READERS.get(document["format"])
    if read is None:
        known = ", ".join(map(str, READERS))
        raise Defect(f"plan {digest} has format {document['format']}, and this version reads {known}")
    try:
        return read(document)
    except _UnknownField as error:
        raise Defect(f"plan {digest} was written by a newer version of the code: {error}") from error


class _UnknownField(Exception):
    """A row has a field that this version does not know."""


# Format 3: rows of named fields


_JOB_NAMES = tuple(field.name for field in fields(JobSpec) if field.name != "command")
_TASK_NAMES = tuple(field.name for field in fields(PlannedTask) if field.name not in ("name", "job"))
_job_values, _task_values = attrgetter(*_JOB_NAMES), attrgetter(*_TASK_NAMES)


def _shared(task: PlannedTask) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The values that tasks of one kind share: those of the job, and those of the task itself."""
    return _job_values(task.job), _task_values(task)


def _spec_row(job: tuple[Any, ...], rest: tuple[Any, ...]) -> dict[str, Any]:
    """Shared values by their names, without those that are at their defaults."""
    return {"job": _sparse(JobSpec, _JOB_NAMES, job), **_sparse(PlannedTask, _TASK_NAMES, rest)}


def _sparse(cls: type, names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    defaults = _defaults(cls)
    return {name: _plain(value) for name, value in zip(names, values, strict=True) if value != defaults[name]}


def _plain(value: Any) -> Any:
    """A value as JSON has it; a dataclass in it becomes an object without its defaults."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        names = tuple(_defaults(type(value)))
        return _sparse(type(value), names, [getattr(value, name) for name in names])
    return value


def _defaults(cls: Any) -> dict[str, Any]:
    """The default of each field; MISSING, which equals nothing, for a field without one."""
    return {field.name: field.default for field in fields(cls)}


def _read_named(document: Mapping[str, Any]) -> Content:
    specs = [_read_spec(row) for row in document["specs"]]
    tasks = tuple(_read_task(row, specs) for row in document["tasks"])
    return document["workflow"], tasks, tuple(map(tuple, document["parents"]))


def _read_task(row: Mapping[str, Any], specs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> PlannedTask:
    job, rest = specs[row["spec"]]
    command = row.get("command")
    return PlannedTask(row["name"], JobSpec(command=None if command is None else tuple(command), **job), **rest)


def _read_spec(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shared part of a task's job, and that of the task itself, as keyword arguments."""
    rest = _known(PlannedTask, row)
    job = _known(JobSpec, rest.pop("job"))
    for name in _PAIRS:
        if name in job:
            job[name] = tuple((key, value) for key, value in job[name])
    if not isinstance(job.get("array_labels", ""), str):
        job["array_labels"] = tuple(job["array_labels"])
    if "trigger_rule" in rest:
        rest["trigger_rule"] = TriggerRule(rest["trigger_rule"])
    if "retry" in rest:
        rest["retry"] = _read_retry(rest["retry"])
    return job, rest


def _read_retry(row: Mapping[str, Any]) -> RetryPolicy:
    values = _known(RetryPolicy, row)
    policies = [_known(ClassPolicy, one) for one in values.pop("on", ())]
    on = tuple(ClassPolicy(**{**one, "failure": FailureClass(one["failure"])}) for one in policies)
    return RetryPolicy(**values, on=on)


def _known(cls: type, row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row; raises _UnknownField for one that the dataclass does not have."""
    names = _defaults(cls)
    for name in row:
        if name not in names:
            raise _UnknownField(f"{cls.__name__} has no field '{name}'")
    return dict(row)


# Format 2 (release 0.1.0): rows of values in a fixed order

_PAIRS = ("environment", "parameters", "tags")
_SHARED_FIELDS_2 = (
    "job_definition",
    "queue",
    "environment",
    "parameters",
    "vcpus",
    "memory_mib",
    "gpus",
    "array_size",
    "timeout_seconds",
    "tags",
)
_RETRY_FIELDS_2 = ("attempts", "backoff_seconds", "backoff_factor", "backoff_max_seconds", "jitter", "on")
_CLASS_FIELDS_2 = ("failure", "attempts", "backoff_seconds", "memory_factor", "memory_maximum_mib", "queue")


def _read_ordered(document: Mapping[str, Any]) -> Content:
    """A plan of format 2, by way of the names that format 3 gives to its values."""
    named = {
        **document,
        "specs": [_spec_of_2(row) for row in document["specs"]],
        "tasks": [{"name": name, "spec": spec, "command": command} for name, spec, command in document["tasks"]],
    }
    return _read_named(named)


def _spec_of_2(row: Sequence[Any]) -> dict[str, Any]:
    *shared, rule, allow_failure, retry = row
    spec: dict[str, Any] = {
        "job": dict(zip(_SHARED_FIELDS_2, shared, strict=True)),
        "trigger_rule": rule,
        "allow_failure": allow_failure,
    }
    if retry:
        values = dict(zip(_RETRY_FIELDS_2, retry, strict=True))
        spec["retry"] = {**values, "on": [dict(zip(_CLASS_FIELDS_2, one, strict=True)) for one in values["on"]]}
    return spec


READERS: dict[int, Callable[[Mapping[str, Any]], Content]] = {2: _read_ordered, 3: _read_named}
