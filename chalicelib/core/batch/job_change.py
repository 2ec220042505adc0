"""That a job of a run reached another status, as job_event.py reads it off Batch's documents."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core import limits
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.states import STATE_OF_STATUS, JobStatus, TaskState


def order_of(status: JobStatus, job_tries: int) -> tuple[int, int]:
    """Orders what is told of one job: by the tries that ended inside Batch and the rank of the status. An ending is
    after everything, whatever its count."""
    return (limits.ATTEMPTS_MAXIMUM + 1 if status.ended else job_tries, status.rank)


@dataclass(frozen=True, slots=True)
class JobChange:
    """That the job of an attempt reached a status. `job_tries` counts the tries that ended inside Batch so far.

    `job_name` tells a job that we submitted from a copy that somebody made of it, parameters and all. `result` is
    there when the status is an ending. `queue` is the job queue's name. `told_at_ms` is the time on the event, in
    whole seconds; what DescribeJobs tells has none. `children_run`: it is an array that is pending, of whose
    jobs one runs or has.
    """

    attempt: Attempt
    job_id: str
    job_name: str
    status: JobStatus
    job_tries: int
    started_at_ms: int | None = None
    result: JobResult | None = None
    created_at_ms: int | None = None
    queue: str | None = None
    told_at_ms: int | None = None
    children_run: bool = False

    @property
    def state(self) -> TaskState:
        """The state of the task whose job this is. Batch leaves an array's job pending while its children run."""
        return TaskState.RUNNING if self.children_run else STATE_OF_STATUS[self.status]

    @property
    def order(self) -> tuple[int, int]:
        """Later changes of one job compare greater, in whatever order they arrive."""
        return order_of(self.status, self.job_tries)
