"""What a schedule is, and its times: from an expression, a time zone, a start and an end to moments in UTC.

Owns the meaning of `cron`, `rate` and `at` across daylight saving, as EventBridge Scheduler has it: a time of day that
a day does not have (clocks go forward) is skipped, one that a day has twice (clocks go back) counts once, the first
time; a rate is elapsed time and knows no clock of the wall. What is done at a time is `decisions.py`'s.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from chalicelib.core.rules import Broken
from chalicelib.core.schedule.cron import CronMistake, parse_cron
from chalicelib.core.suggest import Names, shown
from chalicelib.core.template import SCHEDULE, Expression, as_text, parse, whole_expression

EXPRESSION_CHARACTERS = 240
"""EventBridge Scheduler takes 256, with `cron(` and `)`."""
MINUTE_MS = 60_000
_DAY_SECONDS = 86_400

_RATE = re.compile(r"([1-9][0-9]{0,8}) +(minutes?|hours?|days?)")
_UNITS_MS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": 24 * 60 * MINUTE_MS}
_RATE_MS_MAXIMUM = 366 * 24 * 60 * MINUTE_MS
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1970, 2201)
"""Those of cron expressions. Beside the edges of the calendar a time has no moment in every time zone."""
_LAST_MS = 7_289_740_799_000
"""The end of the year 2200 wherever it ends last, behind which no cron expression has a time."""
_NO_ZONES = ("localtime", "posixrules", "Factory")


class Overlap(StrEnum):
    """What a schedule does when its time comes while a run that it started goes on."""

    ALLOW = "allow"
    """Another run starts beside it."""
    SKIP = "skip"
    """No run starts for this time."""
    QUEUE = "queue"
    """The time waits. Up to 100 times wait, and the oldest starts first."""
    CANCEL_PREVIOUS = "cancel_previous"
    """The earlier run is cancelled. The newest time starts when it has ended."""


class CatchUp(StrEnum):
    """Which of the times that were missed are started later."""

    NONE = "none"
    """None of them."""
    LATEST = "latest"
    """Only the newest."""
    ALL = "all"
    """Each, oldest first. Not with `cancel_previous`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as a version of a workflow has it. One of `cron`, `rate` and `at` is set; the times are as written, in
    the time zone."""

    cron: str | None = None
    rate: str | None = None
    at: str | None = None
    time_zone: str = "UTC"
    starts: str | None = None
    ends: str | None = None
    params: Mapping[str, Any] | None = None
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    enabled: bool = True

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler takes it."""
        if self.cron is not None:
            return f"cron({' '.join(self.cron.upper().split())})"
        if self.rate is not None:
            number, unit = self.rate.split()
            return f"rate({number} {unit.rstrip('s')}{'' if number == '1' else 's'})"
        where = zone(self.time_zone)
        return f"at({_local(moment_in(self.at or '', where), where).isoformat()})"

    @property
    def timing(self) -> tuple[str, ...]:
        """What its times follow from: when this changes, the times before the change are the old ones."""
        return (self.expression, self.time_zone, self.starts or "", self.ends or "", str(self.enabled))

    @property
    def starts_at_ms(self) -> int | None:
        return None if self.starts is None else moment_in(self.starts, zone(self.time_zone))

    @property
    def ends_at_ms(self) -> int | None:
        return None if self.ends is None else moment_in(self.ends, zone(self.time_zone))


_PLAIN = ("cron", "rate", "at", "time_zone", "starts", "ends", "params", "enabled")


def schedules_of(definition: Mapping[str, Any]) -> dict[str, Schedule]:
    """The schedules of a workflow's definition (valid, as it was pushed), by name."""
    return {name: schedule_of(given) for name, given in (definition.get("schedules") or {}).items()}


def schedule_of(document: Mapping[str, Any]) -> Schedule:
    """The schedule in a part of a definition (valid), or in what `document_of` made."""
    return Schedule(
        **{key: document[key] for key in _PLAIN if document.get(key) is not None},
        overlap=Overlap(document.get("overlap", Overlap.SKIP)),
        catch_up=CatchUp(document.get("catch_up", CatchUp.LATEST)),
    )


