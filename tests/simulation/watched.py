"""What a monitor's definition means, once more and apart from the engine: for the judge of simulated worlds.

Owns the meaning of the few forms that monitored.py draws, and of no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.foreign import ForeignJob

_OFF_HOURS = {"UTC": 0, "Asia/Tokyo": 9}
_WHOSE = {"foreign", "step_functions", "own"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A job whose ending was recorded."""

    job: ForeignJob
    at_ms: int

    @property
    def succeeded(self) -> bool:
        return not self.job.failure


@dataclass(frozen=True, slots=True)
class Deadline:
    date: str
    from_ms: int
    at_ms: int


def usual_seconds(rng: Random) -> dict[str, int]:
    """How long jobs of a definition took before the world began, where enough of them are known."""
    return {name: rng.choice((50, 200, 900)) for name in ("films", "report") if rng.random() < 0.5}


def day_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def watches(given: Mapping[str, Any], job: ForeignJob) -> bool:
    """Whether a monitor is about a job."""
    name = job.definition.split(":")[0]
    lists = (("queues", [job.queue]), ("names", [job.name]), ("definitions", [job.definition, name]))
    for key, names in lists:
        patterns = given.get(key)
        if patterns and not any(_fits(pattern, name) for pattern in patterns for name in names):
            return False
    kinds = set(given.get("kinds", ()))
    return all(not asked or asked & job.kinds for asked in (kinds & _WHOSE, kinds - _WHOSE))


def is_blind(given: Mapping[str, Any]) -> bool:
    """Whether a monitor watches only jobs that the stage does not record: those of its own runs."""
    return set(given.get("kinds", ())) & _WHOSE == {"own"}


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def failure_is_wanted(given: Mapping[str, Any], failure: str) -> bool:
    """Whether a monitor is to tell of a failure of that class."""
    failed = given.get("failed")
    if failed is None:
        return False
    if "classes" in failed:
        return failure in failed["classes"]
    return failure not in failed.get("excluding", ["cancelled"])


def allowed_ms(
    given: Mapping[str, Any], rule: str, job: ForeignJob, usual: Mapping[str, int], *, factor: float
) -> int | None:
    """For how long a job may run or wait; None for ever. What is usual is known within some percent: `factor` is the
    end of that to take."""
    if rule == "job_waiting":
        waiting = given.get("waiting_longer")
        return None if waiting is None else waiting["than_seconds"] * 1000
    running = given.get("running_longer", {})
    times = [running["than_seconds"] * 1000] if "than_seconds" in running else []
    seconds = usual.get(job.definition.split(":")[0])
    if "than_p95_times" in running and seconds is not None and not job.is_array:
        least_ms = running.get("at_least_seconds", 300) * 1000
        times.append(max(int(running["than_p95_times"] * seconds * 1000 * factor), least_ms))
    return min(times, default=None)


def rate_is_above(rule: Mapping[str, Any], ended: Sequence[Ended], at_ms: int, off_ms: int) -> bool:
    """Whether of these endings too many are failures, at a time. They are counted by five minutes, and by a clock that
    is behind by `off_ms`."""
    first_ms = _five_minutes(at_ms - rule["within_seconds"] * 1000)
    counted = [one for one in ended if one.job.failure != "cancelled" and _five_minutes(one.at_ms - off_ms) >= first_ms]
    failed = sum(not one.succeeded for one in counted)
    return len(counted) >= rule["at_least_jobs"] and failed > rule["above"] * len(counted)


def _five_minutes(at_ms: int) -> int:
    return at_ms // 300_000 * 300_000


def deadline_of(rule: Mapping[str, Any], date: str) -> Deadline:
    """The deadline of a day in the rule's time zone."""
    off = timedelta(hours=_OFF_HOURS[rule.get("time_zone", "UTC")])
    by, after = (datetime.fromisoformat(f"{date}T{rule[key]}:00+00:00") - off for key in ("by", "after"))
    if after >= by:
        after -= timedelta(days=1)
    return Deadline(date, int(after.timestamp()) * 1000, int(by.timestamp()) * 1000)


def deadlines(rule: Mapping[str, Any], from_ms: int, until_ms: int) -> list[Deadline]:
    """The deadlines of some days, those that are not after a moment, in order."""
    days = range((until_ms - from_ms) // 86_400_000 + 4)
    found = [deadline_of(rule, day_of(from_ms + (number - 1) * 86_400_000)) for number in days]
    return [one for one in found if from_ms <= one.at_ms <= until_ms]
