"""What the notices of all monitors have in common: ids, threads and the jobs that they name.

What a rule says, and when, stands with the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.monitor.watch import Watch
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob, queues_of
from chalicelib.core.schedule.model import iso_time
from chalicelib.core.states import JobStatus

PREFIX = "monitor/"
_DAY_MS = 86_400_000
_DAYS_LATELY = 3
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999."""


def day_of(at_ms: int) -> str:
    """The day of a moment, by UTC."""
    # An event may name any moment, also one that no calendar has.
    return iso_time(min(at_ms, _LAST_MS))[:10]


def days_lately(now_ms: int) -> list[str]:
    """Today, and the days before, by UTC."""
    return [day_of(now_ms - days * _DAY_MS) for days in range(_DAYS_LATELY)]


def told(job: JobRecord) -> ToldJob:
    """A recorded job as a notice names it."""
    return ToldJob(
        job_id=job.job_id,
        name=job.name,
        queue=job.queue,
        task=job.task,
        attempt=job.attempt,
        failure=job.failure,
        exit_code=job.exit_code,
        reason=job.reason,
        log_stream=job.log_stream,
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        stopped_at_ms=job.stopped_at_ms,
        array_size=job.array_size,
        failed_children=job.children.get(JobStatus.FAILED) if job.status.ended else None,
    )


def monitor_notice(
    watch: Watch,
    kind: NoticeKind,
    stage: str,
    notice_id: str,
    *,
    subject: str,
    sentences: Sequence[str],
    at_ms: int,
    day: str | None = None,
    **fields: Any,
) -> Notice:
    """A notice of a monitor. Its text begins with the monitor's description.

    Notices of one `day` (of `at_ms` by UTC, unless given) share a thread, because nobody reads what is added to what is
    long past. `fields` are further fields of the notice.
    """
    described = [watch.description.strip()] if watch.description else []
    return Notice(
        notice_id=notice_id,
        kind=kind,
        stage=stage,
        subject=f"{watch.name}: {subject}",
        at_ms=at_ms,
        thread=f"{watch.name}/{day or day_of(at_ms)}",
        text=" ".join([*described, *sentences]) or None,
        monitor=watch.name,
        **fields,
    )


def queues_about(watch: Watch, known: Sequence[ToldJob], count: int) -> tuple[str, ...]:
    """The queues of the jobs that are known; for the rest of them those that the monitor watches by their names."""
    plain = [queue for queue in watch.queues if not {"*", "?"} & set(queue)]
    return queues_of(known, plain if count > len(known) else ())
