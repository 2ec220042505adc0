"""A Batch job as it is recorded: one that no run of ours submitted, or any if the stage records all.

Owns the shape of the record. How it is read off an event is core/observed.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.failure import FailureClass
from chalicelib.core.states import JobStatus


class ManagedBy(StrEnum):
    """Who submitted a job, as far as its document tells."""

    BATCHWRIGHT = "batchwright"
    STEP_FUNCTIONS = "step_functions"


@dataclass(frozen=True, slots=True)
class JobTry:
    """One try of a job inside Batch that has ended."""

    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as its latest event told it. `queue` and `definition` are names, the latter with its revision.

    Records of one job are ordered by `order`, (tries that ended, rank of the status); an ended one never moves.
    `array_size` and `children` (how many of an array's jobs are in which status, a snapshot) are there for an array,
    `nodes` for a multi-node job. `run_id`, `task` and `attempt` are there for a job of ours. Of the tries the last few
    are kept. `seen_at_ms` is the time of the event.
    """

    job_id: str
    name: str
    queue: str
    definition: str
    status: JobStatus
    created_at_ms: int
    seen_at_ms: int
    job_tries: int = 0
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    failure: FailureClass | None = None
    log_stream: str | None = None
    tries: tuple[JobTry, ...] = ()
    vcpus: float | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    array_size: int | None = None
    children: Mapping[str, int] = field(default_factory=dict)
    nodes: int | None = None
    managed_by: ManagedBy | None = None
    run_id: str | None = None
    task: str | None = None
    attempt: int | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether no run of ours submitted it."""
        return self.managed_by is not ManagedBy.BATCHWRIGHT


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job's place in a list of jobs, which is newest first; of jobs of one millisecond, the highest id first."""

    created_at_ms: int
    job_id: str

    @property
    def order(self) -> tuple[int, str]:
        """Descends along a list of jobs."""
        return self.created_at_ms, self.job_id


@dataclass(frozen=True, slots=True)
class ListedJobs:
    """Jobs of a list, newest first, and where it goes on: after that place, or nowhere. There may be fewer than were
    asked for though it goes on, for no call looks at more than so many."""

    jobs: tuple[JobRecord, ...]
    after: JobPlace | None
