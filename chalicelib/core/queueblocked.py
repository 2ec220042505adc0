"""A queue whose first job cannot start: Batch's event of it, and what it means in a sentence.

Owns the reading and the sentences. The job is the one at the head of the queue, RUNNABLE, whoever submitted it; of an
array or a multi-node job it is one of its parts.
https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.jobchange import object_in
from chalicelib.core.jobrecord import JobRecord
from chalicelib.core.monitornotices import told
from chalicelib.core.notices import Notice, NoticeKind
from chalicelib.core.observed import read_job_detail, whole_job_id
from chalicelib.core.schedule import read_moment_ms

DETAIL_TYPE = "Batch Job Queue Blocked"
_CODE = re.compile(r"([A-Z][A-Z0-9_]{0,63}(?::[A-Z0-9_]{1,64})?)(?: - (.*))?", re.DOTALL)
_NO_CODE = "UNDETERMINED"
_WORDS_CHARACTERS = 500

SENTENCES: Mapping[str, str] = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": (
        "EC2 has no instances to give of the types that the queue's compute environments ask for. The job starts once "
        "there are some; more instance types or Availability Zones make that sooner."
    ),
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": (
        "The job needs more vCPUs than any compute environment of the queue may ever have. Raise an environment's "
        "maxvCpus, or cancel the job and let it ask for less."
    ),
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": (
        "No instance type of the queue's compute environments has the vCPUs, memory or GPUs that the job asks for. Add "
        "a larger type, or cancel the job and let it ask for less."
    ),
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": (
        "Batch lacks permissions to start instances for the queue: the service role of its compute environments has to "
        "be put right."
    ),
    "UNDETERMINED": (
        "Batch does not know why. Look whether the queue's compute environments are VALID and ENABLED, and whether "
        "their instances start and join the cluster."
    ),
}
"""By Batch's reason code: what it means, and what can be done."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A queue that is blocked by a job, which is as a record would have it. `code` is Batch's reason, `words` what it
    says to it."""

    job: JobRecord
    code: str
    words: str | None
    at_ms: int


def read_blocked(document: object) -> Blocked | None:
    """What an EventBridge event tells of a blocked queue; None for any other. Raises MalformedEvent."""
    event = object_in(document, "the event")
    if event.get("source") != "aws.batch" or event.get("detail-type") != DETAIL_TYPE:
        return None
    try:
        at_ms = read_moment_ms(str(event.get("time")))
    except (ValueError, OverflowError):
        at_ms = 0
    job = read_job_detail(object_in(event.get("detail"), "detail"), at_ms, parts=True)
    if job is None or not job.queue:
        # Of a queue without a name there is nothing to say.
        return None
    found = _CODE.fullmatch(job.reason or "")
    if found is None:
        return Blocked(job, _NO_CODE, job.reason, at_ms)
    return Blocked(job, found[1], found[2] or None, at_ms)


def blocked_notice(blocked: Blocked, stage: str, now_ms: int) -> Notice:
    """That a queue is blocked, by which job and why. Batch says so again and again, and of each of an array's children:
    it has one id."""
    job = blocked.job
    words = (blocked.words or "").strip()[:_WORDS_CHARACTERS].rstrip(".")
    known = SENTENCES.get(blocked.code)
    says = f"Batch says {blocked.code}" + (f": {words}." if words else ".")
    whole_id = whole_job_id(job.job_id)
    whose = f"It is task {job.task} of run {job.run_id}, attempt {job.attempt}." if job.run_id else None
    return Notice(
        notice_id=f"queue/{job.queue}/{whole_id}/{blocked.code}",
        kind=NoticeKind.QUEUE_BLOCKED,
        stage=stage,
        subject=f"queue {job.queue} is blocked by job {job.name}",
        at_ms=blocked.at_ms or now_ms,
        thread=f"queue/{job.queue}/{whole_id}",
        text=" ".join(one for one in (known, whose, says, "The jobs behind it wait.") if one),
        run_id=job.run_id,
        queue=job.queue,
        began_at_ms=job.created_at_ms,
        jobs=(told(job),),
        job_count=1,
    )
