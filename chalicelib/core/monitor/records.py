"""What the table remembers of monitors: what was seen at the last look, and what was told.

Owns the shapes. What is due is each rule's.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.lease import Lease
from chalicelib.core.notice.kinds import NoticeKind


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
