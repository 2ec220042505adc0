"""The part of the store port in memory that is about monitors."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.monitoring import Bucket, Counted, bucket_ms
from chalicelib.core.monitorrecord import NOT_PUSHED, MonitorLook, PushedMonitors, Telling
from chalicelib.core.notices import NoticeKind
from chalicelib.core.runtimes import month_of
from chalicelib.ports.store import TOLD_KEPT_DAYS


class MemoryMonitors:
    """The monitors of a stage, kept in this process. Forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._pushed = NOT_PUSHED
        self._told_until_ms: dict[str, int] = {}
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

    def close_telling(self, telling: Telling) -> None:
        found = self._tellings.get((telling.monitor, telling.kind))
        if found is not None and found.number == telling.number:
            self._tellings[telling.monitor, telling.kind] = replace(found, is_open=False, job_ids=())

    def mark_jobs_told(self, telling: Telling) -> None:
        self._jobs_told |= {(telling.monitor, telling.kind, job_id) for job_id in telling.job_ids}

    def jobs_told(self, monitor: str, kind: NoticeKind, job_ids: Sequence[str]) -> set[str]:
        return {job_id for job_id in job_ids if (monitor, kind, job_id) in self._jobs_told}

    def was_told(self, notice_id: str, now_ms: int) -> bool:
        return now_ms < self._told_until_ms.get(notice_id, 0)

    def note_notice_told(self, notice_id: str, now_ms: int) -> None:
        self._told_until_ms[notice_id] = now_ms + TOLD_KEPT_DAYS * 86_400_000

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
