"""Since when a recorded job runs or waits, and how long it ran."""

from __future__ import annotations

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.states import JobStatus

WAITING = (JobStatus.SUBMITTED, JobStatus.RUNNABLE, JobStatus.STARTING)
"""The statuses of a job that waits for capacity. A single job that is PENDING waits for others."""
_BEGUN = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)


def is_pending_array(job: JobRecord) -> bool:
    """Whether it is an array from its first child's being ready to the last one's end, as far as the record knows."""
    return job.status is JobStatus.PENDING and job.array_size is not None


def children_run(job: JobRecord) -> bool:
    """Whether a job of an array runs, or has, by its record's counts."""
    return any(job.children.get(status) for status in _BEGUN)


def running_since_ms(job: JobRecord) -> int | None:
    """Since when a job runs; None when it does not. An array does once one of its jobs has begun; when that was is not
    known, so of it the whole time counts."""
    if job.status is JobStatus.RUNNING:
        return job.started_at_ms or job.seen_at_ms
    return job.created_at_ms if is_pending_array(job) and children_run(job) else None


def run_ms(job: JobRecord) -> int | None:
    """How long a successful job ran; None where that says nothing of others: an array takes as long as its children had
    to wait."""
    if job.status is not JobStatus.SUCCEEDED or job.array_size is not None:
        return None
    if job.started_at_ms is None or job.stopped_at_ms is None:
        return None
    return max(0, job.stopped_at_ms - job.started_at_ms)


def waiting_since_ms(job: JobRecord) -> int | None:
    """Since when a job waits for capacity; None when it does not. A job that Batch tries again waits anew. An array
    waits as long as some of its jobs do, and none has begun."""
    waits = job.status in WAITING
    if is_pending_array(job) and not children_run(job):
        waits = any(job.children.get(status) for status in WAITING)
    return job.seen_at_ms if waits else None
