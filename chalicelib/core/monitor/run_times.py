"""How long the jobs of a job definition take: counts of run times on a logarithmic scale, and what follows from them.

A count is one addition, whatever was counted before, and the counts of two months add up. What is read off them is
within 5 % of the truth, for the steps of the scale are 10 % apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

SEEN_MINIMUM = 20
"""Of fewer jobs nothing is said: the largest of them would decide."""
P95 = 0.95
_FIRST_MS = 1_000
_STEP = 1.1
_LAST = 160
"""The step of 42 days; what takes longer is counted there."""


def step_of(run_ms: int) -> int:
    """The step of the scale that a run time lies in, from 0 for a second and less."""
    if run_ms <= _FIRST_MS:
        return 0
    return min(math.floor(math.log(run_ms / _FIRST_MS) / math.log(_STEP)) + 1, _LAST)


def time_of_ms(step: int) -> int:
    """The middle of a step: no run time in it is further than 5 % from that."""
    return _FIRST_MS if step == 0 else round(_FIRST_MS * _STEP ** (step - 0.5))


def p95_ms(*counts: Mapping[int, int]) -> int | None:
    """What 19 of 20 of the jobs took at most, from how many took a time of which step. None while too few were seen."""
    together: dict[int, int] = {}
    for one in counts:
        for step, number in one.items():
            together[step] = together.get(step, 0) + number
    seen = sum(together.values())
    if seen < SEEN_MINIMUM:
        return None
    left = math.ceil(seen * P95)
    for step in sorted(together):
        left -= together[step]
        if left <= 0:
            return time_of_ms(step)
    raise AssertionError("the counts of all steps come to what was seen")


def month_of(at_ms: int) -> str:
    """The month that a run time is counted in, by UTC: `2026-11`. This one and the last tell what jobs take now."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m")


def months_before(at_ms: int) -> tuple[str, str]:
    """The month of a moment, and the one before."""
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    return now.strftime("%Y-%m"), f"{year:04d}-{month:02d}"
