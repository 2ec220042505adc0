"""The permits port in memory."""

from __future__ import annotations

from threading import Lock

from chalicelib.ports.services import PERMITS_FORGOTTEN_SECONDS


class MemoryPermits:
    """A line of time. `takes` counts how often it was asked, whether or not it gave."""

    def __init__(self) -> None:
        self.takes = 0
        self._taken_until_us = 0
        self._lock = Lock()

    def take(self, now_us: int, span_us: int, latest_us: int) -> int | None:
        with self._lock:
            self.takes += 1
            begin_us = max(now_us, self._taken_until_us)
            if begin_us > now_us + PERMITS_FORGOTTEN_SECONDS * 1_000_000:
                begin_us = now_us
            if begin_us > latest_us:
                return None
            self._taken_until_us = begin_us + span_us
            return begin_us
