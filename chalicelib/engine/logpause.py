"""What a warm process remembers of logs that were slow: that nobody is to wait for them again for a while.

Owns the rule of when to wait. The reading is lastlines.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

SLOW_SECONDS = 2
"""Once reading for a notice has taken so long, no other stream is begun for it: with the time-outs of the client that
reads them, five seconds at most for one, its lines cost a notice no more than seven."""
PAUSE_SECONDS = 60
"""As long as a function has: of all notices that an invocation tells, one waits for slow logs, or two."""


@dataclass(slots=True)
class LogPause:
    """Outlives the invocation, as the process does; shared by its threads."""

    _until_ms: int = 0

    def is_over(self, now_ms: int) -> bool:
        """Whether logs may be read."""
        return now_ms >= self._until_ms

    def note(self, read_ms: int, now_ms: int) -> None:
        """The lines of one notice have been read for so long."""
        if read_ms >= SLOW_SECONDS * 1000:
            self._until_ms = now_ms + PAUSE_SECONDS * 1000
