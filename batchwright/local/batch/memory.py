"""Watches how much memory the running jobs use, and reports those above their limit.

Owns: the sampling, about five times a second and only while something runs, and the sum over a job's processes.
Does not own the kill. The sum is of resident sizes, so pages that forked processes share are counted for each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import psutil

SAMPLE_SECONDS = 0.2
MIB = 1024 * 1024


class MemoryWatch:
    """Process ids of session leaders with their limits; `on_excess(pid)` is called once for each that exceeds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_excess: Callable[[int], None]) -> None:
        self._loop = loop
        self._on_excess = on_excess
        self._limits: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, pid: int, limit_mib: int) -> None:
        self._limits[pid] = limit_mib * MIB
        if self._timer is None:
            self._timer = self._loop.call_later(SAMPLE_SECONDS, self._sample)

    def remove(self, pid: int) -> None:
        self._limits.pop(pid, None)
        if not self._limits and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sample(self) -> None:
        self._timer = self._loop.call_later(SAMPLE_SECONDS, self._sample)
        used = used_bytes_by_session(set(self._limits))
        for pid, amount in used.items():
            if amount > self._limits[pid]:
                del self._limits[pid]
                self._on_excess(pid)
        if not self._limits:
            self._timer.cancel()
            self._timer = None


def used_bytes_by_session(leaders: set[int]) -> dict[int, int]:
    """Resident bytes of every session in `leaders`, in one pass over the machine's process ids."""
    used = dict.fromkeys(leaders, 0)
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in used:
                used[session] += int(psutil.Process(pid).memory_info().rss)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # it ended in between, or is not ours
    return used
