"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

EPOCH_MS = 1_700_000_000_000
"""Where the clock starts unless told: any fixed moment will do, 0 would hide a missing unit."""


class HandClock:
    """The clock port, set by hand."""

    def __init__(self, now_ms: int = EPOCH_MS) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def wait_until(self, at_ms: int) -> None:
        """Who waits lets time pass."""
        self.advance_to(at_ms)

    def advance(self, *, seconds: float = 0, ms: int = 0) -> None:
        """Let time pass; it never runs backwards."""
        step_ms = round(seconds * 1000) + ms
        if step_ms < 0:
            raise ValueError(f"time cannot go back by {-step_ms} ms")
        self._now_ms += step_ms

    def advance_to(self, at_ms: int) -> None:
        """Let time pass until `at_ms`; nothing happens if it is past."""
        self._now_ms = max(self._now_ms, at_ms)
