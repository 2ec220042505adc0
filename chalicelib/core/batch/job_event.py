"""A Batch job as a document describes it: the one reader of Batch's events about jobs and of DescribeJobs' answers.

Both have one shape. What is the engine's concern is read strictly (`change`), and what is recorded of any job leniently
(`record`): an odd value is taken as absent. Fields that are not named here are ignored, because Batch may add some, and
because a document holds secrets in clear (`container.environment`).
Shapes: tests/data/events, https://docs.aws.amazon.com/batch/latest/userguide/batch_cwe_events.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.core import limits
from chalicelib.core.batch.classify import classify
from chalicelib.core.batch.document import TRY_FIELDS, asked_containers, end_of, job_tries, stream_now
from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.batch.lenient import number, object_of, objects_of
from chalicelib.core.batch.resources import resources_of
from chalicelib.core.batch.result import JobResult
from chalicelib.core.batch.tries import LOG_STREAM_CHARACTERS, read_tries, text_in, time_in
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import Attempt, attempt_from_parameters, task_of_job_name, whole_job_id
from chalicelib.core.states import JobStatus
from chalicelib.core.suggest import shown

SOURCE = "aws.batch"
JOB_STATE_CHANGE = "Batch Job State Change"
_NAME_CHARACTERS = 256
_COUNT_MAXIMUM = 10**12
_JOB_ID = re.compile(r"[\x21-\x7e]{1,128}")
_STEP_FUNCTIONS = ("MANAGED_BY_AWS", "STARTED_BY_STEP_FUNCTIONS")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event of Batch's as EventBridge delivers it. `sent_at_ms` is the time on it, in whole seconds."""

    detail_type: str
    detail: object
    sent_at_ms: int | None
    account: object = None
    region: object = None

    def is_from(self, home: tuple[str, str] | None) -> bool:
        """Whether it is of that account and region, as far as it says of which it is. A bus may be sent the events of
        other accounts, and a rule those of other regions."""
        if home is None:
            return True
        named = (self.account, self.region)
        return all(one is None or one == ours for one, ours in zip(named, home, strict=True))

    def job(self, detail_type: str = JOB_STATE_CHANGE) -> JobDocument | None:
        """The job that an event of that type is about; None of any other type, and as `read_job` says. Raises
        MalformedMessage."""
        if self.detail_type != detail_type:
            return None
        return read_job(_object_in(self.detail, "detail"), self.sent_at_ms)


