"""A monitor: which jobs it watches, and by which rules.

A rule is one type: its fields with their descriptions, what makes values of a file wrong together, its judgement and
its words. The model of the file (`file_model.py`) and its schema follow from the type. RULES names them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.failed import Failed
from chalicelib.core.monitor.failure_rate import FailureRate
from chalicelib.core.monitor.nothing_ran import NothingRan
from chalicelib.core.monitor.too_long import DurationRule, RunningLonger, WaitingLonger
from chalicelib.core.monitor.watch import Watch, WatchedKind

Rule = Failed | RunningLonger | WaitingLonger | FailureRate | NothingRan
RULES: Mapping[str, type[Rule]] = {
    "failed": Failed,
    "running_longer": RunningLonger,
    "waiting_longer": WaitingLonger,
    "failure_rate": FailureRate,
    "nothing_ran": NothingRan,
}
"""By the key in a monitor file, which is also the field of a Monitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor(Watch):
    """A monitor as it was pushed. `since_ms`: since when it watches these jobs and for these times of day;
    `failed_since_ms`: since when these jobs and for these failures."""

    failed: Failed | None = None
    running_longer: RunningLonger | None = None
    waiting_longer: WaitingLonger | None = None
    failure_rate: FailureRate | None = None
    nothing_ran: NothingRan | None = None
    since_ms: int = 0
    failed_since_ms: int = 0

    @property
    def rules(self) -> Iterator[Rule]:
        """Its rules, in the order of RULES."""
        return (rule for rule in (getattr(self, key) for key in RULES) if rule is not None)

    @property
    def duration_rules(self) -> Iterator[DurationRule]:
        """Those about how long jobs run or wait."""
        return (rule for rule in self.rules if isinstance(rule, RunningLonger | WaitingLonger))

    @property
    def counts_under(self) -> str:
        """What the endings of its jobs are counted under: a monitor that watches other jobs now counts anew."""
        return f"{self.name}/{self.since_ms}"

    def reports_failure(self, job: JobRecord) -> bool:
        """Whether it is to be said that this job failed."""
        return self.failed is not None and self.failed.reports(job)

    def counts(self, job: JobRecord) -> bool:
        """Whether the job's ending counts. What somebody cancelled has neither failed nor succeeded."""
        wanted = self.failure_rate is not None or self.nothing_ran is not None
        return wanted and job.status.ended and job.failure is not FailureClass.CANCELLED


def monitors_of(
    definition: Mapping[str, Any], since_ms: Mapping[str, int], failed_since_ms: Mapping[str, int] | None = None
) -> tuple[Monitor, ...]:
    """The monitors of a definition (valid, as it was pushed). By name, since when each watches."""
    return tuple(
        _monitor(name, given, since_ms.get(name, 0), (failed_since_ms or {}).get(name, 0))
        for name, given in definition["monitors"].items()
    )


def _monitor(name: str, given: Mapping[str, Any], since_ms: int, failed_since_ms: int) -> Monitor:
    values: dict[str, Any] = {field: tuple(given.get(field) or ()) for field in ("queues", "names", "definitions")}
    values["kinds"] = tuple(WatchedKind(kind) for kind in given.get("kinds") or ())
    values |= {key: rule.read(given[key]) for key, rule in RULES.items() if given.get(key) not in (None, False)}
    description = given.get("description")
    return Monitor(name=name, description=description, since_ms=since_ms, failed_since_ms=failed_since_ms, **values)


def watched_alike(one: Mapping[str, Any], other: Mapping[str, Any], rule: str) -> bool:
    """Whether two definitions of a monitor watch the same jobs by the same rule, so that what was counted or gathered
    for one holds for the other."""
    keys = ("queues", "names", "definitions", "kinds", rule)
    return all(one.get(key) == other.get(key) for key in keys)
