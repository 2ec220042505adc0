"""The Batch port in memory: remembers what was submitted and terminated, and fails on request.

No job ever runs here; whoever drives it (a test, the simulator) decides what becomes of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.core.errors import AnswerLost, NotPermitted, Throttled, TryAgain, UserMistake
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.ports.services import Clock, ListedJob


class SubmitFault(StrEnum):
    """What can go wrong with one submission."""

    THROTTLED = "throttled"
    REFUSED = "refused"
    NOT_PERMITTED = "not_permitted"
    LOST_BEFORE_EFFECT = "lost_before_effect"
    LOST_AFTER_EFFECT = "lost_after_effect"


@dataclass(slots=True)
class MemoryJob:
    """A job that was submitted. `terminated` holds the reason once somebody asked for its end."""

    job_id: str
    request: JobRequest
    created_at_ms: int
    terminated: str | None = None


def waiting_detail(job: MemoryJob) -> Mapping[str, Any] | None:
    """What Batch tells of a job that waits for capacity until somebody ends it."""
    detail = {"jobId": job.job_id, "jobName": job.request.name, "parameters": dict(job.request.parameters)}
    if job.terminated is None:
        return detail | {"status": "RUNNABLE"}
    return detail | {"status": "FAILED", "statusReason": job.terminated}


class MemoryBatch:
    """Batch with settable failures.

    `faults`: what happens to the next submissions, one entry each; None lets one through. `find_fails` and
    `terminate_fails` make those calls raise TryAgain. `detail_of`: what `describe` tells of a job, None when Batch
    does not know it; `others`: the same of jobs that somebody else submitted; `children`: an array's that failed.
    `find_lag_ms`: how long a job stays invisible to `find`. `described`: who was asked about, a call.
    """

    def __init__(self, clock: Clock) -> None:
        self.jobs: dict[str, MemoryJob] = {}
        self.detail_of: Callable[[MemoryJob], Mapping[str, Any] | None] = waiting_detail
        self.others: dict[str, Mapping[str, Any]] = {}
        self.children: dict[str, list[Mapping[str, Any]]] = {}
        self.described: list[tuple[str, ...]] = []
        self.faults: deque[SubmitFault | None] = deque()
        self.find_fails = False
        self.find_lag_ms = 0
        self.terminate_fails = False
        self.finds = 0
        self._clock = clock

    def submit(self, request: JobRequest) -> str:
        fault = self.faults.popleft() if self.faults else None
        if fault is SubmitFault.THROTTLED:
            raise Throttled("SubmitJob: Too Many Requests")
        if fault is SubmitFault.REFUSED:
            raise UserMistake(f"SubmitJob: Error executing request, Exception : JobQueue {request.queue} not found.")
        if fault is SubmitFault.NOT_PERMITTED:
            raise NotPermitted("SubmitJob: AccessDeniedException: not authorized to perform: batch:SubmitJob")
        if fault is SubmitFault.LOST_BEFORE_EFFECT:
            raise AnswerLost("SubmitJob: the answer never came")
        job = MemoryJob(f"00000000-0000-4000-8000-{len(self.jobs) + 1:012d}", request, self._clock.now_ms())
        self.jobs[job.job_id] = job
        if fault is SubmitFault.LOST_AFTER_EFFECT:
            raise AnswerLost("SubmitJob: the answer never came")
        return job.job_id

    def find(self, queue: str, job_name: str) -> list[ListedJob]:
        self.finds += 1
        if self.find_fails:
            raise TryAgain("ListJobs: told to fail")
        visible_until_ms = self._clock.now_ms() - self.find_lag_ms
        return [
            ListedJob(job.job_id, job.request.name, job.created_at_ms)
            for job in self.jobs.values()
            if (job.request.queue, job.request.name) == (queue, job_name) and job.created_at_ms <= visible_until_ms
        ]

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        self.described.append(tuple(job_ids))
        details = {job_id: self.detail_of(self.jobs[job_id]) for job_id in job_ids if job_id in self.jobs}
        known = {job_id: detail for job_id, detail in details.items() if detail is not None}
        return known | {job_id: self.others[job_id] for job_id in job_ids if job_id in self.others}

    def failed_children(self, job_id: str, limit: int) -> list[Mapping[str, Any]]:
        return self.children.get(job_id, [])[:limit]

    def terminate(self, job_ids: Sequence[str], reason: str) -> None:
        if self.terminate_fails:
            raise TryAgain("TerminateJobs: told to fail")
        for job_id in job_ids:
            job = self.jobs.get(job_id)
            if job and job.terminated is None:
                job.terminated = reason

    @property
    def submitted(self) -> list[JobRequest]:
        """What was submitted and took effect, in order."""
        return [job.request for job in self.jobs.values()]
