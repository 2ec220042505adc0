"""What the table remembers of monitors: their definition, what was seen at the last look, and what was told.

Owns the shapes. What a monitor is, and what is due, is `rules.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.lease import Lease
from chalicelib.core.monitor.rules import Monitor, monitors_of, watched_alike
from chalicelib.core.notice.kinds import NoticeKind


@dataclass(frozen=True, slots=True)
class PushedMonitors:
    """The monitors of a stage as they were pushed; no `definition` once they were deleted. `revision` counts the
    pushes and deletions. By name: `since_ms`, since when each watches these jobs for what ran by a time of day, and
    `failed_since_ms`, since when for these failures."""

    revision: int
    definition: Mapping[str, Any] | None
    pushed_at_ms: int
    since_ms: Mapping[str, int] = field(default_factory=dict)
    failed_since_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        if self.definition is None:
            return ()
        return monitors_of(self.definition, self.since_ms, self.failed_since_ms)


NOT_PUSHED = PushedMonitors(0, None, 0)
"""What is there before the first push."""


def pushed_after(before: PushedMonitors, definition: Mapping[str, Any] | None, now_ms: int) -> PushedMonitors:
    """What a push of the definition (valid; None for a deletion) makes of what was there. A monitor that watches as it
    did goes on; any other begins now."""
    earlier = {} if before.definition is None else before.definition["monitors"]
    later = {} if definition is None else definition["monitors"]

    def since_ms(known_ms: Mapping[str, int], rule: str) -> dict[str, int]:
        return {
            name: known_ms[name]
            if name in earlier and name in known_ms and watched_alike(earlier[name], given, rule)
            else now_ms
            for name, given in later.items()
        }

    return PushedMonitors(
        before.revision + 1,
        definition,
        now_ms,
        since_ms(before.since_ms, "nothing_ran"),
        since_ms(before.failed_since_ms, "failed"),
    )


@dataclass(frozen=True, slots=True)
class MonitorLook:
    """What the sweep knows of a monitor from its looks before. `revision` counts the writes.

    `above_from_ms`: when the failure rate was found too high; None while it is not. `above_is_told`: whether that was
    told. `deadline_ms`: the last deadline that was attended to. `since_ms`: since when the monitor watched, at that
    look, as it did then. `lease` is the right to publish what a look has found. `awaited_since_ms`: when a look first
    found a deadline past and events in the queue that it waits for. It is about the last deadline before it.
    """

    monitor: str
    revision: int = 0
    above_from_ms: int | None = None
    above_is_told: bool = False
    deadline_ms: int = 0
    since_ms: int = 0
    lease: Lease | None = None
    awaited_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """Jobs that one notice tells of. It is written before the notice goes out, and closed afterwards, so that whoever
    finds it open tells the same again; of one that is closed the jobs are forgotten. `kind` is JOB_RUNNING or
    JOB_WAITING; `number` counts the tellings of that kind of a monitor; the jobs are the longest known first. `lease`
    is the right to publish it."""

    monitor: str
    kind: NoticeKind
    number: int
    job_ids: tuple[str, ...]
    at_ms: int
    is_open: bool = True
    lease: Lease | None = None

    @property
    def notice_id(self) -> str:
        """A job is told of once, so the first one names the telling."""
        return f"monitor/{self.monitor}/{self.kind}/{self.job_ids[0]}"
