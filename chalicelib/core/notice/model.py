"""What is told to people and programs: notices with a stable id, made of listed fields only.

A Batch event's `container.environment` holds secrets in clear, so nothing here is copied from an event whole. Owns what
a notice is; who is told which is core/notice/preferences.py's, what those of a run say core/run/notices.py's, how it
reads for each kind of subscriber core/notice/publication.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from chalicelib.core.documents import Described, document_of
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind, Severity

VERSION = "1"
LOG_STREAM = "Log stream in /aws/batch/job; GROUP:STREAM in another log group."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldChild:
    """Of a failed array: one child that failed in the most common way."""

    index: Annotated[int, Described("Index in the array, from 0.", minimum=0)]
    label: Annotated[str | None, Described("Label of the child, if it has one.")] = None
    failure: Annotated[FailureClass | None, Described("Class of the failure.")] = None
    exit_code: Annotated[int | None, Described("Exit code of the program.")] = None
    reason: Annotated[str | None, Described("The reason that Batch gives.")] = None
    log_stream: Annotated[str | None, Described(LOG_STREAM)] = None
    alike: Annotated[
        int, Described("How many of the children looked at (25 at most) failed in this way.", always=True, minimum=1)
    ] = 1

    @property
    def title(self) -> str:
        """`child 3`, or `child 3 (south)`."""
        return f"child {self.index}" if self.label is None else f"child {self.index} ({self.label})"


@dataclass(frozen=True, slots=True)
class ToldJob:
    """A job that a notice names: how it failed, or how long it has waited or run."""

    job_id: Annotated[str | None, Described("Batch's id. Absent if Batch refused the job.")]
    name: Annotated[str, Described("Name in Batch.")]
    queue: Annotated[str | None, Described("Name of the job queue.")] = None
    task: Annotated[str | None, Described("The run's task, if a run submitted the job.")] = None
    attempt: Annotated[int | None, Described("Attempt of the task, from 1.", minimum=1)] = None
    failure: Annotated[FailureClass | None, Described("Class of the failure.")] = None
    exit_code: Annotated[int | None, Described("Exit code of the program.")] = None
    reason: Annotated[str | None, Described("The reason that Batch gives.")] = None
    log_stream: Annotated[str | None, Described(LOG_STREAM)] = None
    log_lines: Annotated[
        tuple[str, ...], Described("The last lines of the log, oldest first; of an array, of `child`.")
    ] = ()
    created_at_ms: Annotated[int | None, Described("When it was submitted.")] = None
    started_at_ms: Annotated[int | None, Described("When it began to run.")] = None
    stopped_at_ms: Annotated[int | None, Described("When it ended.")] = None
    array_size: Annotated[int | None, Described("How many children the array has.", minimum=2)] = None
    failed_children: Annotated[int | None, Described("How many children of the array failed.", minimum=0)] = None
    child: Annotated[
        ToldChild | None, Described("Of a failed array: one child that failed in the most common way.")
    ] = None
    is_allowed: Annotated[bool, Described("The task has allow_failure.")] = False

    @property
    def cause(self) -> FailureClass | None:
        """The class of its failure; of an array whose child is known, the child's."""
        return (self.child and self.child.failure) or self.failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One happening that people or programs hear of.

    `queues` are the job queues that it is about (`queues_of`).
    """

    notice_id: Annotated[
        str, Described("The same whenever the notice is repeated. Drop an id that you have seen.", key="id")
    ]
    kind: Annotated[NoticeKind, Described("What happened.")]
    stage: Annotated[str, Described("The stage that published it.")]
    subject: Annotated[str, Described("One line about what happened.")]
    text: Annotated[str | None, Described("A sentence or two more than the subject.")] = None
    at_ms: Annotated[int, Described("When it happened, or was found; of a late run, since when it is late.")]
    thread: Annotated[
        str, Described("Shared by related notices: a run's id, a monitor and the day, or a queue and a job.")
    ]
    run_id: Annotated[str | None, Described("The run.")] = None
    workflow: Annotated[str | None, Described("The run's workflow.")] = None
    epoch: Annotated[int | None, Described("How often the run was redriven.", minimum=0)] = None
    monitor: Annotated[str | None, Described("The monitor that reports it.")] = None
    queues: Annotated[
        tuple[str, ...], Described("All job queues it is about, also of jobs that it does not name, as far as known.")
    ] = ()
    began_at_ms: Annotated[int | None, Described("When the run or the window began.")] = None
    ended_at_ms: Annotated[int | None, Described("When it ended.")] = None
    jobs: Annotated[tuple[ToldJob, ...], Described("Jobs in full, at most ten.")] = ()
    job_count: Annotated[int, Described("How many jobs it is about, named or not.", minimum=0)] = 0
    task_counts: Annotated[
        tuple[tuple[str, int], ...], Described("How many tasks of the run are in each final state.")
    ] = ()

    @property
    def severity(self) -> Severity:
        return KIND_ROWS[self.kind].severity

    @property
    def queue(self) -> str | None:
        """The job queue that it is about, if there is one and no other."""
        return self.queues[0] if len(self.queues) == 1 else None

    def document(self) -> dict[str, Any]:
        """The JSON that programs receive (core/notice/schema.py). What is not known is left out."""
        derived = {"version": VERSION, "id": self.notice_id, "kind": self.kind, "severity": self.severity}
        return {**derived, **document_of(self), **({"queue": self.queue} if self.queue else {})}


def queues_of(jobs: Iterable[ToldJob], more: Iterable[str] = ()) -> tuple[str, ...]:
    """The job queues that a notice is about, sorted: those of the jobs that it names, and `more`, which are those that
    the jobs that it does not name may be in, as far as that is known."""
    return tuple(sorted({*(job.queue for job in jobs if job.queue), *more}))
