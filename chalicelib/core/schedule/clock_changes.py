"""What the next change of clocks does to a schedule: which of its times it skips, and which come twice.

Owns the warnings about it. How such times count is `model.py`'s: one that clocks skip has no run, and one that they
repeat has a run the first time only. A rate and a schedule in UTC know no such times.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from chalicelib.core.mistakes import Mistake
from chalicelib.core.schedule.cron import parse_cron
from chalicelib.core.schedule.model import Schedule, shown_time, zone, zoned

YEARS_AHEAD = 5
"""How far ahead changes are looked for: some expressions name a day that is one of a change in few years."""

_WEEK_SECONDS = 7 * 86_400
_EVERY_HOUR = tuple(range(24))


@dataclass(frozen=True, slots=True)
class ClockChange:
    """Clocks that show `before` are set to `after`, which is later where they go forward. Both have no time zone."""

    at_ms: int
    before: datetime
    after: datetime

    @property
    def goes_forward(self) -> bool:
        return self.after > self.before


@lru_cache(maxsize=64)
def changes(time_zone: str, from_second: int) -> tuple[ClockChange, ...]:
    """The changes of clocks in the years ahead of a moment, in their order. Two within a week count as one."""
    where = zone(time_zone)
    weeks = range(from_second, from_second + YEARS_AHEAD * 366 * 86_400, _WEEK_SECONDS)
    found = []
    for week, next_week in pairwise(weeks):
        offset = _offset(week, where)
        if _offset(next_week, where) == offset:
            continue
        seconds = range(week, next_week + 1)
        second = seconds[bisect_left(seconds, True, key=lambda one: _offset(one, where) != offset)]
        after = zoned(second * 1000, where).replace(tzinfo=None)
        found.append(ClockChange(second * 1000, after - (_offset(second, where) - offset), after))
    return tuple(found)


def clock_warnings(schedules: Mapping[str, Schedule], now_ms: int) -> Iterator[Mistake]:
    """For each schedule the next of its times that clocks skip and the next that they repeat, with its date."""
    for name, schedule in schedules.items():
        told: set[bool] = set()
        for change in changes(schedule.time_zone, now_ms // 1000) if schedule.enabled else ():
            if change.goes_forward not in told and (times := _times_within(schedule, change)):
                told.add(change.goes_forward)
                yield _warning(name, schedule, change, times)


def _times_within(schedule: Schedule, change: ClockChange) -> list[datetime]:
    """The local times of the schedule that the change skips or repeats: the first two are enough to tell."""
    first, last = schedule.starts_at_ms, schedule.ends_at_ms
    if (first is not None and change.at_ms < first) or (last is not None and change.at_ms > last):
        return []
    low, high = sorted((change.before, change.after))
    if schedule.at is not None:
        local = shown_time(schedule.at, zone(schedule.time_zone))
        return [local] if local is not None and low <= local < high else []
    if schedule.cron is None:
        return []
    cron = parse_cron(schedule.cron)
    if change.goes_forward and cron.hours == _EVERY_HOUR:
        # It goes on right after the change, as it does after every other hour.
        return []
    found: list[datetime] = []
    for local in cron.times_from(low):
        if local >= high or len(found) == 2:
            break
        found.append(local)
    return found


def _warning(name: str, schedule: Schedule, change: ClockChange, times: list[datetime]) -> Mistake:
    low, high = sorted((change.before, change.after))
    several = len(times) > 1
    which = f"the times from {low:%H:%M} to {high:%H:%M}" if several else f"{times[0]:%H:%M}"
    clocks = f"clocks in {schedule.time_zone} go {{}} from {change.before:%H:%M} to {change.after:%H:%M}"
    if change.goes_forward:
        does = "do" if several else "does"
        text = f"{which} {does} not exist on {times[0]:%Y-%m-%d}, when {clocks.format('forward')}, and no run starts"
    else:
        come = "come" if several else "comes"
        text = f"{which} {come} twice on {times[0]:%Y-%m-%d}, when {clocks.format('back')}, and a run starts once"
    advice = f"choose a time outside of {low:%H:%M} to {high:%H:%M}, or time_zone UTC"
    return Mistake(("schedules", name, "cron" if schedule.cron is not None else "at"), text, advice)


def _offset(second: int, where: ZoneInfo) -> timedelta:
    offset = zoned(second * 1000, where).utcoffset()
    assert offset is not None, "a moment in a time zone has an offset"
    return offset
