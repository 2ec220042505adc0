"""Job records and the states they may walk through.

Owns: what is known of a job, an attempt and an array, and the table of allowed changes of state. Does not own
when a job moves (lifecycle.py), where it waits (scheduler.py) or how it is shown (documents.py).
The children of an array share one `JobSpec`; a child is a small record of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchwright.local.batch.retry import RetryStrategy

SUBMITTED = "SUBMITTED"
PENDING = "PENDING"
RUNNABLE = "RUNNABLE"
STARTING = "STARTING"
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"

STATUSES = (SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED)
ENDED = frozenset({SUCCEEDED, FAILED})
STARTED = frozenset({STARTING, RUNNING})

# From each state, where a job may go. A retry takes it back to RUNNABLE.
MOVES: Mapping[str, frozenset[str]] = {
    SUBMITTED: frozenset({PENDING, RUNNABLE, FAILED}),
    PENDING: frozenset({RUNNABLE, SUCCEEDED, FAILED}),
    RUNNABLE: frozenset({STARTING, FAILED}),
    STARTING: frozenset({RUNNING, RUNNABLE, FAILED}),
    RUNNING: frozenset({SUCCEEDED, FAILED, RUNNABLE}),
    SUCCEEDED: frozenset(),
    FAILED: frozenset(),
}


class IllegalMove(Exception):
    """A defect of this server: it tried to move a job where no job goes. Names both states."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What one attempt needs. vCPUs in thousandths, so that a quarter of one stays exact."""

    milli_vcpus: int
    memory_mib: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class EcsTask:
    """The task and the only container of a definition with `ecsProperties`, as registered."""

    task: Mapping[str, Any]
    container: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.container.get("name", "default"))


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What was submitted, with the definition's defaults filled in. Documents are in the API's shape."""

    job_id: str
    job_name: str
    queue_arn: str
    definition_arn: str
    definition_name: str
    container: Mapping[str, Any]
    parameters: Mapping[str, str]
    depends_on: tuple[Mapping[str, str], ...]
    retry_document: Mapping[str, Any]
    retry: RetryStrategy
    timeout_seconds: int | None
    resources: Resources
    created_at_ms: int
    propagate_tags: bool
    platform_capabilities: tuple[str, ...]
    scheduling_priority: int | None
    overrides_length: int
    ecs_task: EcsTask | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended try. `started_at_ms` is None when its process never started."""

    task_id: str
    log_stream: str
    status_reason: str
    exit_code: int | None = None
    reason: str | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A request to end a job: by CancelJob, by TerminateJob, or by its time-out."""

    kind: str  # cancelled, terminated or timeout
    reason: str


@dataclass(slots=True, eq=False)
class Job:
    """A job, an array parent (`children` is a list) or an array child (`parent` is set).

    `blocked_reason` is set while the job is RUNNABLE and fits no compute environment of its queue.
    """

    spec: JobSpec
    sequence: int
    index: int | None = None
    parent: Job | None = None
    children: list[Job] | None = None
    status: str = SUBMITTED
    status_reason: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    task_id: str | None = None
    log_stream: str | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    ending: Ending | None = None
    is_cancelled: bool = False
    is_terminated: bool = False
    unmet: int = 0
    dependents: list[Job] = field(default_factory=list)
    summary: dict[str, int] | None = None
    summary_at_ms: int = 0
    compute_environment: str = ""
    is_on_fargate: bool = False
    blocked_reason: str | None = None

    @property
    def job_id(self) -> str:
        """Batch's id: a child's is `parent:index`."""
        return self.spec.job_id if self.index is None else f"{self.spec.job_id}:{self.index}"

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def is_array(self) -> bool:
        return self.children is not None

    def move(self, status: str, now_ms: int) -> None:
        """Change the state and keep the parent's summary right. Raises IllegalMove on what no job does."""
        if status not in MOVES[self.status]:
            raise IllegalMove(f"job {self.job_id} cannot move from {self.status} to {status}")
        if self.parent is not None and self.parent.summary is not None:
            self.parent.summary[self.status] -= 1
            self.parent.summary[status] += 1
            self.parent.summary_at_ms = now_ms
        self.status = status


def make_array(parent: Job, size: int, next_sequence: int) -> list[Job]:
    """Give `parent` its children, all SUBMITTED; their sequence numbers follow from `next_sequence`."""
    children = [
        Job(spec=parent.spec, sequence=next_sequence + index, index=index, parent=parent) for index in range(size)
    ]
    parent.children = children
    parent.summary = dict.fromkeys(STATUSES, 0)
    parent.summary[SUBMITTED] = size
    parent.summary_at_ms = parent.spec.created_at_ms
    return children
