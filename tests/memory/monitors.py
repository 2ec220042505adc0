"""The part of the store port in memory that is about monitors."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.lease import Lease, NoticeClaim, is_free
from chalicelib.core.monitor.counts import Bucket, Counted, bucket_ms
from chalicelib.core.monitor.pushed import NOT_PUSHED, PushedMonitors
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.monitor.run_times import month_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.ports.store import TOLD_KEPT_DAYS


class MemoryMonitors:
    """The monitors of a stage, kept in this process. Forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._pushed = NOT_PUSHED
        self._told: dict[str, tuple[int, Lease | None]] = {}
        """By a notice's id: until when it is remembered, and the lease on it while it was not told."""
        self._looks: dict[str, MonitorLook] = {}
        self._tellings: dict[tuple[str, NoticeKind], Telling] = {}
        self._jobs_told: set[tuple[str, NoticeKind, str]] = set()
        self._buckets: dict[str, dict[int, Bucket]] = defaultdict(dict)
        self._run_times: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)

    def monitors(self) -> PushedMonitors:
        return copy.deepcopy(self._pushed)

    def put_monitors(self, pushed: PushedMonitors) -> bool:
        if pushed.revision != self._pushed.revision + 1:
            return False
        self._pushed = copy.deepcopy(pushed)
        return True

    def look(self, monitor: str) -> MonitorLook:
        return self._looks.get(monitor, MonitorLook(monitor))

    def put_look(self, look: MonitorLook) -> bool:
        if look.revision != self.look(look.monitor).revision + 1:
            return False
        self._looks[look.monitor] = look
        return True

    def telling(self, monitor: str, kind: NoticeKind) -> Telling | None:
        return self._tellings.get((monitor, kind))

    def put_telling(self, telling: Telling) -> bool:
        before = self._tellings.get((telling.monitor, telling.kind))
        if telling.number != (before.number + 1 if before else 1) or (before and before.is_open):
            return False
        self._tellings[telling.monitor, telling.kind] = telling
        return True

    def lease_telling(self, telling: Telling, lease: Lease, now_ms: int) -> bool:
        found = self._tellings.get((telling.monitor, telling.kind))
        if found is None or found.number != telling.number or not found.is_open:
            return False
        if not is_free(found.lease, lease.owner, now_ms):
            return False
        self._tellings[telling.monitor, telling.kind] = replace(found, lease=lease)
        return True

    def close_telling(self, telling: Telling) -> None:
        found = self._tellings.get((telling.monitor, telling.kind))
        if found is not None and found.number == telling.number:
            closed = replace(found, is_open=False, job_ids=(), lease=None)
            self._tellings[telling.monitor, telling.kind] = closed

    def mark_jobs_told(self, telling: Telling) -> None:
        self._jobs_told |= {(telling.monitor, telling.kind, job_id) for job_id in telling.job_ids}

    def jobs_told(self, monitor: str, kind: NoticeKind, job_ids: Sequence[str]) -> set[str]:
        return {job_id for job_id in job_ids if (monitor, kind, job_id) in self._jobs_told}

    def was_told(self, notice_id: str, now_ms: int) -> bool:
        until_ms, lease = self._told.get(notice_id, (0, None))
        return now_ms < until_ms and lease is None

    def claim_notice(self, notice_id: str, lease: Lease, now_ms: int) -> NoticeClaim:
        until_ms, before = self._told.get(notice_id, (0, None))
        if until_ms > now_ms and before is None:
            return NoticeClaim.TOLD
        if until_ms > now_ms and not is_free(before, lease.owner, now_ms):
            return NoticeClaim.HELD
        self._told[notice_id] = now_ms + TOLD_KEPT_DAYS * 86_400_000, lease
        return NoticeClaim.TAKEN

    def release_notice(self, notice_id: str, owner: str) -> None:
        until_ms, lease = self._told.get(notice_id, (0, None))
        if lease is not None and lease.owner == owner:
            self._told[notice_id] = until_ms, replace(lease, until_ms=0)

    def note_notice_told(self, notice_id: str, now_ms: int) -> None:
        self._told[notice_id] = now_ms + TOLD_KEPT_DAYS * 86_400_000, None

    def count(self, counted: Counted) -> None:
        """Count an ending, in the write that records it."""
        start_ms = bucket_ms(counted.at_ms)
        for under in counted.under:
            found = self._buckets[under].get(start_ms, Bucket(start_ms))
            after = Bucket(start_ms, found.succeeded + counted.succeeded, found.failed + (not counted.succeeded))
            self._buckets[under][start_ms] = after
        if counted.run_time is not None:
            definition, step = counted.run_time
            self._run_times[definition, month_of(counted.at_ms)][step] += 1

    def buckets(self, under: str, from_ms: int, until_ms: int) -> list[Bucket]:
        return [one for at_ms, one in sorted(self._buckets[under].items()) if from_ms <= at_ms < until_ms]

    def run_times(self, definition: str, month: str) -> dict[int, int]:
        return dict(self._run_times[definition, month])
