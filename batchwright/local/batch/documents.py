"""How a job is shown: the EventBridge document, DescribeJobs' detail, and ListJobs' summary.

Owns: the shapes, as in tests/data/events. Reads jobs, changes none. Parts that never change (the container as
submitted) are shared between documents, so a document must not be changed by whoever gets it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from batchwright.local.batch.arns import Account
from batchwright.local.batch.jobs import RUNNABLE, Attempt, EcsTask, Job

JOB_STATE_CHANGE = "Batch Job State Change"
QUEUE_BLOCKED = "Batch Job Queue Blocked"

Document = dict[str, Any]


def job_arn(account: Account, job: Job) -> str:
    return account.arn("job", job.job_id)


def event(account: Account, job: Job, now_ms: int) -> Document:
    """The event of the state that `job` is in now."""
    return _envelope(account, JOB_STATE_CHANGE, [job_arn(account, job)], event_detail(account, job), now_ms)


def queue_blocked_event(account: Account, job: Job, now_ms: int) -> Document:
    """The event of a queue whose first job cannot start, with the job's `blocked_reason`."""
    detail = event_detail(account, job)
    resources = [job_arn(account, job), job.spec.queue_arn]
    return _envelope(account, QUEUE_BLOCKED, resources, detail, now_ms)


def event_detail(account: Account, job: Job) -> Document:
    """`detail` of a job's event. Its tags name only the job, never what the user tagged it with."""
    detail = _shared_detail(account, job)
    detail["tags"] = {"resourceArn": account.arn("job", job.spec.job_id)}
    if job.is_cancelled:
        detail["isCancelled"] = True
    if job.is_terminated:
        detail["isTerminated"] = True
    return detail


def describe_detail(account: Account, job: Job, tags: dict[str, str]) -> Document:
    """One entry of DescribeJobs: the event's detail, with the user's tags and both flags."""
    detail = _shared_detail(account, job)
    detail["tags"] = tags
    detail["isCancelled"] = job.is_cancelled
    detail["isTerminated"] = job.is_terminated
    return detail


def summary(account: Account, job: Job) -> Document:
    """One entry of ListJobs."""
    entry: Document = {
        "jobArn": job_arn(account, job),
        "jobId": job.job_id,
        "jobName": job.spec.job_name,
        "createdAt": job.spec.created_at_ms,
        "status": job.status,
        "jobDefinition": job.spec.definition_arn,
        "isCancelled": job.is_cancelled,
        "isTerminated": job.is_terminated,
        "container": {},
    }
    _put_times_and_reason(entry, job)
    if job.attempts and job.has_ended and job.spec.ecs_task is None:
        _put_result(entry["container"], job.attempts[-1])
    if job.children is not None:
        entry["arrayProperties"] = _array_parent(job)
    elif job.index is not None:
        entry["arrayProperties"] = {"index": job.index}
    return entry


def _envelope(account: Account, kind: str, resources: list[str], detail: Document, now_ms: int) -> Document:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.batch",
        "account": account.account_id,
        # EventBridge's time has whole seconds.
        "time": datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": account.region,
        "resources": resources,
        "detail": detail,
    }


def _shared_detail(account: Account, job: Job) -> Document:
    spec = job.spec
    detail: Document = {
        "jobArn": job_arn(account, job),
        "jobName": spec.job_name,
        "jobId": job.job_id,
        "jobQueue": spec.queue_arn,
        "status": job.status,
        "attempts": [_attempt(account, attempt, spec.ecs_task) for attempt in job.attempts],
        "createdAt": spec.created_at_ms,
        "retryStrategy": spec.retry_document,
        "dependsOn": spec.depends_on,
        "jobDefinition": spec.definition_arn,
        "parameters": spec.parameters,
        "container": {} if spec.ecs_task is not None else _container(account, job),
        "propagateTags": spec.propagate_tags,
        "platformCapabilities": spec.platform_capabilities,
        "eksAttempts": [],
    }
    if spec.ecs_task is not None:
        detail["ecsProperties"] = {"taskProperties": [_task(account, job, spec.ecs_task)]}
    if spec.timeout_seconds is not None:
        detail["timeout"] = {"attemptDurationSeconds": spec.timeout_seconds}
    if spec.scheduling_priority is not None:
        detail["schedulingPriority"] = spec.scheduling_priority
    if job.children is not None:
        detail["arrayProperties"] = _array_parent(job)
    elif job.index is not None:
        detail["arrayProperties"] = {"index": job.index, "statusSummary": {}}
    _put_times_and_reason(detail, job)
    return detail


def _put_times_and_reason(document: Document, job: Job) -> None:
    # What blocks the job now is news; why its last attempt ended is in `attempts`.
    reason = job.blocked_reason if job.status == RUNNABLE and job.blocked_reason else job.status_reason
    if reason is not None:
        document["statusReason"] = reason
    if job.started_at_ms is not None:
        document["startedAt"] = job.started_at_ms
    if job.stopped_at_ms is not None:
        document["stoppedAt"] = job.stopped_at_ms


def _array_parent(job: Job) -> Document:
    return {
        "size": len(job.children or ()),
        "statusSummary": dict(job.summary or {}),
        "statusSummaryLastUpdatedAt": job.summary_at_ms,
    }


def _container(account: Account, job: Job) -> Document:
    container = dict(job.spec.container)
    if job.has_ended and job.attempts:
        last = job.attempts[-1]
        _put_result(container, last)
        container["logStreamName"] = last.log_stream
        container["taskArn"] = account.task_arn(last.task_id)
    elif job.log_stream is not None and job.task_id is not None:
        container["logStreamName"] = job.log_stream
        container["taskArn"] = account.task_arn(job.task_id)
    return container


def _task(account: Account, job: Job, ecs_task: EcsTask) -> Document:
    """The task of a job whose definition has `ecsProperties`: as registered, with what became of its container."""
    container = _container(account, job)
    changed = ("command", "environment", "resourceRequirements", "logStreamName", "exitCode", "reason")
    shown = {
        **ecs_task.container,
        "name": ecs_task.name,
        **{key: container[key] for key in changed if key in container},
    }
    task = {**ecs_task.task, "containers": [shown]}
    if "taskArn" in container:
        task["taskArn"] = container["taskArn"]
    return task


def _attempt(account: Account, attempt: Attempt, ecs_task: EcsTask | None) -> Document:
    container: Document = {"logStreamName": attempt.log_stream, "networkInterfaces": []}
    _put_result(container, attempt)
    entry: Document = {"statusReason": attempt.status_reason}
    task_arn = account.task_arn(attempt.task_id)
    if ecs_task is None:
        entry["container"] = {**container, "taskArn": task_arn}
    else:
        entry["taskProperties"] = [{"taskArn": task_arn, "containers": [{**container, "name": ecs_task.name}]}]
    if attempt.started_at_ms is not None:
        entry["startedAt"] = attempt.started_at_ms
    if attempt.stopped_at_ms is not None:
        entry["stoppedAt"] = attempt.stopped_at_ms
    return entry


def _put_result(container: Document, attempt: Attempt) -> None:
    if attempt.exit_code is not None:
        container["exitCode"] = attempt.exit_code
    if attempt.reason is not None:
        container["reason"] = attempt.reason
