"""The record of a Batch job, read off an event's document or DescribeJobs'.

Owns which fields of a document are kept: those that are listed here, and no others, for a document holds secrets in
clear (`container.environment`). Tolerant of odd values: what is not as Batch writes it is taken as not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core import limits
from chalicelib.core.batch.document import asked_containers, job_tries, stream_now
from chalicelib.core.batch.job_change import DETAIL_TYPE, object_in, read_result, status_in, told_at_ms
from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.batch.lenient import number, object_of, objects_of
from chalicelib.core.batch.tries import LOG_STREAM_CHARACTERS, read_tries, text_in, time_in
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import attempt_from_parameters, task_of_job_name
from chalicelib.core.states import JobStatus
from chalicelib.core.suggest import shown

_NAME_CHARACTERS = 256
_COUNT_MAXIMUM = 10**12
_MIB_OF_UNIT = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0, "Ti": 1024.0**2, "": 1 / 1024**2}

_JOB_ID = re.compile(r"[\x21-\x7e]{1,128}")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_KUBERNETES_CPU = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(m?)")
_KUBERNETES_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)(Ki|Mi|Gi|Ti|)")
_STEP_FUNCTIONS = ("MANAGED_BY_AWS", "STARTED_BY_STEP_FUNCTIONS")


def read_job(document: object) -> JobRecord | None:
    """The record that an EventBridge event tells of a job, whoever submitted it.

    None for other detail types, for statuses that Batch may add one day, and for the children of an array and the
    nodes of a multi-node job, which their parent's events stand for. Raises MalformedMessage, and nothing else, for
    anything that JSON can be.
    """
    event = object_in(document, "the event")
    if event.get("source") != "aws.batch" or event.get("detail-type") != DETAIL_TYPE:
        return None
    detail = object_in(event.get("detail"), "detail")
    return read_job_detail(detail, seen_at_ms(event, detail))


def seen_at_ms(event: Mapping[str, Any], detail: Mapping[str, Any]) -> int:
    """The time of an event, or, where it has none, the last that its detail names; 0 when there is no time at all."""
    told_ms = told_at_ms(event)
    times = (time_in(detail.get(name)) or 0 for name in ("createdAt", "startedAt", "stoppedAt"))
    return max(times) if told_ms is None else told_ms


def read_job_detail(detail: Mapping[str, Any], seen_at_ms: int, *, parts: bool = False) -> JobRecord | None:
    """The record that an event's detail tells, or DescribeJobs' of a job, as of that time. As `read_job`, but of an
    array's child or a multi-node job's node, too, with `parts`."""
    job_id = detail.get("jobId")
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise MalformedMessage(f"detail.jobId must be a job id, not {shown(job_id)}")
    if not parts and whole_job_id(job_id) != job_id:
        return None
    status = status_in(detail.get("status"))
    if status is None:
        return None
    created_at_ms = time_in(detail.get("createdAt"))
    tries = job_tries(detail)
    record = JobRecord(
        job_id=job_id,
        name=text_in(detail.get("jobName"), _NAME_CHARACTERS) or "",
        queue=_name_in_arn(detail.get("jobQueue")),
        definition=_name_in_arn(detail.get("jobDefinition")),
        status=status,
        created_at_ms=seen_at_ms if created_at_ms is None else created_at_ms,
        seen_at_ms=seen_at_ms,
        job_tries=min(len(tries), limits.ATTEMPTS_MAXIMUM),
        started_at_ms=time_in(detail.get("startedAt")),
        stopped_at_ms=time_in(detail.get("stoppedAt")),
        reason=text_in(detail.get("statusReason"), limits.BATCH_REASON_CHARACTERS),
        log_stream=text_in(stream_now(detail), LOG_STREAM_CHARACTERS),
        tries=read_tries(detail),
    )
    return _with_owner(_with_shape(_with_ending(record, detail), detail), detail)


def whole_job_id(job_id: str) -> str:
    """The id of the array or multi-node job that a child (`id:3`) or a node (`id#0`) is part of; else the job's own."""
    return re.split("[:#]", job_id, maxsplit=1)[0]


