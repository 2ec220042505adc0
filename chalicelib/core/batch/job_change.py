"""A Batch job's change of state, read off the event that tells it.

Owns the reading of Batch's event documents. It takes what it knows and ignores the rest, for Batch may add fields.
Shapes: tests/data/events, https://docs.aws.amazon.com/batch/latest/userguide/batch_cwe_events.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.core import limits
from chalicelib.core.batch.classify import classify
from chalicelib.core.batch.document import TRY_FIELDS, end_of, job_tries
from chalicelib.core.batch.lenient import number
from chalicelib.core.batch.result import JobResult
from chalicelib.core.batch.tries import read_tries
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import Attempt, attempt_from_parameters
from chalicelib.core.states import STATE_OF_STATUS, JobStatus, TaskState
from chalicelib.core.suggest import shown

DETAIL_TYPE = "Batch Job State Change"


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


def read_event(document: object) -> JobChange | None:
    """The change that an EventBridge event tells of a job of ours.

    None for what is not our concern: other detail types, jobs that carry no identity of ours, statuses that Batch may
    add one day, the children of an array and the nodes of a multi-node job (their parent's events stand for them).
    Raises MalformedMessage.
    """
    event = object_in(document, "the event")
    if event.get("source") != "aws.batch" or event.get("detail-type") != DETAIL_TYPE:
        return None
    change = read_detail(object_in(event.get("detail"), "detail"))
    return change and replace(change, told_at_ms=told_at_ms(event))


def read_detail(detail: Mapping[str, Any]) -> JobChange | None:
    """The change that an event's detail tells, or DescribeJobs' of a job: they have one shape. As `read_event`."""
    job_id = detail.get("jobId")
    if not isinstance(job_id, str) or not job_id:
        raise MalformedMessage(f"detail.jobId must be a job id, not {shown(job_id)}")
    if ":" in job_id or "#" in job_id:
        return None
    attempt = attempt_from_parameters(object_in(detail.get("parameters") or {}, "detail.parameters"))
    if attempt is None:
        return None
    status = status_in(detail.get("status"))
    if status is None:
        return None
    for field in TRY_FIELDS:
        if not isinstance(detail.get(field) or [], list):
            raise MalformedMessage(f"detail.{field} must be a list")
    return JobChange(
        attempt=attempt,
        job_id=job_id,
        job_name=str(detail.get("jobName")),
        status=status,
        job_tries=len(job_tries(detail)),
        started_at_ms=number(detail.get("startedAt")),
        result=read_result(detail) if status.ended else None,
        created_at_ms=number(detail.get("createdAt")),
        queue=_queue_name(detail.get("jobQueue")),
        children_run=status is JobStatus.PENDING and _children_run(detail),
    )


def read_result(detail: Mapping[str, Any]) -> JobResult:
    """How a job ended, from the detail of its last event or from DescribeJobs.

    The container's own reason says more than the job's ("OutOfMemoryError" against "Essential container in task
    exited"), so it comes first. A job that never started has neither exit code nor times.
    """
    end = end_of(detail)
    reasons = [end.reason, detail.get("statusReason")]
    reason = "; ".join(text for text in reasons if isinstance(text, str) and text)
    succeeded = detail["status"] == JobStatus.SUCCEEDED
    tries = read_tries(detail)
    return JobResult(
        job_id=detail["jobId"],
        succeeded=succeeded,
        exit_code=end.exit_code,
        reason=reason[: limits.BATCH_REASON_CHARACTERS] or None,
        log_stream=end.log_stream,
        started_at_ms=number(detail.get("startedAt")),
        stopped_at_ms=number(detail.get("stoppedAt")),
        failure=None if succeeded else classify(detail),
        failed_children=None if succeeded else _failed_children(detail),
        # One try alone says what the job does.
        tries=tries if len(tries) > 1 else (),
    )


def _children_run(detail: Mapping[str, Any]) -> bool:
    """Whether a job of an array runs, or has."""
    array = detail.get("arrayProperties")
    summary = array.get("statusSummary") if isinstance(array, Mapping) else None
    begun = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)
    return isinstance(summary, Mapping) and any(number(summary.get(status)) for status in begun)


def _failed_children(detail: Mapping[str, Any]) -> int | None:
    """How many jobs of an array failed; None of a job that is no array, or does not tell."""
    array = detail.get("arrayProperties")
    summary = array.get("statusSummary") if isinstance(array, Mapping) else None
    return number(summary.get(JobStatus.FAILED)) if isinstance(summary, Mapping) else None


def _queue_name(value: object) -> str | None:
    """The name in a job queue's ARN."""
    return value.rpartition("/")[2] or None if isinstance(value, str) else None


def is_from(document: object, home: tuple[str, str] | None) -> bool:
    """Whether an event is of that account and region, as far as it says of which it is. A bus may be sent those of
    other accounts, and a rule those of other regions."""
    if home is None or not isinstance(document, Mapping):
        return True
    told = (document.get("account"), document.get("region"))
    return all(one is None or one == ours for one, ours in zip(told, home, strict=True))


def told_at_ms(event: Mapping[str, Any]) -> int | None:
    """The time on an event's envelope, such as `2026-01-11T23:36:40Z`; None for what is none, or before 1970."""
    value = event.get("time")
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        told = int(at.timestamp() * 1000) if at is not None and at.tzinfo is not None else -1
    except (ValueError, OverflowError, OSError):
        return None
    return told if told >= 0 else None


def object_in(value: object, place: str) -> Mapping[str, Any]:
    """The object that must be at that place of a document. Raises MalformedMessage."""
    if not isinstance(value, Mapping):
        raise MalformedMessage(f"{place} must be an object, not {type(value).__name__}")
    return value


def status_in(value: object) -> JobStatus | None:
    """The status that a job's document tells; None for one that Batch may add one day: what is not known is ignored.
    Raises MalformedMessage."""
    if not isinstance(value, str):
        raise MalformedMessage(f"detail.status must be a status of a Batch job, not {shown(value)}")
    return JobStatus(value) if value in JobStatus.__members__ else None