def document_of(schedule: Schedule) -> dict[str, Any]:
    """The schedule as a definition might have it."""
    values = {key: getattr(schedule, key) for key in (*_PLAIN, "overlap", "catch_up")}
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a schedule, in milliseconds since the epoch. `since_ms` is when it came to be: a rate without a
    start counts from there."""

    schedule: Schedule
    since_ms: int = 0

    def after(self, after_ms: int) -> Iterator[int]:
        """Its times after a moment, ascending, without end where the schedule has none."""
        schedule = self.schedule
        first_ms, last_ms = schedule.starts_at_ms, schedule.ends_at_ms
        from_ms = after_ms + 1 if first_ms is None else max(after_ms + 1, first_ms)
        for at_ms in self._from(from_ms):
            if last_ms is not None and at_ms > last_ms:
                return
            yield at_ms

    def next_after(self, after_ms: int) -> int | None:
        """The first time after a moment; None when there is none any more."""
        return next(self.after(after_ms), None)

    def latest(self, after_ms: int, until_ms: int) -> int | None:
        """The last time after one moment and not after another; None when there is none."""
        schedule = self.schedule
        last_ms = until_ms if schedule.ends_at_ms is None else min(until_ms, schedule.ends_at_ms)
        found = next(self._until(last_ms), None)
        if found is None or found <= after_ms or found < (schedule.starts_at_ms or 0):
            return None
        return found

    def _from(self, from_ms: int) -> Iterator[int]:
        schedule = self.schedule
        if from_ms > _LAST_MS:
            return
        if schedule.rate is not None:
            anchor_ms, every_ms = self._rate()
            steps = max(0, -(-(from_ms - anchor_ms) // every_ms))
            yield from (anchor_ms + number * every_ms for number in count(steps))
        elif schedule.at is not None:
            at_ms = moment_in(schedule.at, zone(schedule.time_zone))
            if at_ms >= from_ms:
                yield at_ms
        elif schedule.cron is not None:
            where = zone(schedule.time_zone)
            # Clocks have never gone back by more than a day.
            first = _local(from_ms, where) - timedelta(days=1)
            for at_ms in _moments(parse_cron(schedule.cron).times_from(first), where):
                if at_ms >= from_ms:
                    yield at_ms

    def _until(self, until_ms: int) -> Iterator[int]:
        schedule = self.schedule
        if until_ms < 0:
            return
        if schedule.rate is not None:
            anchor_ms, every_ms = self._rate()
            if until_ms >= anchor_ms:
                yield until_ms - (until_ms - anchor_ms) % every_ms
        elif schedule.at is not None:
            at_ms = moment_in(schedule.at, zone(schedule.time_zone))
            if at_ms <= until_ms:
                yield at_ms
        elif schedule.cron is not None:
            where = zone(schedule.time_zone)
            last = _local(min(until_ms, _LAST_MS), where) + timedelta(days=1)
            for at_ms in _moments(parse_cron(schedule.cron).times_until(last), where):
                if at_ms <= until_ms:
                    yield at_ms

    def _rate(self) -> tuple[int, int]:
        """The first time of a rate, and the milliseconds between two."""
        number, unit = str(self.schedule.rate).split()
        every_ms = int(number) * _UNITS_MS[unit.rstrip("s")]
        starts_ms = self.schedule.starts_at_ms
        return (self.since_ms + every_ms if starts_ms is None else starts_ms), every_ms


def _moments(locals_: Iterator[datetime], where: ZoneInfo) -> Iterator[int]:
    """Local times as moments, those left out that their day does not have."""
    for local in locals_:
        if exists(local, where):
            yield moment_ms(local, where)


def exists(local: datetime, where: ZoneInfo) -> bool:
    """Whether clocks in a time zone ever show that time."""
    moment = local.replace(tzinfo=where).astimezone(UTC)
    return moment.astimezone(where).replace(tzinfo=None) == local


def moment_ms(local: datetime, where: ZoneInfo) -> int:
    """The moment of a local time, the first one if there are two."""
    return (local.replace(tzinfo=where, fold=0) - _EPOCH) // timedelta(milliseconds=1)


def shown_time(text: str, where: ZoneInfo) -> datetime | None:
    """The local time that a text stands for: a day stands for its first moment, which is 01:00 where clocks go forward
    at midnight. None if the zone's clocks never show the time, or skip the whole day. Raises ValueError."""
    local = local_time(text)
    if exists(local, where):
        return local
    if not is_day(text):
        return None
    first = _local(first_moment_ms(local, where), where)
    return first if first.date() == local.date() else None


def moment_in(text: str, where: ZoneInfo) -> int:
    """The moment of a local time that a workflow writes, or of the first moment of a day. Raises ValueError.

    A time that the zone's clocks skip is the moment to which they go forward past it, or as much later."""
    local = shown_time(text, where)
    return moment_ms(local_time(text) if local is None else local, where)


