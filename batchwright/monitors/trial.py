"""What monitors would have said of the jobs that were recorded: their rules, over what is past.

Owns the going back in time; the rules judge as they do in the sweep (chalicelib/core/monitor). Records tell less than
events did: a job's waiting counts from its submission on, and what jobs usually take is read off these jobs themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.batch.result import JobTry
from chalicelib.core.durations import in_words
from chalicelib.core.monitor.counts import BUCKET_MS, Bucket, bucket_ms
from chalicelib.core.monitor.job_times import run_ms
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.nothing_ran import (
    SETTLED_MS,
    NothingSucceeded,
    judge_deadline,
    last_deadline,
    nothing_succeeded,
)
from chalicelib.core.monitor.run_times import p95_ms, step_of
from chalicelib.core.monitor.too_long import DurationRule, Overdue, judge_duration
from chalicelib.core.monitor.watch import definition_name
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.states import JobStatus


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a monitor would have said, about a job or about all of them."""

    at_ms: int
    kind: NoticeKind
    text: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a monitor: how many of the jobs it watches, and what it would have said, oldest first.
    `looked_from_ms` is there where `nothing_ran` could be judged from then on alone, and not for the whole time."""

    monitor: str
    watched: int
    said: tuple[Said, ...]
    looked_from_ms: int | None = None


def record_of(job: m.Job) -> JobRecord:
    """A job as the API tells it, as a record."""
    told = job.model_dump(exclude={"state", "tries"})
    known = {field.name for field in fields(JobRecord)}
    tries = tuple(JobTry(**one.model_dump()) for one in job.tries)
    return JobRecord(**{name: value for name, value in told.items() if name in known}, tries=tries)


def tried(
    monitor: Monitor, records: Sequence[JobRecord], since_ms: int, now_ms: int, saw_from_ms: int | None = None
) -> Trial:
    """What a monitor would have said from `since_ms` to `now_ms` of these jobs, which are all since then. `saw_from_ms`
    is since when jobs were seen at all: that none succeeded before says nothing."""
    watched = [job for job in records if monitor.watches(job)]
    said = [*_failures(monitor, watched), *_overdue(monitor, watched, now_ms)]
    buckets = _buckets(monitor, watched)
    looked_from_ms = max(since_ms, saw_from_ms or 0)
    said += [*_rates(monitor, buckets, now_ms), *_deadlines(monitor, buckets, looked_from_ms, now_ms)]
    ordered = sorted((one for one in said if one.at_ms >= since_ms), key=lambda one: (one.at_ms, one.text))
    is_cut = monitor.nothing_ran is not None and looked_from_ms > since_ms
    return Trial(monitor.name, len(watched), tuple(ordered), looked_from_ms if is_cut else None)


def _failures(monitor: Monitor, jobs: Iterable[JobRecord]) -> Iterator[Said]:
    for job in jobs:
        if monitor.reports_failure(job):
            text = f"job {job.name} failed ({job.failure or 'unknown'})"
            yield Said(_ended_ms(job), NoticeKind.JOB_FAILED, text, job.job_id)


def _overdue(monitor: Monitor, jobs: Sequence[JobRecord], now_ms: int) -> Iterator[Said]:
    known_ms = _known_times(jobs)
    for rule in monitor.duration_rules:
        for job in jobs:
            if (past := rule.past(job, now_ms)) is not None and (
                found := judge_duration(rule, job, *past, known_ms.get)
            ):
                yield _too_long(rule, found, *past)


def _too_long(rule: DurationRule, found: Overdue, since_ms: int, until_ms: int) -> Said:
    job, text = found.job, f"job {found.job.name} {rule.verb}s for {in_words(found.limit_ms)}"
    if job.status.ended and rule.kind is NoticeKind.JOB_RUNNING:
        text += f", of {in_words(until_ms - since_ms)} in the end"
    return Said(since_ms + found.limit_ms, rule.kind, text, job.job_id)


def _known_times(jobs: Iterable[JobRecord]) -> dict[str, int | None]:
    """What 19 of 20 of these jobs took at most, by definition."""
    counts: dict[str, Counter[int]] = {}
    for job in jobs:
        ran_ms = run_ms(job)
        if ran_ms is not None:
            counts.setdefault(definition_name(job.definition), Counter())[step_of(ran_ms)] += 1
    return {name: p95_ms(count) for name, count in counts.items()}


def _buckets(monitor: Monitor, jobs: Iterable[JobRecord]) -> list[Bucket]:
    counts: dict[int, Bucket] = {}
    for job in jobs:
        if monitor.counts(job):
            start_ms, succeeded = bucket_ms(_ended_ms(job)), job.status is JobStatus.SUCCEEDED
            one = counts.get(start_ms, Bucket(start_ms))
            counts[start_ms] = Bucket(start_ms, one.succeeded + succeeded, one.failed + (not succeeded))
    return [one for _, one in sorted(counts.items())]


def _rates(monitor: Monitor, buckets: Sequence[Bucket], now_ms: int) -> Iterator[Said]:
    """As if somebody had looked after each five minutes in which anything could change, and now."""
    rule = monitor.failure_rate
    if rule is None or not buckets:
        return
    was_above = False
    last_ms = buckets[-1].start_ms + rule.window_ms + 2 * BUCKET_MS
    looks = [*range(buckets[0].start_ms + BUCKET_MS, min(now_ms, last_ms), BUCKET_MS), *([now_ms] * (now_ms < last_ms))]
    for at_ms in looks:
        within = [one for one in buckets if rule.from_ms(at_ms) <= one.start_ms < at_ms]
        above = rule.is_above(within, was_above=was_above)
        if above and not was_above:
            yield Said(at_ms, NoticeKind.FAILURE_RATE, rule.finding(within))
        was_above = above


def _deadlines(monitor: Monitor, buckets: Sequence[Bucket], since_ms: int, now_ms: int) -> Iterator[Said]:
    rule = monitor.nothing_ran
    before_ms = now_ms - SETTLED_MS
    while rule is not None and (deadline := last_deadline(rule, before_ms)) is not None:
        if deadline.from_ms < since_ms:
            return
        # Of what is past, all events have been handled.
        found = judge_deadline(deadline, buckets, 0, 0, now_ms)
        if isinstance(found, NothingSucceeded):
            text = nothing_succeeded(rule, deadline, found.failed)
            yield Said(deadline.at_ms + SETTLED_MS, NoticeKind.NOTHING_RAN, text)
        before_ms = deadline.at_ms - 1


def _ended_ms(job: JobRecord) -> int:
    return job.stopped_at_ms or job.seen_at_ms
