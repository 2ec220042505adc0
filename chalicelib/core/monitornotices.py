"""What monitors say: the notices, made of the listed fields of job records.

Owns the sentences and the ids. When something is due is `monitoring.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.core.digests import NAMED_MAXIMUM, digest_id
from chalicelib.core.failure import FailureClass
from chalicelib.core.jobrecord import JobRecord
from chalicelib.core.monitoring import (
    Bucket,
    Deadline,
    FailureRate,
    Monitor,
    NothingRan,
    running_since_ms,
    waiting_since_ms,
)
from chalicelib.core.monitorrecord import Telling
from chalicelib.core.notices import Notice, NoticeKind, ToldJob
from chalicelib.core.schedule import iso_time
from chalicelib.core.states import JobStatus

_PREFIX = "monitor/"
_DAY_MS = 86_400_000
_DAYS_LATELY = 3
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999."""


def scope_of(monitor: str, job: JobRecord) -> str:
    """The scope of the digests that tell this job's failure: those of the jobs that were created on its day, by UTC."""
    return f"{_PREFIX}{monitor}/{_day_of(job)}"


def scopes_lately(monitor: str, now_ms: int) -> list[str]:
    """The scopes of a monitor whose jobs were created today or within the days before, by UTC."""
    return [f"{_PREFIX}{monitor}/{iso_time(now_ms - days * _DAY_MS)[:10]}" for days in range(_DAYS_LATELY)]


def _day_of(job: JobRecord) -> str:
    # An event may name any moment, also one that no calendar has.
    return iso_time(min(job.created_at_ms, _LAST_MS))[:10]


def monitor_of_scope(scope: str) -> str | None:
    """The monitor of a scope that `scope_of` named; None of any other."""
    monitor, slash, day = scope.removeprefix(_PREFIX).rpartition("/")
    return monitor if scope.startswith(_PREFIX) and slash and day else None


def lasted(ms: int) -> str:
    """A length of time, to what matters of it: 45 s, 12 min, 2 h 05 min, 3 days 4 h."""
    minutes = ms // 60_000
    if ms < 120_000:
        return f"{ms // 1000} s"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60:02} min" if minutes % 60 else "")
    days, hours = divmod(minutes // 60, 24)
    return f"{days} days" + (f" {hours} h" if hours else "")


def told(job: JobRecord, log_lines: tuple[str, ...] = ()) -> ToldJob:
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
        log_lines=log_lines,
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        stopped_at_ms=job.stopped_at_ms,
        array_size=job.array_size,
        failed_children=job.children.get(JobStatus.FAILED) if job.status.ended else None,
    )


def failed_notice(
    monitor: Monitor,
    stage: str,
    scope: str,
    count: int,
    told_count: int,
    jobs: Sequence[JobRecord],
    at_ms: int,
    lines: tuple[str, ...],
) -> Notice:
    """That so many jobs of a day failed, some of them named; `told_count` of them were told before. `lines` are the
    last that the first of them wrote."""
    named = [told(job, () if place else lines) for place, job in enumerate(jobs[:NAMED_MAXIMUM])]
    return Notice(
        notice_id=digest_id(scope, NoticeKind.JOB_FAILED, count),
        kind=NoticeKind.JOB_FAILED,
        stage=stage,
        subject=f"{monitor.name}: {_failed(count, told_count, jobs)}",
        at_ms=at_ms,
        thread=monitor.name,
        text=_text(monitor, *_so_far(count, told_count, jobs)),
        monitor=monitor.name,
        queue=_only_queue(jobs) if count <= len(jobs) else None,
        jobs=tuple(named),
        job_count=count,
    )


def _failed(count: int, told_count: int, jobs: Sequence[JobRecord]) -> str:
    new = count - told_count
    if told_count and (new > 1 or not jobs):
        return f"{new:,} more jobs failed, {count:,} in all" if new > 1 else f"another job failed, {count:,} in all"
    if told_count:
        return f"job {jobs[0].name} failed, too ({jobs[0].failure or FailureClass.UNKNOWN}), {count:,} in all"
    if count > 1:
        return f"{count:,} jobs failed"
    if not jobs:
        return "a job failed"
    return f"job {jobs[0].name} failed ({jobs[0].failure or FailureClass.UNKNOWN})"


