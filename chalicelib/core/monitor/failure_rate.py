"""The rule `failure_rate`: report when too many of the jobs fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chalicelib.core.documents import Described
from chalicelib.core.durations import in_words
from chalicelib.core.mistakes import Mistake
from chalicelib.core.monitor.counts import Bucket, bucket_ms, totals
from chalicelib.core.monitor.notices import PREFIX, monitor_notice
from chalicelib.core.monitor.watch import Watch
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice


@dataclass(frozen=True, slots=True)
class FailureRate:
    """When too many of the jobs fail."""

    SAYS: ClassVar = "Report when too many of the jobs fail."

    above: Annotated[float, Described("Share of failed jobs above which it reports.")]
    over_at: Annotated[float | None, Described("Share at or below which it may report again; `above` by default.")] = (
        None
    )
    within_seconds: Annotated[int, Described("Window of the rate, in steps of five minutes.")] = 3_600
    at_least_jobs: Annotated[int, Described("Silent while fewer jobs ended in the window.")] = 10

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> FailureRate:
        return cls(**given)

    @staticmethod
    def mistakes(given: Mapping[str, Any]) -> Iterator[Mistake]:
        """What is wrong with values together; paths are within the rule."""
        above, over_at = (_share(given.get(field)) for field in ("above", "over_at"))
        if above is not None and over_at is not None and over_at > above:
            text = f"failure_rate.over_at must be {above:g} or less, as above is, not {over_at:g}"
            yield Mistake(("over_at",), text, "a rate is over once it has fallen to this")

    @property
    def window_ms(self) -> int:
        return self.within_seconds * 1000

    def from_ms(self, now_ms: int) -> int:
        """Where the first five minutes begin that count: the window in whole ones, and the one that has just begun."""
        return bucket_ms(now_ms - self.window_ms)

    def is_above(self, buckets: Iterable[Bucket], *, was_above: bool) -> bool:
        """Whether too many of the jobs counted there failed, and enough ended to say so.

        A rate that was above stays so until it has fallen far enough. That few jobs end is no reason for its being
        over, and that none ends is one.
        """
        failed, ended = totals(buckets)
        if was_above:
            return failed > (self.above if self.over_at is None else self.over_at) * ended
        return ended >= self.at_least_jobs and failed > self.above * ended

    def finding(self, buckets: Iterable[Bucket]) -> str:
        """`12 of 30 jobs failed within 1 hour`."""
        failed, ended = totals(buckets)
        return f"{failed:,} of {ended:,} jobs failed within {in_words(self.window_ms)}"

    def phrases(self) -> list[str]:
        """What it speaks of."""
        of = f"{self.at_least_jobs:,} job{'' if self.at_least_jobs == 1 else 's'} or more"
        over = "" if self.over_at is None else f", until it is {self.over_at * 100:.3g} %"
        return [f"more than {self.above * 100:.3g} % of {of} failed within {in_words(self.window_ms)}{over}"]


def rate_notice(
    watch: Watch,
    stage: str,
    rule: FailureRate,
    above_from_ms: int,
    from_ms: int,
    buckets: Sequence[Bucket],
    at_ms: int,
) -> Notice:
    """That too many jobs failed: of those in the buckets, which begin at `from_ms`. Named by when that was found."""
    failed, ended = totals(buckets)
    far = "below that" if rule.over_at is None else f"to {rule.over_at * 100:.3g} %"
    return monitor_notice(
        watch,
        NoticeKind.FAILURE_RATE,
        stage,
        f"{PREFIX}{watch.name}/{NoticeKind.FAILURE_RATE}/{above_from_ms}",
        subject=rule.finding(buckets),
        sentences=[
            f"That is {_percent(failed, ended)}, and more than {rule.above * 100:.3g} % is to be told. Nothing more is "
            f"said of it until the rate has fallen {far}."
        ],
        at_ms=at_ms,
        began_at_ms=from_ms,
        job_count=failed,
    )


def _share(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.3g} %" if whole else "nothing any more"