def first_moment_ms(midnight: datetime, where: ZoneInfo) -> int:
    """The moment at which a day begins: its midnight, or that to which clocks go forward over midnight."""
    if exists(midnight, where):
        return moment_ms(midnight, where)
    # Around the gap later moments have later local times, so the first one can be searched for.
    about = moment_ms(midnight, where) // 1000
    seconds = range(about - _DAY_SECONDS, about + _DAY_SECONDS)
    return 1000 * seconds[bisect_left(seconds, midnight, key=lambda second: _local(second * 1000, where))]


def _local(at_ms: int, where: ZoneInfo) -> datetime:
    """The local time of a moment, without its time zone."""
    return zoned(at_ms, where).replace(tzinfo=None)


def zoned(at_ms: int, where: ZoneInfo) -> datetime:
    """A moment as a time in a time zone."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(where)


def iso_time(at_ms: int, time_zone: str = "UTC") -> str:
    """A moment as people write it, with its offset: `2026-03-29T09:00:00+02:00`."""
    return zoned(at_ms, zone(time_zone)).isoformat(timespec="seconds")


def read_moment_ms(text: str) -> int:
    """The moment of an ISO time with an offset or Z. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{shown(text)} has no offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises KeyError or ValueError for a name that has none."""
    return ZoneInfo(name)


def is_day(text: str) -> bool:
    """True for `2026-11-01`, false for a day with a time."""
    return len(text) == len("2026-11-01")


def local_time(text: str) -> datetime:
    """A local time as a workflow writes it: `2026-11-01`, `2026-11-01T09:00` or with seconds. Raises ValueError."""
    if not _LOCAL.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


# What a workflow may say


def cron_rule(value: str) -> Broken | None:
    if len(value) > EXPRESSION_CHARACTERS:
        return Broken(f"must have {EXPRESSION_CHARACTERS} characters or less, not {len(value)}")
    try:
        parse_cron(value)
    except CronMistake as mistake:
        return mistake.broken
    return None


def rate_rule(value: str) -> Broken | None:
    wrapped = re.fullmatch(r"rate\((.*)\)", value.strip())
    if wrapped:
        return Broken(f"must be the number and the unit alone, not {shown(value)}", f"write '{wrapped[1].strip()}'")
    match = _RATE.fullmatch(value)
    if not match:
        return Broken(
            f"must be a whole number of minutes, hours or days, not {shown(value)}", "write '5 minutes' or '1 day'"
        )
    if int(match[1]) * _UNITS_MS[match[2].rstrip("s")] > _RATE_MS_MAXIMUM:
        return Broken(f"must be a year or less, not {shown(value)}")
    return None


def local_time_rule(value: str) -> Broken | None:
    try:
        year = local_time(value).year
    except ValueError:
        offset = re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})\Z", value) if "T" in value else None
        return Broken(
            f"must be a date or a time like 2026-11-01T09:00, not {shown(value)}",
            "the schedule's time_zone says where; take the offset away" if offset else None,
        )
    if year not in YEARS:
        return Broken(f"must lie in the years {YEARS[0]} to {YEARS[-1]}, not {shown(value)}")
    return None


@lru_cache(maxsize=1)
def _zone_names() -> list[str]:
    return sorted(available_timezones())


def time_zone_rule(value: str) -> Broken | None:
    try:
        if value not in _NO_ZONES and not value.startswith(("posix", "right/")):
            zone(value)
            return None
    except (KeyError, ValueError, OSError):
        pass
    return Broken(
        f"must be an IANA time zone, not {shown(value)}",
        Names(_zone_names()).suggestion(value) or "such as 'Europe/Berlin'",
    )


# Params


def render_params(params: Mapping[str, Any] | None, at_ms: int, time_zone: str) -> dict[str, Any]:
    """The params of a run that is started for a time, `${schedule.time}` and `${schedule.date}` replaced."""
    return {name: _rendered(value, at_ms, time_zone) for name, value in (params or {}).items()}


def _rendered(value: Any, at_ms: int, time_zone: str) -> Any:
    if isinstance(value, dict):
        return {name: _rendered(one, at_ms, time_zone) for name, one in value.items()}
    if isinstance(value, list):
        return [_rendered(one, at_ms, time_zone) for one in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = whole_expression(value, SCHEDULE)
    if whole is not None:
        return _value_of(whole, at_ms, time_zone)
    pieces = parse(value, SCHEDULE)
    return "".join(one if isinstance(one, str) else as_text(_value_of(one, at_ms, time_zone)) for one in pieces)


def _value_of(expression: Expression, at_ms: int, time_zone: str) -> str:
    text = iso_time(at_ms, time_zone)
    return text if expression.name == "time" else text[:10]
