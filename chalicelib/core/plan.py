"""A plan: a workflow compiled into numbered tasks, and its form in the table.

Owns the shape of a plan, its digest and its chunks. How a workflow becomes a plan is `compile.py`'s; what a plan
means for a run is `advance.py`'s. Nothing here needs pydantic, so a Lambda that only follows events never loads it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from chalicelib.core import limits
from chalicelib.core.collector import collector_paused
from chalicelib.core.errors import Defect
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import TriggerRule

FORMAT = 2
"""Version of the encoded form; it is part of the digest."""

BACKOFF_MAX_SECONDS = 3_600
"""What a pause between attempts grows to at most, unless a policy says otherwise."""

Text = str
"""A string that may hold `${...}` expressions."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a task asks of Batch. Strings may hold `${...}`; a number may be one whole expression.

    `vcpus` in vCPUs, `memory_mib` in MiB, `timeout_seconds` for one attempt. None leaves it to the job definition.
    """

    job_definition: Text
    queue: Text
    command: tuple[Text, ...] | None = None
    environment: tuple[tuple[str, Text], ...] = ()
    parameters: tuple[tuple[str, Text], ...] = ()
    vcpus: float | Text | None = None
    memory_mib: int | Text | None = None
    gpus: int | Text | None = None
    array_size: int | Text | None = None
    timeout_seconds: int | Text | None = None
    tags: tuple[tuple[str, Text], ...] = ()


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """What a task does about failures of one class. The `attempts`-th failure of the class is final.

    `backoff_seconds` None takes the policy's. Each failure of the class multiplies the next attempt's memory by
    `memory_factor`, up to `memory_maximum_mib` (both None or neither), and sends it to `queue`.
    """

    failure: FailureClass
    attempts: int
    backoff_seconds: int | None = None
    memory_factor: float | None = None
    memory_maximum_mib: int | None = None
    queue: Text | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What follows a task's failures, by their class. What the fields come to is `retry.py`'s.

    `attempts` is for all classes that `on` does not name: 1 is no retry, None leaves them to the defaults. The pause
    grows from `backoff_seconds` (None: the default of the class) by `backoff_factor` each time, up to
    `backoff_max_seconds`; with `jitter` it is drawn between nothing and that. `on` is sorted by class.
    """

    attempts: int | None = None
    backoff_seconds: int | None = None
    backoff_factor: float = 2.0
    backoff_max_seconds: int = BACKOFF_MAX_SECONDS
    jitter: bool = True
    on: tuple[ClassPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A node of the plan. Its index is its place in `Plan.tasks`."""

    name: str
    job: JobSpec
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    allow_failure: bool = False
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True)
class Plan:
    """Tasks numbered 0..n-1 in topological order, with parents and children as index lists.

    `parents[i]` and `children[i]` are ascending; every parent's index is lower than its child's. Immutable, and
    named by `digest`: equal content has an equal digest whatever the version of the workflow it came from.
    """

    workflow: str
    tasks: tuple[PlannedTask, ...]
    parents: tuple[tuple[int, ...], ...]

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        lists: list[list[int]] = [[] for _ in self.tasks]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                lists[parent].append(child)
        return tuple(map(tuple, lists))

    @cached_property
    def roots(self) -> tuple[int, ...]:
        return tuple(index for index, parents in enumerate(self.parents) if not parents)

    @cached_property
    def index_of(self) -> dict[str, int]:
        return {task.name: index for index, task in enumerate(self.tasks)}

    @property
    def shard_count(self) -> int:
        return -(-len(self.tasks) // limits.SHARD_SIZE)

    def shard_size(self, shard: int) -> int:
        """How many tasks the shard holds: 256, but for the last one."""
        return min(limits.SHARD_SIZE, len(self.tasks) - shard * limits.SHARD_SIZE)

    def parent_masks(self, index: int) -> dict[int, int]:
        """The parents of a task by shard, each shard's as a bit mask of offsets. Kept, for a fan-in asks often."""
        masks = self._masks.get(index)
        if masks is None:
            masks = self._masks[index] = mask_by_shard(self.parents[index])
        return masks

    @cached_property
    def _masks(self) -> dict[int, dict[int, int]]:
        return {}

    @cached_property
    def allowed_failures(self) -> dict[int, int]:
        """By shard, the mask of tasks without whose results the run can succeed."""
        return mask_by_shard(index for index, task in enumerate(self.tasks) if task.allow_failure)

    @cached_property
    def content(self) -> bytes:
        """The canonical form: what the digest names and what the chunks hold, compressed."""
        specs: dict[tuple[Any, ...], int] = {}
        rows = [_row(task, specs) for task in self.tasks]
        document = {
            "format": FORMAT,
            "workflow": self.workflow,
            "specs": list(specs),
            "tasks": rows,
            "parents": self.parents,
        }
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def chunks(self) -> list[bytes]:
        """The compressed content in pieces that fit a DynamoDB item each."""
        packed = zlib.compress(self.content, 6)
        size = limits.PLAN_CHUNK_BYTES
        return [packed[start : start + size] for start in range(0, len(packed), size)]

    @classmethod
    @collector_paused()
    def from_chunks(cls, digest: str, chunks: Sequence[bytes]) -> Plan:
        """The plan whose chunks these are; raises Defect when they do not add up to that digest."""
        content = zlib.decompress(b"".join(chunks))
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise Defect(f"the chunks of plan {digest} hold plan {found}")
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise Defect(f"plan {digest} has format {document['format']}, and this version reads {FORMAT}")
        specs = [_job_from_row(row) for row in document["specs"]]
        return cls(
            workflow=document["workflow"],
            tasks=tuple(_task_from_row(row, specs) for row in document["tasks"]),
            parents=tuple(map(tuple, document["parents"])),
        )


def shard_of(index: int) -> int:
    return index // limits.SHARD_SIZE


def offset_of(index: int) -> int:
    """A task's place within its shard, 0..255: what the tally's sets hold."""
    return index % limits.SHARD_SIZE


def mask_by_shard(indexes: Iterable[int]) -> dict[int, int]:
    """Task indexes as one bit mask of offsets a shard."""
    masks: dict[int, int] = {}
    for index in indexes:
        shard, offset = divmod(index, limits.SHARD_SIZE)
        masks[shard] = masks.get(shard, 0) | 1 << offset
    return masks


def indexes_in(shard: int, mask: int) -> list[int]:
    """The task indexes that a shard's bit mask names, ascending."""
    first = shard * limits.SHARD_SIZE
    indexes = []
    while mask:
        low = mask & -mask
        indexes.append(first + low.bit_length() - 1)
        mask ^= low
    return indexes


_JOB_FIELDS = tuple(field.name for field in fields(JobSpec))
_SHARED_FIELDS = tuple(name for name in _JOB_FIELDS if name != "command")
_PAIRS = ("environment", "parameters", "tags")
_RETRY_FIELDS = tuple(field.name for field in fields(RetryPolicy))
_CLASS_FIELDS = tuple(field.name for field in fields(ClassPolicy))
_DEFAULT_RETRY = RetryPolicy()


def _row(task: PlannedTask, specs: dict[tuple[Any, ...], int]) -> tuple[Any, ...]:
    """A task's row: what tasks of one kind share (all but name and command) is written once, in `specs`."""
    job = task.job
    shared = (
        job.job_definition,
        job.queue,
        job.environment,
        job.parameters,
        job.vcpus,
        job.memory_mib,
        job.gpus,
        job.array_size,
        job.timeout_seconds,
        job.tags,
        task.trigger_rule,
        task.allow_failure,
        _retry_row(task.retry),
    )
    return task.name, specs.setdefault(shared, len(specs)), job.command


def _retry_row(policy: RetryPolicy) -> tuple[Any, ...]:
    """A policy's values in the order of its fields; empty for the default, which most tasks have."""
    if policy == _DEFAULT_RETRY:
        return ()
    *plain, on = (getattr(policy, name) for name in _RETRY_FIELDS)
    return *plain, tuple(tuple(getattr(one, name) for name in _CLASS_FIELDS) for one in on)


def _retry_from_row(row: list[Any]) -> RetryPolicy:
    if not row:
        return _DEFAULT_RETRY
    values = dict(zip(_RETRY_FIELDS, row, strict=True))
    on = tuple(ClassPolicy(FailureClass(failure), *rest) for failure, *rest in values.pop("on"))
    return RetryPolicy(**values, on=on)


def _job_from_row(row: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shared part of a task's job, and of the task itself, as keyword arguments."""
    values = dict(zip(_SHARED_FIELDS, row, strict=False))
    for name in _PAIRS:
        values[name] = tuple((key, value) for key, value in values[name])
    rule, allow_failure, retry = row[len(_SHARED_FIELDS) :]
    rest = {
        "trigger_rule": TriggerRule(rule),
        "allow_failure": allow_failure,
        "retry": _retry_from_row(retry),
    }
    return values, rest


def _task_from_row(row: list[Any], specs: list[tuple[dict[str, Any], dict[str, Any]]]) -> PlannedTask:
    name, spec, command = row
    job, rest = specs[spec]
    return PlannedTask(name=name, job=JobSpec(command=None if command is None else tuple(command), **job), **rest)
