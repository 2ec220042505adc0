"""What is read off a whole event: a change of a run of ours, the record of a job, or a queue that is blocked."""

from __future__ import annotations

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_event import JobDocument, read_envelope
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.monitor.blocked_queue import Blocked, read_blocked


def job_in(document: object) -> JobDocument | None:
    event = read_envelope(document)
    return None if event is None else event.job()


def read_event(document: object) -> JobChange | None:
    job = job_in(document)
    return None if job is None else job.change()


def read_record(document: object) -> JobRecord | None:
    job = job_in(document)
    return None if job is None else job.record()


def read_blocked_event(document: object) -> Blocked | None:
    event = read_envelope(document)
    return None if event is None else read_blocked(event)