@dataclass(frozen=True, slots=True)
class JobDocument:
    """What a document says of a job, in a status that is known here."""

    detail: Mapping[str, Any]
    job_id: str
    status: JobStatus
    tries: tuple[Mapping[str, Any], ...]
    """The tries that ended inside Batch, oldest first."""
    sent_at_ms: int | None

    @property
    def is_part(self) -> bool:
        """Whether it is a child of an array or a node of a multi-node job. Their parent's events stand for them."""
        return whole_job_id(self.job_id) != self.job_id

    @property
    def seen_at_ms(self) -> int:
        """The time of the event, or, where it has none, the last that its detail names; 0 without any time at all."""
        times = (time_in(self.detail.get(name)) or 0 for name in ("createdAt", "startedAt", "stoppedAt"))
        return max(times) if self.sent_at_ms is None else self.sent_at_ms

    def owner(self) -> tuple[Attempt, str] | None:
        """The attempt of a run that submitted the job, and its task as the job's name spells it. A copy of one of our
        jobs has its parameters, and not its name."""
        attempt = attempt_from_parameters(object_of(self.detail.get("parameters")))
        name = text_in(self.detail.get("jobName"), _NAME_CHARACTERS) or ""
        task = attempt and task_of_job_name(attempt, name)
        return (attempt, task) if attempt is not None and task else None

    def change(self) -> JobChange | None:
        """The change of the attempt that the job carries the identity of. None for a job without one and for parts.

        Raises MalformedMessage.
        """
        if self.is_part:
            return None
        detail = self.detail
        attempt = attempt_from_parameters(_object_in(detail.get("parameters") or {}, "detail.parameters"))
        if attempt is None:
            return None
        for field in TRY_FIELDS:
            if not isinstance(detail.get(field) or [], list):
                raise MalformedMessage(f"detail.{field} must be a list")
        return JobChange(
            attempt=attempt,
            job_id=self.job_id,
            job_name=str(detail.get("jobName")),
            status=self.status,
            job_tries=len(self.tries),
            started_at_ms=number(detail.get("startedAt")),
            result=read_result(detail) if self.status.ended else None,
            created_at_ms=number(detail.get("createdAt")),
            queue=_queue_name(detail.get("jobQueue")),
            told_at_ms=self.sent_at_ms,
            children_run=self.status is JobStatus.PENDING and _children_run(detail),
        )

    def record(self, seen_at_ms: int | None = None, *, parts: bool = False) -> JobRecord | None:
        """The record of the job, whoever submitted it; None for parts, unless `parts`. Never raises.

        `seen_at_ms` is when Batch said so, for a document that is no event.
        """
        if self.is_part and not parts:
            return None
        detail = self.detail
        seen_at_ms = self.seen_at_ms if seen_at_ms is None else seen_at_ms
        created_at_ms = time_in(detail.get("createdAt"))
        record = JobRecord(
            job_id=self.job_id,
            name=text_in(detail.get("jobName"), _NAME_CHARACTERS) or "",
            queue=_name_in_arn(detail.get("jobQueue")),
            definition=_name_in_arn(detail.get("jobDefinition")),
            status=self.status,
            created_at_ms=seen_at_ms if created_at_ms is None else created_at_ms,
            seen_at_ms=seen_at_ms,
            job_tries=min(len(self.tries), limits.ATTEMPTS_MAXIMUM),
            started_at_ms=time_in(detail.get("startedAt")),
            stopped_at_ms=time_in(detail.get("stoppedAt")),
            reason=text_in(detail.get("statusReason"), limits.BATCH_REASON_CHARACTERS),
            log_stream=text_in(stream_now(detail), LOG_STREAM_CHARACTERS),
            tries=read_tries(detail),
        )
        return self._with_owner(_with_shape(_with_ending(record, detail), detail))

    def _with_owner(self, record: JobRecord) -> JobRecord:
        if owner := self.owner():
            attempt, task = owner
            run_id = text_in(attempt.run_id, _NAME_CHARACTERS)
            return replace(record, managed_by=ManagedBy.BATCHWRIGHT, run_id=run_id, task=task, attempt=attempt.number)
        if any(_is_of_step_functions(container) for container in asked_containers(self.detail)):
            return replace(record, managed_by=ManagedBy.STEP_FUNCTIONS)
        return record


def read_envelope(document: object) -> Envelope | None:
    """An event of Batch's; None for another service's. Raises MalformedMessage for anything else that JSON can be."""
    event = _object_in(document, "the event")
    detail_type = event.get("detail-type")
    if event.get("source") != SOURCE or not isinstance(detail_type, str):
        return None
    return Envelope(
        detail_type=detail_type,
        detail=event.get("detail"),
        sent_at_ms=_sent_at_ms(event.get("time")),
        account=event.get("account"),
        region=event.get("region"),
    )


def read_job(detail: Mapping[str, Any], sent_at_ms: int | None = None) -> JobDocument | None:
    """The job that an event's detail describes, or DescribeJobs' answer; None in a status that Batch may add one day.

    Raises MalformedMessage, and nothing else.
    """
    job_id, status = detail.get("jobId"), detail.get("status")
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise MalformedMessage(f"detail.jobId must be a job id, not {shown(job_id)}")
    if not isinstance(status, str):
        raise MalformedMessage(f"detail.status must be a status of a Batch job, not {shown(status)}")
    if status not in JobStatus.__members__:
        return None
    return JobDocument(detail, job_id, JobStatus(status), tuple(job_tries(detail)), sent_at_ms)


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
        failed_children=None if succeeded else number(_summary(detail).get(JobStatus.FAILED)),
        # One try alone says what the job does.
        tries=tries if len(tries) > 1 else (),
    )


