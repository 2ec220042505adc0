"""The rules `running_longer` and `waiting_longer`: report jobs that run, or wait for capacity, for too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chalicelib.core.batch.job_record import JobRecord, JobState
from chalicelib.core.documents import Described
from chalicelib.core.durations import in_words
from chalicelib.core.mistakes import Mistake
from chalicelib.core.monitor.job_times import WAITING, running_since_ms, waiting_since_ms
from chalicelib.core.monitor.notices import monitor_notice, queues_about, told
from chalicelib.core.monitor.records import Telling
from chalicelib.core.monitor.watch import Watch, definition_name
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.window import NAMED_MAXIMUM


@dataclass(frozen=True, slots=True)
class RunningLonger:
    """When a job runs for too long: by whichever of the two it reaches first."""

    SAYS: ClassVar = "Report jobs that run for too long, by whichever limit they reach first."
    kind: ClassVar = NoticeKind.JOB_RUNNING
    verb: ClassVar = "run"
    states: ClassVar = (JobState.RUNNING, JobState.PENDING)

    than_seconds: Annotated[int | None, Described("Longest time in seconds.")] = None
    than_p95_times: Annotated[
        float | None,
        Described(
            "Times the 95th percentile of the definition's successful jobs, this month and last. "
            "Silent until there are 20."
        ),
    ] = None
    at_least_seconds: Annotated[int, Described("than_p95_times never reports below this.")] = 300

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> RunningLonger:
        return cls(**given)

    @staticmethod
    def mistakes(given: Mapping[str, Any]) -> Iterator[Mistake]:
        """What is wrong with values together; paths are within the rule."""
        if given.get("than_seconds") is None and given.get("than_p95_times") is None:
            yield Mistake((), "running_longer says no time", "give than_seconds or than_p95_times")
        elif given.get("than_p95_times") is None and "at_least_seconds" in given:
            text = "running_longer.at_least_seconds is of no use without than_p95_times"
            yield Mistake(("at_least_seconds",), text, "take it out")

    @property
    def shortest_ms(self) -> int:
        """No job that is younger than this runs for too long."""
        times = [self.than_seconds, None if self.than_p95_times is None else self.at_least_seconds]
        return min(one for one in times if one is not None) * 1000

    def since_ms(self, job: JobRecord) -> int | None:
        """Since when a job runs; None when it does not."""
        return running_since_ms(job)

    def past(self, job: JobRecord, now_ms: int) -> tuple[int, int] | None:
        """From when until when a job ran, or has run so far, as far as its record says."""
        if not job.status.ended:
            since_ms, until_ms = running_since_ms(job), now_ms
        else:
            since_ms = job.created_at_ms if job.array_size is not None else job.started_at_ms
            until_ms = job.stopped_at_ms or job.seen_at_ms
        return None if since_ms is None else (since_ms, until_ms)

    def limit_ms(self, job: JobRecord, ran_ms: int, p95_ms: Callable[[str], int | None]) -> int | None:
        """How long a job that has run for `ran_ms` may run; None while nothing is known of that.

        `p95_ms` gives what 19 of 20 jobs of a definition took at most, or None while too few were seen. It is asked
        only where that can matter. Of arrays nothing is known.
        """
        times = [] if self.than_seconds is None else [self.than_seconds * 1000]
        least_ms = self.at_least_seconds * 1000
        if self.than_p95_times is not None and job.array_size is None and ran_ms >= least_ms:
            known_ms = p95_ms(definition_name(job.definition))
            times += [] if known_ms is None else [max(round(self.than_p95_times * known_ms), least_ms)]
        return min(times, default=None)

    def phrases(self) -> list[str]:
        """What it speaks of."""
        found = [] if self.than_seconds is None else [f"runs for {in_words(self.than_seconds * 1000)}"]
        if self.than_p95_times is not None:
            least = in_words(self.at_least_seconds * 1000)
            found.append(f"runs {self.than_p95_times:g} times as long as 19 of 20 do, and {least}")
        return found


@dataclass(frozen=True, slots=True)
class WaitingLonger:
    """When a job waits for capacity for too long."""

    SAYS: ClassVar = "Report jobs that wait for capacity for too long."
    kind: ClassVar = NoticeKind.JOB_WAITING
    verb: ClassVar = "wait"
    states: ClassVar = (*(JobState(status.value) for status in WAITING), JobState.PENDING)

    than_seconds: Annotated[int, Described("Longest time in seconds.")]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> WaitingLonger:
        return cls(**given)

    @staticmethod
    def mistakes(given: Mapping[str, Any]) -> Iterator[Mistake]:
        """What is wrong with values together."""
        yield from ()

    @property
    def shortest_ms(self) -> int:
        """No job that is younger than this waits for too long."""
        return self.than_seconds * 1000

    def since_ms(self, job: JobRecord) -> int | None:
        """Since when a job waits for capacity; None when it does not."""
        return waiting_since_ms(job)

    def past(self, job: JobRecord, now_ms: int) -> tuple[int, int] | None:
        """From when until when a job waited, or has waited so far, as far as its record says: from its submission."""
        if waiting_since_ms(job) is not None:
            return job.created_at_ms, now_ms
        if job.started_at_ms is None or job.array_size is not None:
            return None
        return job.created_at_ms, job.started_at_ms

    def limit_ms(self, job: JobRecord, waited_ms: int, p95_ms: Callable[[str], int | None]) -> int:
        """How long a job may wait."""
        return self.than_seconds * 1000

    def phrases(self) -> list[str]:
        """What it speaks of."""
        return [f"waits for {in_words(self.than_seconds * 1000)}"]


DurationRule = RunningLonger | WaitingLonger


@dataclass(frozen=True, slots=True)
class Overdue:
    """A job that runs or waits for longer than it may."""

    job: JobRecord
    limit_ms: int


def judge_duration(
    rule: DurationRule, job: JobRecord, since_ms: int, until_ms: int, p95_ms: Callable[[str], int | None]
) -> Overdue | None:
    """Whether a job that runs or waits from `since_ms` to `until_ms` does so for too long. `p95_ms`: see `limit_ms`."""
    limit_ms = rule.limit_ms(job, until_ms - since_ms, p95_ms)
    return None if limit_ms is None or until_ms - since_ms < limit_ms else Overdue(job, limit_ms)


def overdue_notice(
    watch: Watch,
    stage: str,
    rule: DurationRule,
    telling: Telling,
    jobs: Sequence[JobRecord],
    limits_ms: Mapping[str, int],
) -> Notice:
    """That jobs run or wait for too long. `jobs` are the first of the telling, as they are now; `limits_ms` by job id
    is how long they may."""
    count = len(telling.job_ids)
    named = [told(job) for job in jobs]
    subject, sentences = f"{count:,} jobs {rule.verb} for too long", []
    for first in jobs[:1]:
        since_ms = rule.since_ms(first)
        long = "too long" if since_ms is None else in_words(max(0, telling.at_ms - since_ms))
        says = f"job {first.name} {rule.verb}s for {long}"
        subject = says if count == 1 else subject
        sentences = [] if count == 1 else [f"The first of them, {says}."]
        if first.job_id in limits_ms:
            sentences.append(f"It should not {rule.verb} for longer than {in_words(limits_ms[first.job_id])}.")
    return monitor_notice(
        watch,
        telling.kind,
        stage,
        telling.notice_id,
        subject=subject,
        sentences=sentences,
        at_ms=telling.at_ms,
        queues=queues_about(watch, named, count),
        jobs=tuple(named[:NAMED_MAXIMUM]),
        job_count=count,
    )
