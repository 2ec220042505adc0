"""What monitors say: the notices, made of the listed fields of job records.

Owns the sentences and the ids. When something is due is `rules.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.durations import in_words
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.records import Telling
from chalicelib.core.monitor.rules import (
    Bucket,
    Deadline,
    FailureRate,
    Monitor,
    NothingRan,
    NothingSucceeded,
    running_since_ms,
    waiting_since_ms,
)
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob, queues_of
from chalicelib.core.notice.window import NAMED_MAXIMUM, digest_id
from chalicelib.core.run.commands import TellJobFailures
from chalicelib.core.schedule.model import iso_time
from chalicelib.core.states import JobStatus

_PREFIX = "monitor/"
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


def failed_notice(
    monitor: Monitor, stage: str, command: TellJobFailures, count: int, told_count: int, jobs: list[ToldJob], at_ms: int
) -> Notice:
    """That so many jobs of a day failed, some of them named; `told_count` of them were told before."""
    return Notice(
        notice_id=digest_id(command.scope, NoticeKind.JOB_FAILED, count),
        kind=NoticeKind.JOB_FAILED,
        stage=stage,
        subject=f"{monitor.name}: {_failed(count, told_count, jobs)}",
        at_ms=at_ms,
        thread=_thread(monitor, day_of(at_ms)),
        text=_text(monitor, *_so_far(command.day, count, told_count)),
        monitor=monitor.name,
        queues=_queues(monitor, jobs, count),
        jobs=tuple(jobs),
        job_count=count,
    )


def _failed(count: int, told_count: int, jobs: Sequence[ToldJob]) -> str:
    new = count - told_count
    if told_count and (new > 1 or not jobs):
        return f"{new:,} more jobs failed, {count:,} in all" if new > 1 else f"another job failed, {count:,} in all"
    if told_count:
        return f"job {jobs[0].name} failed, too ({jobs[0].cause or FailureClass.UNKNOWN}), {count:,} in all"
    if count > 1:
        return f"{count:,} jobs failed"
    if not jobs:
        return "a job failed"
    return f"job {jobs[0].name} failed ({jobs[0].cause or FailureClass.UNKNOWN})"


def _so_far(day: str, count: int, told_count: int) -> list[str]:
    if count < 2:
        return []
    new = count - told_count
    told_before = [f"{'One of these is' if new == 1 else f'{new:,} of these are'} new."] if told_count else []
    so_far = f"Of the jobs that were submitted on {day} (UTC), {count:,} have failed since this monitor watches for it."
    return [so_far, *told_before]


def overdue_notice(
    monitor: Monitor, stage: str, telling: Telling, jobs: Sequence[JobRecord], limits_ms: dict[str, int]
) -> Notice:
    """That jobs run or wait for too long. `jobs` are the first of the telling, as they are now; `limits_ms` by job id
    is how long they may."""
    runs = telling.kind is NoticeKind.JOB_RUNNING
    count = len(telling.job_ids)
    named = [told(job) for job in jobs]
    subject = f"{count:,} jobs {'run' if runs else 'wait'} for too long"
    sentences = []
    for first in jobs[:1]:
        since_ms = running_since_ms(first) if runs else waiting_since_ms(first)
        long = "too long" if since_ms is None else in_words(max(0, telling.at_ms - since_ms))
        says = f"job {first.name} {'runs' if runs else 'waits'} for {long}"
        subject = says if count == 1 else subject
        sentences = [] if count == 1 else [f"The first of them, {says}."]
        if first.job_id in limits_ms:
            may = in_words(limits_ms[first.job_id])
            sentences.append(f"It should not {'run' if runs else 'wait'} for longer than {may}.")
    return Notice(
        notice_id=telling.notice_id,
        kind=telling.kind,
        stage=stage,
        subject=f"{monitor.name}: {subject}",
        at_ms=telling.at_ms,
        thread=_thread(monitor, day_of(telling.at_ms)),
        text=_text(monitor, *sentences),
        monitor=monitor.name,
        queues=_queues(monitor, named, count),
        jobs=tuple(named[:NAMED_MAXIMUM]),
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
        subject=f"{monitor.name}: {failed:,} of {ended:,} jobs failed within {in_words(rule.within_seconds * 1000)}",
        at_ms=at_ms,
        thread=_thread(monitor, day_of(at_ms)),
        text=_text(
            monitor,
            f"That is {_percent(failed, ended)}, and more than {rule.above * 100:.3g} % is to be told. Nothing more is "
            f"said of it until the rate has fallen {_how_far(rule)}.",
        ),
        monitor=monitor.name,
        began_at_ms=from_ms,
        job_count=failed,
    )


def _how_far(rule: FailureRate) -> str:
    return "below that" if rule.over_at is None else f"to {rule.over_at * 100:.3g} %"


def nothing_ran_notice(
    monitor: Monitor, stage: str, rule: NothingRan, deadline: Deadline, found: NothingSucceeded, at_ms: int
) -> Notice:
    """That no job had succeeded by a time of day. Events that are left in the queue may say otherwise."""
    failed = found.failed
    between = f"from {_by_clock(deadline.from_ms, rule.time_zone)} to {_by_clock(deadline.at_ms, rule.time_zone)}"
    return Notice(
        notice_id=f"{_PREFIX}{monitor.name}/{NoticeKind.NOTHING_RAN}/{deadline.date}",
        kind=NoticeKind.NOTHING_RAN,
        stage=stage,
        subject=f"{monitor.name}: {nothing_succeeded(rule, deadline, failed)}",
        at_ms=at_ms,
        thread=_thread(monitor, deadline.date),
        text=_text(
            monitor,
            f"Of the jobs that it watches none has succeeded {between} ({rule.time_zone}), and "
            f"{'none has' if not failed else 'one has' if failed == 1 else f'{failed:,} have'} failed."
            + (f" This may be wrong: about {found.events_left:,} events wait to be handled." * bool(found.events_left)),
        ),
        monitor=monitor.name,
        began_at_ms=deadline.from_ms,
        job_count=failed,
    )


def nothing_succeeded(rule: NothingRan, deadline: Deadline, failed: int) -> str:
    """What is said of a time of day by which no job had succeeded. Whether one runs is not known, and not said."""
    by = f"nothing succeeded by {rule.by} on {deadline.date}"
    return by + (f", and {'a job' if failed == 1 else f'{failed:,} jobs'} failed" if failed else "")


def _by_clock(at_ms: int, time_zone: str) -> str:
    """A moment as a clock of the zone shows it, which the sentence names: `2026-11-21 06:00`."""
    return iso_time(at_ms, time_zone)[:16].replace("T", " ")


def _thread(monitor: Monitor, day: str) -> str:
    """Of a monitor's notices, those of a day belong together: nobody reads what is added to what is long past."""
    return f"{monitor.name}/{day}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.3g} %" if whole else "nothing any more"


def _text(monitor: Monitor, *sentences: str) -> str | None:
    described = [monitor.description.strip()] if monitor.description else []
    return " ".join([*described, *sentences]) or None


def _queues(monitor: Monitor, known: Sequence[ToldJob], count: int) -> tuple[str, ...]:
    """The queues of the jobs that are known; for the rest of them those that the monitor watches by their names."""
    plain = [queue for queue in monitor.queues if not {"*", "?"} & set(queue)]
    return queues_of(known, plain if count > len(known) else ())
