"""Schedule expressions of functions, as far as the local AWS fires them: `rate(5 minutes)`."""

from __future__ import annotations

import re

from chalicelib.core.errors import UserMistake

_RATE = re.compile(r"rate\(([0-9]{1,9}) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def interval_seconds(expression: str) -> int:
    """The seconds between two firings. Raises UserMistake for what is no rate."""
    found = _RATE.fullmatch(expression)
    if not found or int(found[1]) == 0:
        raise UserMistake(f"the local AWS fires rate(...) schedules only, not '{expression}'")
    return int(found[1]) * _SECONDS[found[2]]