def _so_far(count: int, told_count: int, jobs: Sequence[JobRecord]) -> list[str]:
    if count < 2 or not jobs:
        return []
    new = count - told_count
    told_before = [f"{'One of these is' if new == 1 else f'{new:,} of these are'} new."] if told_count else []
    so_far = f"{count:,} of the jobs that were submitted on {_day_of(jobs[0])} (UTC) have failed so far."
    return [so_far, *told_before]


def overdue_notice(
    monitor: Monitor, stage: str, telling: Telling, jobs: Sequence[JobRecord], limits_ms: dict[str, int]
) -> Notice:
    """That jobs run or wait for too long. `jobs` are the first of the telling, as they are now; `limits_ms` by job id
    is how long they may."""
    runs = telling.kind is NoticeKind.JOB_RUNNING
    count = len(telling.job_ids)
    subject = f"{count:,} jobs {'run' if runs else 'wait'} for too long"
    sentences = []
    for first in jobs[:1]:
        since_ms = running_since_ms(first) if runs else waiting_since_ms(first)
        long = "too long" if since_ms is None else lasted(max(0, telling.at_ms - since_ms))
        says = f"job {first.name} {'runs' if runs else 'waits'} for {long}"
        subject = says if count == 1 else subject
        sentences = [] if count == 1 else [f"The first of them, {says}."]
        if first.job_id in limits_ms:
            sentences.append(f"It may {'run' if runs else 'wait'} for {lasted(limits_ms[first.job_id])}.")
    return Notice(
        notice_id=telling.notice_id,
        kind=telling.kind,
        stage=stage,
        subject=f"{monitor.name}: {subject}",
        at_ms=telling.at_ms,
        thread=monitor.name,
        text=_text(monitor, *sentences),
        monitor=monitor.name,
        queue=_only_queue(jobs) if count <= len(jobs) else None,
        jobs=tuple(told(job) for job in jobs[:NAMED_MAXIMUM]),
        job_count=count,
    )


def rate_notice(
    monitor: Monitor,
    stage: str,
    rule: FailureRate,
    above_from_ms: int,
    from_ms: int,
    buckets: Sequence[Bucket],
    at_ms: int,
) -> Notice:
    """That too many jobs failed: of those in the buckets, which begin at `from_ms`. Named by when that was found."""
    failed = sum(one.failed for one in buckets)
    ended = failed + sum(one.succeeded for one in buckets)
    return Notice(
        notice_id=f"{_PREFIX}{monitor.name}/{NoticeKind.FAILURE_RATE}/{above_from_ms}",
        kind=NoticeKind.FAILURE_RATE,
        stage=stage,
        subject=f"{monitor.name}: {failed:,} of {ended:,} jobs failed within {lasted(rule.within_seconds * 1000)}",
        at_ms=at_ms,
        thread=monitor.name,
        text=_text(
            monitor,
            f"That is {_percent(failed, ended)}, and more than {rule.above * 100:.3g} % is to be told. Nothing more is "
            "said of it until the rate has fallen below that.",
        ),
        monitor=monitor.name,
        began_at_ms=from_ms,
        job_count=failed,
    )


def nothing_ran_notice(monitor: Monitor, stage: str, rule: NothingRan, deadline: Deadline, at_ms: int) -> Notice:
    """That no job had succeeded by a time of day."""
    return Notice(
        notice_id=f"{_PREFIX}{monitor.name}/{NoticeKind.NOTHING_RAN}/{deadline.date}",
        kind=NoticeKind.NOTHING_RAN,
        stage=stage,
        subject=f"{monitor.name}: nothing ran by {rule.by} on {deadline.date}",
        at_ms=at_ms,
        thread=monitor.name,
        text=_text(
            monitor,
            f"Of the jobs that it watches none has succeeded from {iso_time(deadline.from_ms, rule.time_zone)} to "
            f"{iso_time(deadline.at_ms, rule.time_zone)} ({rule.time_zone}).",
        ),
        monitor=monitor.name,
        began_at_ms=deadline.from_ms,
    )


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.3g} %" if whole else "nothing any more"


def _text(monitor: Monitor, *sentences: str) -> str | None:
    described = [monitor.description.strip()] if monitor.description else []
    return " ".join([*described, *sentences]) or None


def _only_queue(jobs: Sequence[JobRecord]) -> str | None:
    queues = {job.queue for job in jobs}
    return queues.pop() if len(queues) == 1 else None
