"""Cron expressions as EventBridge Scheduler reads them: six fields, and the days and times of day that they name.

Owns the grammar and the calendar. Which moment a time of day is in a time zone is `model.py`'s.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

from chalicelib.core.rules import Broken
from chalicelib.core.schedule.unix_cron import converted
from chalicelib.core.suggest import shown

FIELDS = ("minutes", "hours", "day-of-month", "month", "day-of-week", "year")
YEAR_MINIMUM, YEAR_MAXIMUM = 1970, 2199

_LIMITS = {
    "minutes": (0, 59),
    "hours": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (1, 7),
    "year": (YEAR_MINIMUM, YEAR_MAXIMUM),
}
DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMES = {
    "month": {name: place + 1 for place, name in enumerate(_MONTH_NAMES)},
    "day-of-week": {name: place + 1 for place, name in enumerate(DAY_NAMES)},
}
_ITEM = re.compile(r"(?P<first>\*|[0-9]{1,4}|[A-Z]{3})(?:-(?P<last>[0-9]{1,4}|[A-Z]{3}))?(?:/(?P<step>[0-9]{1,4}))?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_BEFORE_LAST = re.compile(r"L-[0-9]{1,2}")
_LAST_OF_KIND = re.compile(r"([1-7]|[A-Z]{3})L")
_NTH_OF_KIND = re.compile(r"([1-7]|[A-Z]{3})#([1-5])")


class CronMistake(ValueError):
    """An expression that is none. `broken` says what is wrong, to follow the name of the field."""

    def __init__(self, text: str, suggestion: str | None = None) -> None:
        super().__init__(text)
        self.broken = Broken(text, suggestion)


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of a month. One of these is set: `numbers`; `weekdays` (1 is Sunday); the `last` day; the
    `last_weekday`, Monday to Friday; the weekday `nearest` to a day; the `nth` weekday of a kind, (2, 6) for the second
    Friday and (0, 6) for the last."""

    numbers: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    last: bool = False
    last_weekday: bool = False
    nearest: int | None = None
    nth: tuple[int, int] | None = None

    def of(self, year: int, month: int) -> list[int]:
        """The days of that month, ascending."""
        first_weekday, length = monthrange(year, month)
        if self.last:
            return [length]
        if self.last_weekday:
            return [_nearest_weekday(length, first_weekday, length)]
        if self.nearest is not None:
            return [_nearest_weekday(self.nearest, first_weekday, length)] if self.nearest <= length else []
        if self.nth is not None:
            number, weekday = self.nth
            of_kind = [day for day in range(1, length + 1) if _weekday(first_weekday, day) == weekday]
            return of_kind[-1:] if number == 0 else of_kind[number - 1 : number]
        if self.weekdays:
            return [day for day in range(1, length + 1) if _weekday(first_weekday, day) in self.weekdays]
        return [day for day in self.numbers if day <= length]


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that was read. All tuples ascend."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    def times_from(self, first: datetime) -> Iterator[datetime]:
        """Its local times from that one on, ascending; `first` and they have no time zone. Ends with the last year."""
        for day in self._dates_from(first.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    at = datetime.combine(day, time(hour, minute))
                    if at >= first:
                        yield at

    def times_until(self, last: datetime) -> Iterator[datetime]:
        """Its local times up to that one, descending."""
        for day in self._dates_until(last.date()):
            for hour in reversed(self.hours):
                for minute in reversed(self.minutes):
                    at = datetime.combine(day, time(hour, minute))
                    if at <= last:
                        yield at

    def _dates_from(self, first: date) -> Iterator[date]:
        for year in (year for year in self.years if year >= first.year):
            for month in self.months:
                if (year, month) >= (first.year, first.month):
                    for day in self.days.of(year, month):
                        if date(year, month, day) >= first:
                            yield date(year, month, day)

    def _dates_until(self, last: date) -> Iterator[date]:
        for year in reversed([year for year in self.years if year <= last.year]):
            for month in reversed(self.months):
                if (year, month) <= (last.year, last.month):
                    for day in reversed(self.days.of(year, month)):
                        if date(year, month, day) <= last:
                            yield date(year, month, day)


@lru_cache(maxsize=256)
def parse_cron(text: str) -> Cron:
    """The expression in a text, without `cron(...)` around it. Raises CronMistake for anything else, and for one that
    names no day of any year."""
    wrapped = re.fullmatch(r"\s*cron\((.*)\)\s*", text)
    if wrapped:
        raise CronMistake(f"must be the six fields alone, not {shown(text)}", _offered(f"write '{wrapped[1].strip()}'"))
    fields = text.upper().split()
    if len(fields) != len(FIELDS):
        raise _wrong_count(text, len(fields))
    minutes, hours, of_month, months, of_week, years = fields
    if (of_month == "?") == (of_week == "?"):
        raise CronMistake(
            f"must have '?' in one of day-of-month and day-of-week, not {shown(text)}",
            _offered(f"write '{_with_a_question_mark(fields)}'"),
        )
    cron = Cron(
        _numbers("minutes", minutes),
        _numbers("hours", hours),
        _days_of_month(of_month) if of_week == "?" else _days_of_week(of_week),
        _numbers("month", months),
        _numbers("year", years),
    )
    if next(cron.times_from(datetime(YEAR_MINIMUM, 1, 1)), None) is None:
        raise CronMistake(f"names no day of any year: {shown(text)}", "check day-of-month against the months")
    return cron


def _wrong_count(text: str, count: int) -> CronMistake:
    form = f"six fields ({' '.join(FIELDS)})"
    unix = converted(text)
    if unix is not None:
        return CronMistake(f"must have {form}, and {shown(text)} is a Unix cron expression", _offered(unix))
    return CronMistake(f"must have {form}, not {count}: {shown(text)}", "'0 9 ? * MON-FRI *' is 9:00 from Monday on")


def _offered(offer: str) -> str:
    """An offer of expressions, in quotes; if one of them is wrong itself, what is."""
    # Not if there are quotes in what was given: then nobody can tell where an expression ends.
    for expression in re.findall("'([^']+)'", offer) if offer.count("'") in (2, 4) else ():
        try:
            parse_cron(expression)
        except CronMistake as mistake:
            return f"as '{expression}' it {mistake}"
    return offer


def _with_a_question_mark(fields: list[str]) -> str:
    changed = list(fields)
    changed[2 if fields[2] == "*" and fields[4] != "?" and fields[4] != "*" else 4] = "?"
    if fields[2] == "?" and fields[4] == "?":
        changed[2] = "*"
    return " ".join(changed)


def _days_of_month(text: str) -> Days:
    if text == "L":
        return Days(last=True)
    if text == "LW":
        return Days(last_weekday=True)
    nearest = _NEAREST.fullmatch(text)
    if nearest:
        return Days(nearest=_number("day-of-month", nearest[1], text))
    return Days(numbers=_numbers("day-of-month", text))


def _days_of_week(text: str) -> Days:
    if text == "L":
        return Days(weekdays=(7,))
    last = _LAST_OF_KIND.fullmatch(text)
    if last:
        return Days(nth=(0, _number("day-of-week", last[1], text)))
    nth = _NTH_OF_KIND.fullmatch(text)
    if nth:
        return Days(nth=(int(nth[2]), _number("day-of-week", nth[1], text)))
    return Days(weekdays=_numbers("day-of-week", text))


def _numbers(field: str, text: str) -> tuple[int, ...]:
    """The numbers that a field names."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match or (match["first"] == "*" and match["last"]):
            raise _no_item(field, text, item)
        low, high = _LIMITS[field]
        first = low if match["first"] == "*" else _number(field, match["first"], text)
        if match["last"]:
            last = _number(field, match["last"], text)
        else:
            last = high if match["first"] == "*" or match["step"] else first
        if last < first:
            raise CronMistake(
                f"has the range '{item}' in {field}, which runs backwards", "write two ranges with a comma between them"
            )
        step = int(match["step"] or 1)
        if step < 1:
            raise CronMistake(f"has the step '/{match['step']}' in {field}", "a step is 1 or more")
        found.update(range(first, last + 1, step))
    return tuple(sorted(found))


def _no_item(field: str, text: str, item: str) -> CronMistake:
    known = "'*', a number, a range (1-5), a step (*/15, 0/15), and lists of these"
    if field in _NAMES:
        known = known.replace("a number", "a number or a name (MON, JAN)")
    if field == "day-of-month":
        known += "; alone: '?', 'L' (the last day), 'LW' (the last weekday) or '15W' (the weekday nearest to the 15th)"
        if _BEFORE_LAST.fullmatch(item):
            known += "; AWS documents no days before the last one"
    if field == "day-of-week":
        known += "; alone: '?', 'L', '6L' (the last Friday) or '2#1' (the first Monday)"
    return CronMistake(f"has {shown(item)} in {field}, {shown(text)}", f"there may be {known}")


def _number(field: str, text: str, whole: str) -> int:
    names, (low, high) = _NAMES.get(field, {}), _LIMITS[field]
    if text in names:
        return names[text]
    if not text.isdigit():
        first, last = (list(names) or ["0", "59"])[0], (list(names) or ["0", "59"])[-1]
        raise CronMistake(f"has {shown(text)} in {field}, {shown(whole)}", f"names are {first} to {last}")
    if not low <= int(text) <= high:
        hint = "1 is Sunday, 7 is Saturday" if field == "day-of-week" else None
        raise CronMistake(f"has {int(text)} in {field}, which goes from {low} to {high}", hint)
    return int(text)


def _weekday(first_weekday: int, day: int) -> int:
    """The weekday of a day, 1 for Sunday. `first_weekday` is that of the month's first day, 0 for Monday."""
    return (first_weekday + day) % 7 + 1


def _nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    """The weekday of the same month that is nearest to the day."""
    weekday = _weekday(first_weekday, day)
    if weekday == 7:
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < length else day - 2
    return day
