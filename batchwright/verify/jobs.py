"""The tiny jobs and workflows that verify submits: requests and definitions, as data.

Owns their names, all derived from the stamp of one call, so that a later call finds what an earlier one left. They
run `sh`, which the job definition's image must have, and take seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batchwright.verify.event_checks import ARRAY_SIZE, FAILURE_EXIT_CODE, RETRY_EXIT_CODES
from batchwright.verify.observed import JobKind
from chalicelib.core.failure import OUR_REASON_PREFIX
from chalicelib.core.ids import Attempt, identity_parameters, job_name

STAMP_PATTERN = r"[0-9]{8}-[0-9]{6}"
STAMPED = "verify-"
"""Before a stamp, in the names of jobs, tasks, workflows and tokens."""
TAG = "batchwright-verify"
REASON = f"{OUR_REASON_PREFIX}verify ends this job"
RUN_TASK_AGAIN = "last"
"""The task that the redrive runs again."""
SCHEDULE = "soon"
_TIMEOUT_SECONDS = 120
_LONG_SECONDS = 300
_RETRIED = f'[ "$AWS_BATCH_JOB_ATTEMPT" = 1 ] && exit {RETRY_EXIT_CODES[0]}; exit {RETRY_EXIT_CODES[1]}'


def stamp_of(now_ms: int) -> str:
    """Names one call by its second."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%d-%H%M%S")


def stamped(stamp: str) -> str:
    """What the names of a call's jobs and workflows begin with."""
    return f"{STAMPED}{stamp}"


def stamp_in(name: str, before: str = STAMPED) -> str | None:
    """The stamp in a name of ours that begins so; None for a name of somebody else."""
    found = re.match(rf"{re.escape(before)}({STAMP_PATTERN})(?:-|\Z)", name)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class TinyJob:
    """A job to submit: what it runs, and what is special about it."""

    kind: JobKind
    script: str
    batch_attempts: int = 1
    array_size: int | None = None
    tags: Mapping[str, str] | None = None


TINY_JOBS = (
    TinyJob(JobKind.SUCCESS, "exit 0"),
    TinyJob(JobKind.FAILURE, f"exit {FAILURE_EXIT_CODE}"),
    TinyJob(JobKind.RETRY, _RETRIED, batch_attempts=len(RETRY_EXIT_CODES)),
    TinyJob(JobKind.ARRAY, "exit 0", array_size=ARRAY_SIZE),
    TinyJob(JobKind.TAGGED, "exit 0", tags={TAG: "yes"}),
    TinyJob(JobKind.CANCELLED, f"sleep {_LONG_SECONDS}"),
)


def submission(job: TinyJob, stamp: str, queue: str, definition: str) -> dict[str, Any]:
    """The request of SubmitJob. Its parameters are those of a job of a run that no stage has, so that every stage's
    functions pass over it."""
    attempt = Attempt(stamped(stamp), 0, list(JobKind).index(job.kind), 1)
    request: dict[str, Any] = {
        "jobName": job_name(attempt, f"{stamped(stamp)}-{job.kind}"),
        "jobQueue": queue,
        "jobDefinition": definition,
        "parameters": identity_parameters(attempt),
        "containerOverrides": {"command": ["sh", "-c", job.script]},
        "retryStrategy": {"attempts": job.batch_attempts},
        "timeout": {"attemptDurationSeconds": _TIMEOUT_SECONDS},
    }
    if job.array_size is not None:
        request["arrayProperties"] = {"size": job.array_size}
    if job.tags is not None:
        request["tags"] = dict(job.tags)
    return request


def run_workflow_name(stamp: str) -> str:
    return f"{stamped(stamp)}-run"


def scheduled_workflow_name(stamp: str) -> str:
    return f"{stamped(stamp)}-scheduled"


def workflow_names(stamp: str) -> tuple[str, str]:
    return run_workflow_name(stamp), scheduled_workflow_name(stamp)


def run_workflow(stamp: str, queue: str, definition: str) -> dict[str, Any]:
    """A workflow that succeeds: a task with tags, one that fails twice and may, an array, and one behind them."""

    def task(script: str, **more: Any) -> dict[str, Any]:
        return {"command": ["sh", "-c", script], **more}

    name = stamped(stamp)
    retry = {"attempts": 2, "backoff_seconds": 1, "jitter": False}
    tasks = {
        f"{name}-tagged": task("exit 0", tags={TAG: "yes"}),
        f"{name}-fails": task(f"exit {FAILURE_EXIT_CODE}", allow_failure=True, retry=retry),
        f"{name}-array": task("exit 0", array={"size": ARRAY_SIZE}),
    }
    tasks[f"{name}-{RUN_TASK_AGAIN}"] = task("exit 0", depends_on=list(tasks), trigger_rule="all_done")
    return _workflow(run_workflow_name(stamp), queue, definition, tasks, ["run_succeeded", "run_failed"])


def scheduled_workflow(stamp: str, queue: str, definition: str, due_ms: int) -> dict[str, Any]:
    """A workflow that starts by itself at that second, and whose one task goes on until its run is cancelled."""
    task = {"command": ["sh", "-c", f"sleep {_LONG_SECONDS}"], "timeout_seconds": 2 * _LONG_SECONDS}
    at = datetime.fromtimestamp(due_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    document = _workflow(scheduled_workflow_name(stamp), queue, definition, {f"{stamped(stamp)}-sleeps": task}, [])
    return {**document, "schedules": {SCHEDULE: {"at": at, "time_zone": "UTC"}}}


def _workflow(name: str, queue: str, definition: str, tasks: Mapping[str, Any], told: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "description": "Made by `batchwright verify`, which removes it again.",
        "defaults": {"queue": queue, "job_definition": definition, "timeout_seconds": _TIMEOUT_SECONDS},
        "notify": {"on": told, "log_lines": 0},
        "tasks": dict(tasks),
    }
