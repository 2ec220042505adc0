"""What a warm process remembers of logs, or of Batch, that were slow to say what a notice tells of a failure: that no
notice is to wait for them again for a while.

Owns the rule of when to wait. The reading is publishing/log_tail.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

SLOW_SECONDS = 2
"""Once reading for a notice has taken so long, no other question is begun for it: with the time-outs of the clients
that ask, five seconds at most a call, one stream costs a notice no more than seven, and the children of an array, which
take two calls, no more than twelve."""
PAUSE_SECONDS = 60
"""As long as a function has: of all notices that an invocation tells, one waits for slow answers, or two."""


@dataclass(slots=True)
class LogPause:
    """Outlives the invocation, as the process does; shared by its threads."""

    _until_ms: int = 0

    def is_over(self, now_ms: int) -> bool:
        """Whether anything may be asked."""
        return now_ms >= self._until_ms

    def note(self, read_ms: int, now_ms: int) -> None:
        """What one notice tells has been asked for so long."""
        if read_ms >= SLOW_SECONDS * 1000:
            self._until_ms = now_ms + PAUSE_SECONDS * 1000
