"""Lengths of time as people read them: short in tables, roughly where the unit is all that matters, words in sentences.

Owns these three forms, so that one length of time is told alike wherever it is told.
"""

from __future__ import annotations

_ROUND_FROM_SECONDS = 9.95
_DAYS_FROM_SECONDS = 48 * 3600
_ROUGH_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_SECONDS_UNTIL = 120
"""Below this a sentence counts seconds alone."""
_SECONDS_BESIDE_MINUTES_UNTIL = 600


def short(ms: int | None) -> str:
    """For a table, the two units that matter: 0.8 s, 12 s, 3 min 07 s, 2 h 05 min, 21 d 04 h. Empty of None."""
    if ms is None:
        return ""
    seconds = ms / 1000
    if seconds < _ROUND_FROM_SECONDS:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < _DAYS_FROM_SECONDS:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"


def rough(ms: int) -> str:
    """For an age, in its largest unit: 12 s, 16 min, 5 h, 3 d."""
    seconds = max(0, ms) // 1000
    for length, unit in _ROUGH_UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def in_words(ms: int) -> str:
    """For a sentence, in two units at most: less than a second, 90 seconds, 2 hours, 1 day 6 hours."""
    seconds = ms // 1000
    if seconds < 1:
        return "less than a second"
    if seconds < _SECONDS_UNTIL and seconds != 60:
        return _counted(seconds, "second")
    place = next(place for place, (length, _) in enumerate(_UNITS) if seconds >= length)
    length, unit = _UNITS[place]
    words = _counted(seconds // length, unit)
    if unit != "minute" or seconds < _SECONDS_BESIDE_MINUTES_UNTIL:
        smaller, of = _UNITS[place + 1]
        if rest := seconds % length // smaller:
            words += f" {_counted(rest, of)}"
    return words


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" + ("" if count == 1 else "s")
