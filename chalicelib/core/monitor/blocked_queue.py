"""A queue whose first job cannot start: Batch's event of it, and what it means in a sentence.

Owns the reading and the sentences. The job is the one at the head of the queue, RUNNABLE, whoever submitted it; of an
array or a multi-node job it is one of its parts.
https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.core.batch.job_event import Envelope
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.durations import in_words
from chalicelib.core.ids import whole_job_id
from chalicelib.core.monitor.notices import told
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice

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
    says to it; `at_ms` is when, if the event tells."""

    job: JobRecord
    code: str
    words: str | None
    at_ms: int | None


def read_blocked(event: Envelope) -> Blocked | None:
    """What an event says of a blocked queue; None for any other event. Raises MalformedMessage."""
    document = event.job(DETAIL_TYPE)
    job = None if document is None else document.record(parts=True)
    if job is None or not job.queue:
        # Of a queue without a name there is nothing to say.
        return None
    at_ms = event.sent_at_ms
    found = _CODE.fullmatch(job.reason or "")
    if found is None:
        return Blocked(job, _NO_CODE, job.reason, at_ms)
    return Blocked(job, found[1], found[2] or None, at_ms)


def blocked_notice(blocked: Blocked, stage: str, now_ms: int) -> Notice:
    """That a queue is blocked, by which job and why. Batch says so again and again, and of each of an array's children:
    it has one id."""
    job = blocked.job
    at_ms = now_ms if blocked.at_ms is None else blocked.at_ms
    words = (blocked.words or "").strip()[:_WORDS_CHARACTERS].rstrip(".")
    known = SENTENCES.get(blocked.code)
    says = f"Batch says {blocked.code}" + (f": {words}." if words else ".")
    whole_id = whole_job_id(job.job_id)
    whose = f"The job is task {job.task} of run {job.run_id}, attempt {job.attempt}." if job.run_id else None
    waited_ms = at_ms - job.created_at_ms
    waits = f"The job has waited for {in_words(waited_ms)}" if job.created_at_ms and waited_ms > 0 else "The job waits"
    return Notice(
        notice_id=f"queue/{job.queue}/{whole_id}/{blocked.code}",
        kind=NoticeKind.QUEUE_BLOCKED,
        stage=stage,
        subject=f"queue {job.queue} is blocked by job {job.name}",
        at_ms=at_ms,
        thread=f"queue/{job.queue}/{whole_id}",
        text=" ".join(one for one in (known, whose, says, f"{waits}, and the jobs behind it with it.") if one),
        run_id=job.run_id,
        queues=(job.queue,),
        # The text has the reason, in a sentence and as Batch gives it.
        jobs=(replace(told(job), reason=None, created_at_ms=job.created_at_ms or None),),
        job_count=1,
    )
