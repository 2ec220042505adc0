"""Events made by hand, as AWS would put them or as it might, for the judgements of verify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchwright.verify.jobs import TINY_JOBS, TinyJob, submission
from batchwright.verify.observed import JobKind, Observed, Received, Submitted

STAMP = "20260102-030405"
AT_MS = 1_767_323_045_000
RUN_ID = "verify-20260102-030405-run-q3x7b2k4m5na"


def submitted(job: TinyJob) -> Submitted:
    request = submission(job, STAMP, "default", "tools:3")
    return Submitted(job.kind, f"id-of-{job.kind}", request["jobName"], request["parameters"])


JOBS = {job.kind: submitted(job) for job in TINY_JOBS}


def a_try(exit_code: int | None, number: int) -> dict[str, Any]:
    """An entry of `attempts[]`."""
    container = {} if exit_code is None else {"exitCode": exit_code}
    return {"startedAt": AT_MS + number * 1000, "stoppedAt": AT_MS + number * 1000 + 500, "container": container}


def event(kind: JobKind, status: str, *, after_seconds: float = 2.0, **detail: Any) -> Received:
    """An event of a job of ours, put on the queue so long after its time. `detail` goes over what it usually has; a
    value of None takes out."""
    job = JOBS[kind]
    usual: Mapping[str, Any] = {
        "jobId": job.job_id,
        "jobName": job.name,
        "jobQueue": "arn:aws:batch:us-east-1:111122223333:job-queue/default",
        "jobDefinition": "arn:aws:batch:us-east-1:111122223333:job-definition/tools:3",
        "status": status,
        "attempts": [],
        "createdAt": AT_MS - 1000,
        "parameters": dict(job.parameters),
        "container": {"environment": [{"name": "PASSWORD", "value": "planted-secret"}]},
        **({"startedAt": AT_MS} if status in ("RUNNING", "SUCCEEDED", "FAILED") else {}),
        **({"stoppedAt": AT_MS} if status in ("SUCCEEDED", "FAILED") else {}),
    }
    document = {
        "version": "0",
        "id": f"{kind}/{status}/{len(detail.get('attempts') or ())}/{detail.get('jobId', '')}",
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": "111122223333",
        "time": "2026-01-02T03:04:05Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {name: value for name, value in {**usual, **detail}.items() if value is not None},
    }
    return Received(document, AT_MS + int(after_seconds * 1000))


def retry_events() -> list[Received]:
    """The job that Batch tries twice, as we assume that it is told."""
    failed, succeeded = a_try(11, 1), a_try(0, 2)
    return [
        event(JobKind.RETRY, "RUNNING"),
        event(JobKind.RETRY, "RUNNABLE", attempts=[failed]),
        event(JobKind.RETRY, "RUNNING", attempts=[failed]),
        event(JobKind.RETRY, "SUCCEEDED", attempts=[failed, succeeded]),
    ]


def array_events() -> list[Received]:
    job_id = JOBS[JobKind.ARRAY].job_id
    children = [
        event(JobKind.ARRAY, "SUCCEEDED", jobId=f"{job_id}:{index}", arrayProperties={"index": index})
        for index in range(2)
    ]
    counts = {"size": 2, "statusSummary": {"SUCCEEDED": 2}}
    return [
        event(JobKind.ARRAY, "PENDING", arrayProperties={"size": 2, "statusSummary": {"RUNNABLE": 2}}),
        *children,
        event(JobKind.ARRAY, "SUCCEEDED", arrayProperties=counts),
    ]


def as_assumed() -> list[Received]:
    """Every event as we assume that it is told."""
    return [
        event(JobKind.SUCCESS, "RUNNING"),
        event(JobKind.SUCCESS, "SUCCEEDED", attempts=[a_try(0, 1)]),
        event(JobKind.FAILURE, "FAILED", attempts=[a_try(3, 1)], statusReason="Essential container in task exited"),
        *retry_events(),
        *array_events(),
        event(JobKind.TAGGED, "SUCCEEDED", attempts=[a_try(0, 1)]),
        event(JobKind.CANCELLED, "FAILED", statusReason="batchwright: verify ends this job", isCancelled=True),
    ]


def observed(*received: Received, **more: Any) -> Observed:
    return Observed(submitted=tuple(JOBS.values()), received=received, run_ids=(RUN_ID,), **more)
