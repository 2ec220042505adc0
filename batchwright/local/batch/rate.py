"""The rate of SubmitJob above which this server throttles.

Owns the token bucket, which is how AWS throttles its APIs: it holds as many calls as a second allows, and fills all the
time. AWS does not tell how much Batch's bucket holds.

A window ("so many calls within the last second") would be stricter, but gives everything back at one moment, a second
after a burst. A client that waits at random after a 429, as all SDKs do, comes some time after that moment, and what it
could have sent meanwhile is lost: such a client got half of the rate or less.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from batchwright.local.batch.errors import TooManyRequests


class RateLimit:
    """At most `per_second` calls a second in the long run, and as many at once after a pause; None allows all."""

    def __init__(self, per_second: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._tokens = float(per_second or 0)
        self._filled_at = clock()

    def check(self) -> None:
        """Raises TooManyRequests above the rate; a refused call does not count."""
        if self._per_second is None:
            return
        now = self._clock()
        gained = (now - self._filled_at) * self._per_second
        self._tokens = min(float(self._per_second), self._tokens + gained)
        self._filled_at = now
        if self._tokens < 1.0:
            raise TooManyRequests("Too Many Requests")
        self._tokens -= 1.0
