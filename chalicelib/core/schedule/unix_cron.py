"""A five-field Unix cron expression in EventBridge's six fields, to show who wrote one what to write.

Owns that translation and nothing else: nothing here is ever scheduled.
"""

from __future__ import annotations

import re

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NICKNAMES = {
    "@hourly": "0 * * * ? *",
    "@daily": "0 0 * * ? *",
    "@midnight": "0 0 * * ? *",
    "@weekly": "0 0 ? * SUN *",
    "@monthly": "0 0 1 * ? *",
    "@yearly": "0 0 1 1 ? *",
    "@annually": "0 0 1 1 ? *",
}
_ITEM = re.compile(r"(\*|[0-7]|[A-Z]{3})(?:-([0-7]|[A-Z]{3}))?(?:/([1-9]))?")


def converted(text: str) -> str | None:
    """What to do about a Unix cron expression, in a sentence; None for what is none."""
    nickname = _NICKNAMES.get(text.strip().lower())
    if nickname:
        return f"write '{nickname}'"
    fields = text.upper().split()
    if len(fields) != 5:
        return None
    minutes, hours, of_month, months, of_week = fields
    if of_week in ("*", "?"):
        return f"write '{minutes} {hours} {of_month} {months} ? *'"
    days = _days(of_week)
    if days is None:
        return None
    weekly = f"'{minutes} {hours} ? {months} {days} *'"
    if of_month in ("*", "?"):
        return f"write {weekly}"
    monthly = f"'{minutes} {hours} {of_month} {months} ? *'"
    return f"Unix cron takes either kind of day: make two schedules, {monthly} and {weekly}"


def _days(text: str) -> str | None:
    """Days of the week with Unix's numbers (0 and 7 are Sunday), by their names."""
    found: list[int] = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match:
            return None
        first = 0 if match[1] == "*" else _number(match[1])
        last = 6 if match[1] == "*" else _number(match[2] or match[1])
        if first is None or last is None or last < first:
            return None
        found += range(first, last + 1, int(match[3] or 1))
    numbers = sorted({number % 7 for number in found})
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{_DAYS[numbers[0]]}-{_DAYS[numbers[-1]]}"
    return ",".join(_DAYS[number] for number in numbers)


def _number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    return _DAYS.index(text) if text in _DAYS else None
