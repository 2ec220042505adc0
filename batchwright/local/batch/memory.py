"""Watches how much memory the running jobs use, and reports those above their limit.

Owns: the sampling, about five times a second and only while something runs, and the sum over a job's processes.
Does not own the kill, nor which processes are a job's (families.py).

A cgroup counts a page once, however many processes share it. The sum of resident sizes counts it for each. So that sum
only says who is certainly below the limit; the others are measured by their proportional sizes, which takes longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from batchwright.local.batch.families import Families
from batchwright.local.batch.machine import Seen, proportional_bytes

SAMPLE_SECONDS = 0.2
SHARE = 20
"""A look takes at most the twentieth part of the time, on a machine with very many processes, too."""
MIB = 1024 * 1024


class MemoryWatch:
    """Attempts with their limits; `on_excess(attempt)` is called once for each that exceeds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, families: Families, on_excess: Callable[[str], None]) -> None:
        self._loop = loop
        self._families = families
        self._on_excess = on_excess
        self._limits: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: str, limit_mib: int) -> None:
        self._limits[attempt] = limit_mib * MIB
        if self._timer is None:
            self._timer = self._loop.call_later(SAMPLE_SECONDS, self._sample)

    def remove(self, attempt: str) -> None:
        self._limits.pop(attempt, None)

    def _sample(self) -> None:
        begun = time.perf_counter()
        look = self._families.look()
        for attempt, members in look.members.items():
            limit = self._limits.get(attempt)
            if limit is not None and exceeds(members, limit):
                del self._limits[attempt]
                self._on_excess(attempt)
        strays = self._families.end_strays(look)
        self._timer = None
        if self._limits or look.members or strays:
            pause_seconds = max(SAMPLE_SECONDS, SHARE * (time.perf_counter() - begun))
            self._timer = self._loop.call_later(pause_seconds, self._sample)


def exceeds(members: Iterable[Seen], limit_bytes: int) -> bool:
    """True if the processes use more than the limit together, with shared pages counted once."""
    if sum(one.resident_bytes for one in members) <= limit_bytes:
        return False
    return sum(proportional_bytes(one) for one in members) > limit_bytes