def _with_ending(record: JobRecord, detail: Mapping[str, Any]) -> JobRecord:
    if not record.status.ended:
        return record
    result = read_result(detail)
    return replace(
        record,
        exit_code=_whole(result.exit_code),
        reason=text_in(result.reason, limits.BATCH_REASON_CHARACTERS),
        failure=result.failure,
        log_stream=text_in(result.log_stream, LOG_STREAM_CHARACTERS) or record.log_stream,
    )


def _with_shape(record: JobRecord, detail: Mapping[str, Any]) -> JobRecord:
    """With what it asks for, and whether it is many jobs in one."""
    vcpus, memory_mib, gpus = resources_of(detail)
    array, summary = object_of(detail.get("arrayProperties")), _summary(detail)
    size = _count(array.get("size"))
    children = {status.value: count for status in JobStatus if (count := _count(summary.get(status.value)))}
    children_at_ms = time_in(array.get("statusSummaryLastUpdatedAt"))
    return replace(
        record,
        vcpus=vcpus,
        memory_mib=memory_mib,
        gpus=gpus,
        array_size=size or None,
        children=children if size else {},
        children_at_ms=(record.seen_at_ms if children_at_ms is None else children_at_ms) if size and children else None,
        nodes=_count(object_of(detail.get("nodeProperties")).get("numNodes")) or None,
    )


def _is_of_step_functions(container: Mapping[str, Any]) -> bool:
    """Step Functions adds a variable to the jobs that it submits; of `environment` nothing else is ever looked at."""
    variables = [*objects_of(container.get("environment")), *objects_of(container.get("env"))]
    return any((one.get("name"), one.get("value")) == _STEP_FUNCTIONS for one in variables)


def _children_run(detail: Mapping[str, Any]) -> bool:
    """Whether a job of an array runs, or has."""
    begun = (JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED)
    return any(number(_summary(detail).get(status)) for status in begun)


def _summary(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """How many jobs of an array are in which status; empty of a job that is no array, or does not say."""
    return object_of(object_of(detail.get("arrayProperties")).get("statusSummary"))


def _queue_name(value: object) -> str | None:
    """The name in a job queue's ARN."""
    return value.rpartition("/")[2] or None if isinstance(value, str) else None


def _name_in_arn(value: object) -> str:
    """`default` of `arn:aws:batch:us-east-1:111122223333:job-queue/default`; what is no ARN as it is."""
    text = text_in(value, 2 * _NAME_CHARACTERS) or ""
    return (text.partition("/")[2] if text.startswith("arn:") else text)[:_NAME_CHARACTERS]


def _sent_at_ms(value: object) -> int | None:
    """The time on an event's envelope, such as `2026-01-11T23:36:40Z`; None for what is none, or before 1970."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        sent = int(at.timestamp() * 1000) if at is not None and at.tzinfo is not None else -1
    except (ValueError, OverflowError, OSError):
        return None
    return sent if sent >= 0 else None


def _object_in(value: object, place: str) -> Mapping[str, Any]:
    """The object that must be at that place of a document. Raises MalformedMessage."""
    if not isinstance(value, Mapping):
        raise MalformedMessage(f"{place} must be an object, not {type(value).__name__}")
    return value


def _count(value: object) -> int | None:
    found = number(value)
    return found if found is not None and 0 <= found <= _COUNT_MAXIMUM else None


def _whole(value: int | None) -> int | None:
    return value if value is not None and abs(value) <= _COUNT_MAXIMUM else None
