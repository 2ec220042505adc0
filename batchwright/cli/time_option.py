"""A moment as people type it: how long ago (`90m`, `2h`, `3d`), a day, or a time of a day."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from chalicelib.core.errors import UserMistake
from chalicelib.core.schedule.model import YEARS, first_moment_ms, moment_ms, zone

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_DAY = re.compile(r"[0-9-]{8,10}")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was typed: `at_ms`, or a `local` time whose time zone is looked up later. `is_day`: only a day was
    typed."""

    at_ms: int | None = None
    local: datetime | None = None
    is_day: bool = False

    def first_ms(self, where: ZoneInfo) -> int:
        """The moment in milliseconds. A day stands for its first moment in the time zone."""
        if self.local is None:
            assert self.at_ms is not None, "one of the two is given"
            return self.at_ms
        return first_moment_ms(self.local, where) if self.is_day else moment_ms(self.local, where)

    def last_ms(self, where: ZoneInfo) -> int:
        """The moment in milliseconds. A day stands for its last moment in the time zone."""
        if self.local is None or not self.is_day:
            return self.first_ms(where)
        return first_moment_ms(self.local + timedelta(days=1), where) - 1


class Typed(click.ParamType[Moment]):
    """A moment that is local to a time zone, unless it has an offset or is how long ago."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        text = str(value).strip()
        if ago := _AGO.fullmatch(text):
            return Moment(int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"'{text}' is no time; write 2h, 3d, 2026-11-21 or 2026-11-21T09:30", param, ctx)
        if at.tzinfo:
            return Moment(int(at.timestamp() * 1000))
        if at.year not in YEARS:
            self.fail(f"'{text}' must lie in the years {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return Moment(local=at, is_day=_DAY.fullmatch(text) is not None)


class When(click.ParamType[int]):
    """Milliseconds since the epoch. A time without an offset is in UTC."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return value if isinstance(value, int) else TYPED.convert(value, param, ctx).first_ms(zone("UTC"))


TYPED = Typed()
WHEN = When()


def check_span(since_ms: int | None, until_ms: int | None) -> None:
    """Raises UserMistake for a span of time that holds nothing."""
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise UserMistake(
            f"--since is {_shown(since_ms)} and --until {_shown(until_ms)}, so nothing lies between; --since must be "
            "the earlier one (2h is longer ago than 1h)"
        )


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
