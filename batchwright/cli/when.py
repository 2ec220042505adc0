"""A moment as people type it: how long ago (`90m`, `2h`, `3d`), a day, or a time of a day."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import click

from chalicelib.core.errors import UserMistake

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class When(click.ParamType[int]):
    """Milliseconds since the epoch. A time without an offset is in UTC."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if ago := _AGO.fullmatch(text):
            return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"'{text}' is no time; write 2h, 3d, 2026-11-21 or 2026-11-21T09:30", param, ctx)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


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