def child_of(job_id: str) -> tuple[str, int | None]:
    """The array's id and the number of a child's id, `id:3`; of any other job its own id and None."""
    array, colon, number = job_id.partition(":")
    is_child = bool(colon) and number.isascii() and number.isdigit()
    return (array, int(number)) if is_child else (job_id, None)


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
    vcpus, memory_mib, gpus = _resources(detail)
    array = object_of(detail.get("arrayProperties"))
    size, summary = _count(array.get("size")), object_of(array.get("statusSummary"))
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


def _with_owner(record: JobRecord, detail: Mapping[str, Any]) -> JobRecord:
    """With who submitted it. A copy of one of our jobs has its parameters, and not its name."""
    attempt = attempt_from_parameters(object_of(detail.get("parameters")))
    task = attempt and task_of_job_name(attempt, record.name)
    if attempt is not None and task:
        run_id = text_in(attempt.run_id, _NAME_CHARACTERS)
        return replace(record, managed_by=ManagedBy.BATCHWRIGHT, run_id=run_id, task=task, attempt=attempt.number)
    if any(_is_of_step_functions(container) for container in asked_containers(detail)):
        return replace(record, managed_by=ManagedBy.STEP_FUNCTIONS)
    return record


def _is_of_step_functions(container: Mapping[str, Any]) -> bool:
    """Step Functions adds a variable to the jobs that it submits; of `environment` nothing else is ever looked at."""
    variables = [*objects_of(container.get("environment")), *objects_of(container.get("env"))]
    return any((one.get("name"), one.get("value")) == _STEP_FUNCTIONS for one in variables)


def _resources(detail: Mapping[str, Any]) -> tuple[float | None, int | None, int | None]:
    """vCPUs, memory in MiB and GPUs of all containers together; None for what no container names."""
    vcpus, memory, gpus = [], [], []
    for container in asked_containers(detail):
        asked = {
            one["type"]: one.get("value")
            for one in objects_of(container.get("resourceRequirements"))
            if isinstance(one.get("type"), str)
        }
        pod = object_of(container.get("resources"))
        wanted = {**object_of(pod.get("requests")), **object_of(pod.get("limits"))}
        # `vcpus` and `memory` are how job definitions said it once.
        vcpus.append(_amount(asked.get("VCPU", container.get("vcpus"))) or _cpu(wanted.get("cpu")))
        memory.append(_amount(asked.get("MEMORY", container.get("memory"))) or _memory_mib(wanted.get("memory")))
        gpus.append(_amount(asked.get("GPU")) or _amount(wanted.get("nvidia.com/gpu")))
    vcpus_sum, memory_sum, gpus_sum = _sum(vcpus), _sum(memory), _sum(gpus)
    return vcpus_sum, None if memory_sum is None else int(memory_sum), None if gpus_sum is None else int(gpus_sum)


def _sum(amounts: list[float | None]) -> float | None:
    known = [amount for amount in amounts if amount]
    return sum(known) if known else None


def _amount(value: object) -> float | None:
    """A quantity as Batch writes it: a number, or the text of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value <= _COUNT_MAXIMUM else None
    return float(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else None


def _cpu(value: object) -> float | None:
    """vCPUs as Kubernetes writes them: `2`, `0.5`, `500m`."""
    found = _KUBERNETES_CPU.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) / (1000 if found[2] else 1) if found else None


def _memory_mib(value: object) -> float | None:
    """Memory as Kubernetes writes it: `1024Mi`, `2Gi`, bytes without a unit."""
    found = _KUBERNETES_MEMORY.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * _MIB_OF_UNIT[found[2]] if found else None


def _name_in_arn(value: object) -> str:
    """`default` of `arn:aws:batch:us-east-1:111122223333:job-queue/default`; what is no ARN as it is."""
    text = text_in(value, 2 * _NAME_CHARACTERS) or ""
    return (text.partition("/")[2] if text.startswith("arn:") else text)[:_NAME_CHARACTERS]


def _count(value: object) -> int | None:
    found = number(value)
    return found if found is not None and 0 <= found <= _COUNT_MAXIMUM else None


def _whole(value: int | None) -> int | None:
    return value if value is not None and abs(value) <= _COUNT_MAXIMUM else None
