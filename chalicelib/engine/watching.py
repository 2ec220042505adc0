"""Which monitors there are, as a warm process knows them: it reads them anew once a minute.

Owns the remembering. What the monitors do is monitors.py's and monitor_looks.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.monitoring import Monitor
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Monitors

REMEMBERED_SECONDS = 60
"""So long after a push the events of jobs may still be held against the monitors of before."""


@dataclass(slots=True)
class Watching:
    """Outlives the invocation, as the process does; shared by its threads."""

    _monitors: tuple[Monitor, ...] = ()
    _revision: int = -1
    _read_at_ms: int | None = None

    def monitors(self, store: Monitors, clock: Clock, seconds: int = REMEMBERED_SECONDS) -> tuple[Monitor, ...]:
        """The monitors as they were within the last so many seconds."""
        now_ms = clock.now_ms()
        if self._read_at_ms is None or not 0 <= now_ms - self._read_at_ms < seconds * 1000:
            pushed = store.monitors()
            if pushed.revision != self._revision:
                self._monitors, self._revision = pushed.monitors, pushed.revision
            self._read_at_ms = now_ms
        return self._monitors
