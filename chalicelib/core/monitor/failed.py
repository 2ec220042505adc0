"""The rule `failed`: report jobs that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.documents import Described
from chalicelib.core.failure import FailureClass
from chalicelib.core.mistakes import Mistake
from chalicelib.core.monitor.notices import monitor_notice, queues_about
from chalicelib.core.monitor.watch import Watch
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob
from chalicelib.core.notice.window import digest_id
from chalicelib.core.run.commands import TellJobFailures
from chalicelib.core.states import JobStatus

_USUALLY_LEFT_OUT = (FailureClass.CANCELLED,)


@dataclass(frozen=True, slots=True)
class Failed:
    """Which failures to tell of."""

    SAYS: ClassVar = "Report failed jobs. true: all except cancelled ones."

    classes: Annotated[tuple[FailureClass, ...] | None, Described("Only failures of these classes.")] = None
    excluding: Annotated[
        tuple[FailureClass, ...] | None,
        Described("All failures except those of these classes. Without `classes` too: [cancelled]."),
    ] = None

    @classmethod
    def read(cls, given: Any) -> Failed | None:
        """The rule as a file gives it (valid); None for one that reports nothing."""
        fields = {} if given is True else given
        classes, excluding = (fields.get(name) for name in ("classes", "excluding"))
        found = cls(
            None if classes is None else tuple(map(FailureClass, classes)),
            None if excluding is None else tuple(map(FailureClass, excluding)),
        )
        return found if found.reported else None

    @staticmethod
    def mistakes(given: Mapping[str, Any]) -> Iterator[Mistake]:
        """What is wrong with values together; paths are within the rule."""
        if given.get("classes") is not None and given.get("excluding") is not None:
            yield Mistake(("excluding",), "failed.excluding is of no use beside classes", "take one of them out")

    @property
    def reported(self) -> frozenset[FailureClass]:
        """The classes of failures that are reported."""
        if self.classes is not None:
            return frozenset(self.classes)
        return frozenset(FailureClass) - frozenset(_USUALLY_LEFT_OUT if self.excluding is None else self.excluding)

    def reports(self, job: JobRecord) -> bool:
        """Whether it is to be said that this job failed."""
        return job.status is JobStatus.FAILED and (job.failure or FailureClass.UNKNOWN) in self.reported

    def phrases(self) -> list[str]:
        """What it speaks of, by the shorter of two lists; the failures that `failed: true` means have no list."""
        left_out = [one for one in FailureClass if one not in self.reported]
        if left_out == [*_USUALLY_LEFT_OUT]:
            return ["failed"]
        if not left_out:
            return ["failed, or was cancelled"]
        classes = [one for one in FailureClass if one in self.reported]
        listed = left_out if len(left_out) < len(classes) else classes
        names = ", ".join(one.replace("_", " ") for one in listed)
        return [f"failed ({'all but ' * (listed is left_out)}{names})"]


def failed_notice(
    watch: Watch, stage: str, command: TellJobFailures, count: int, told_count: int, jobs: list[ToldJob], at_ms: int
) -> Notice:
    """That so many jobs of a day failed, some of them named; `told_count` of them were told before."""
    return monitor_notice(
        watch,
        NoticeKind.JOB_FAILED,
        stage,
        digest_id(command.scope, NoticeKind.JOB_FAILED, count),
        subject=_failed(count, told_count, jobs),
        sentences=_so_far(command.day, count, told_count),
        at_ms=at_ms,
        queues=queues_about(watch, jobs, count),
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
