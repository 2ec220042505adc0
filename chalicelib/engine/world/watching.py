"""Which monitors there are, as a warm process knows them: it reads them anew once a minute.

Owns the remembering, also of the jobs that monitors told of. What the monitors do is watch/monitors.py's and
watch/monitor_looks.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Monitors

REMEMBERED_SECONDS = 60
"""So long after a push the events of jobs may still be held against the monitors of before."""
_TOLD_REMEMBERED = 100_000


@dataclass(slots=True)
class Watching:
    """Outlives the invocation, as the process does; shared by its threads."""

    _monitors: tuple[Monitor, ...] = ()
    _revision: int = -1
    _read_at_ms: int | None = None
    _told: set[tuple[str, NoticeKind, str]] = field(default_factory=set)

    def monitors(self, store: Monitors, clock: Clock, seconds: int = REMEMBERED_SECONDS) -> tuple[Monitor, ...]:
        """The monitors as they were within the last so many seconds."""
        now_ms = clock.now_ms()
        if self._read_at_ms is None or not 0 <= now_ms - self._read_at_ms < seconds * 1000:
            pushed = store.monitors()
            if pushed.revision != self._revision:
                self._monitors, self._revision = pushed.monitors, pushed.revision
            self._read_at_ms = now_ms
        return self._monitors

    def note_told(self, monitor: str, kind: NoticeKind, job_ids: Iterable[str]) -> None:
        """Remember of jobs that the table says that they were told of."""
        if len(self._told) >= _TOLD_REMEMBERED:
            self._told.clear()
        self._told.update((monitor, kind, job_id) for job_id in job_ids)

    def was_told(self, monitor: str, kind: NoticeKind, job_id: str) -> bool:
        """Whether that is remembered of a job. If not, the table knows."""
        return (monitor, kind, job_id) in self._told
