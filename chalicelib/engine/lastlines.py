"""What failed jobs wrote last, for a notice that names them, read within a bounded time.

Whatever keeps a log from being read, the notice goes out without its lines. Owns how many jobs come with theirs and how
much of a line is told; how long logs are waited for is logpause.py's.
"""

from __future__ import annotations

import logging

from chalicelib.engine.world import World

log = logging.getLogger(__name__)

WITH_LOG_LINES = 3
"""How many of the jobs that a notice names come with what they wrote last."""
LINE_CHARACTERS = 1_000
"""How much of a line a notice carries; what a subscriber has no room for, core/bodies.py takes out."""


class LastLines:
    """Reads for one notice: the last `count` lines of each of the first few jobs that are asked about."""

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._count = count
        self._left = WITH_LOG_LINES
        self._read_ms = 0

    def of(self, stream: str | None) -> tuple[str, ...]:
        """The lines of the next job, whose log stream that is; none if it has none, or if they cannot be read."""
        self._left -= 1
        world = self._world
        if world.logs is None or stream is None or self._count < 1 or self._left < 0:
            return ()
        began_ms = world.clock.now_ms()
        if not world.log_pause.is_over(began_ms):
            log.warning("a notice goes without the lines of %s: logs were slow a moment ago", stream)
            return ()
        try:
            written = world.logs.tail(stream, self._count).lines
        except Exception as failure:
            log.warning("a notice goes without the lines of %s: %s", stream, failure)
            return ()
        finally:
            now_ms = world.clock.now_ms()
            self._read_ms += now_ms - began_ms
            world.log_pause.note(self._read_ms, now_ms)
        return tuple(line.text[:LINE_CHARACTERS] for line in written[-self._count :])
