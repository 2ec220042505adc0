"""What a warm process remembers of its own submissions: whether it must ask before the next one.

Owns the rule of when to ask. The asking is advance/rate_limiter.py's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

CROWDED_SECONDS = 60
"""How long a process asks for everything after it met a sign that the others submit a lot, too."""
UNASKED_IN_A_SECOND = 10
"""So many submissions within a second go unasked. A process that handles one event after another, each of which makes
one task ready, hardly reaches it; one that does is a fifth of the account's rate by itself."""


@dataclass(slots=True)
class Lately:
    """Outlives the invocation, as the process does; shared by its threads. `submissions` and `refusals`, those
    of them that Batch answered with 429, only ever grow."""

    submissions: int = 0
    refusals: int = 0
    _crowded_until_ms: int = 0
    _unasked_at_ms: deque[int] = field(default_factory=lambda: deque(maxlen=UNASKED_IN_A_SECOND))

    def note_crowd(self, now_ms: int) -> None:
        """Batch throttled us, or permits are short."""
        self._crowded_until_ms = now_ms + CROWDED_SECONDS * 1000

    def note_unasked(self, now_ms: int) -> None:
        """A job was submitted without a permit."""
        self._unasked_at_ms.append(now_ms)

    def must_ask(self, now_ms: int) -> bool:
        """Whether the next submission needs a permit, be it a single one."""
        unasked = self._unasked_at_ms
        busy = len(unasked) == UNASKED_IN_A_SECOND and now_ms - unasked[0] < 1000
        return busy or now_ms < self._crowded_until_ms
