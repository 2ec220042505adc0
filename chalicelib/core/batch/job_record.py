"""A Batch job as it is recorded: one that no run of ours submitted, or any if the stage records all.

Owns the shape of the record. How it is read off an event is core/batch/job_event.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.batch.job_change import order_of
from chalicelib.core.batch.result import JobTry
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import JobStatus


class JobState(StrEnum):
    """Where a recorded job is: its last status in Batch's spelling, or that nobody can tell any more."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """Batch does not know the job any more, and how it ended was never told."""


class ManagedBy(StrEnum):
    """Who submitted a job, as far as its document tells."""

    BATCHWRIGHT = "batchwright"
    STEP_FUNCTIONS = "step_functions"


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as its latest event told it. `queue` and `definition` are names, the latter with its revision.

    Records of one job are ordered by `order`; an ended one never moves. `array_size` and `children` (how many of an
    array's jobs are in which status, a snapshot) are there for an array, `nodes` for a multi-node job, whose resources
    are those of its first node. `run_id`, `task` and `attempt` are there for a job of ours. Of the tries the last few
    are kept. `seen_at_ms` is the time of the event, `children_at_ms` that of the snapshot.

    `lost_at_ms` is there once Batch did not know the job any more, and how it ended was never told.
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
    children_at_ms: int | None = None
    nodes: int | None = None
    managed_by: ManagedBy | None = None
    run_id: str | None = None
    task: str | None = None
    attempt: int | None = None
    lost_at_ms: int | None = None

    @property
    def order(self) -> tuple[int, int, int]:
        """Later records of one job compare greater, in whatever order they arrive: by (tries that ended, rank of the
        status), and those of an array that has not ended by their snapshots of its children."""
        snapshot_ms = self.children_at_ms if self.children and not self.status.ended else None
        return (*order_of(self.status, self.job_tries), snapshot_ms or 0)

    @property
    def state(self) -> JobState:
        """Its status, unless Batch forgot it before it ended."""
        return JobState(self.status.value) if self.lost_at_ms is None else JobState.UNKNOWN

    @property
    def place(self) -> JobPlace:
        """Where it stands in a list; it never moves."""
        return JobPlace(self.created_at_ms, self.job_id)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: it ended, or Batch forgot it."""
        return self.status.ended or self.lost_at_ms is not None

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
class NamePattern:
    """A text that names begin with; or one with `*`, each of which stands for any characters, that a whole name fits.
    Case counts. Its work is linear in the name, whatever the pattern."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def parts(self) -> tuple[str, tuple[str, ...], str]:
        """What a name begins with, what it has then in this order, and what it ends with; empty where anything does."""
        first, *others = self.text.split("*")
        return first, tuple(part for part in others[:-1] if part), others[-1] if others else ""

    def fits(self, name: str) -> bool:
        first, inner, last = self.parts
        if not name.startswith(first) or len(name) < len(first) + len(last) or not name.endswith(last):
            return False
        place, end = len(first), len(name) - len(last)
        for part in inner:
            found = name.find(part, place, end)
            if found < 0:
                return False
            place = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list is to hold: those of any of the queues, in any of the states and with a name that any of the
    patterns fits (none given: all); created from `since_ms` on and before `until_ms`; only foreign ones."""

    queues: tuple[str, ...] = ()
    states: tuple[JobState, ...] = ()
    names: tuple[NamePattern, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    foreign: bool = False

    def has_name(self, name: str) -> bool:
        """Whether it is a name that is wanted."""
        return not self.names or any(pattern.fits(name) for pattern in self.names)

    def wants(self, record: JobRecord) -> bool:
        return (
            (not self.queues or record.queue in self.queues)
            and (not self.states or record.state in self.states)
            and self.has_name(record.name)
            and (self.since_ms is None or record.created_at_ms >= self.since_ms)
            and (self.until_ms is None or record.created_at_ms < self.until_ms)
            and (record.is_foreign or not self.foreign)
        )


EVERY_JOB = JobFilter()


@dataclass(frozen=True, slots=True)
class ListedJobs:
    """Jobs of a list, newest first unless it is said otherwise, and where it goes on: after that place, or nowhere.
    There may be fewer than were asked for though it goes on, for no call looks at more than so many."""

    jobs: tuple[JobRecord, ...]
    after: JobPlace | None
