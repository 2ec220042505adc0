"""The part of the store port in memory that is about monitors."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
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
        self._tellings: dict[tuple[str, NoticeKind, int], Telling] = {}
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

    def tellings(self, monitor: str, kind: NoticeKind) -> list[Telling]:
        return [one for key, one in sorted(self._tellings.items()) if key[:2] == (monitor, kind)]

    def put_telling(self, telling: Telling) -> bool:
        key = (telling.monitor, telling.kind, telling.number)
        return self._tellings.setdefault(key, telling) is telling

    def close_telling(self, telling: Telling) -> None:
        key = (telling.monitor, telling.kind, telling.number)
        if key in self._tellings:
            self._tellings[key] = replace(self._tellings[key], is_open=False)

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
