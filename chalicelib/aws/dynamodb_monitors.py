"""Monitors in the table: their definition, what the sweep saw of each, what was told, and the counts of endings and
run times. docs/table.md describes the items.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.aws.dynamodb_table import Addition, Item, Key, Table
from chalicelib.core.monitoring import Bucket, Counted, bucket_ms
from chalicelib.core.monitorrecord import NOT_PUSHED, MonitorLook, PushedMonitors, Telling
from chalicelib.core.notices import NoticeKind
from chalicelib.core.runtimes import month_of
from chalicelib.ports.store import BUCKETS_KEPT_DAYS, RUN_TIMES_KEPT_DAYS, TELLINGS_KEPT_DAYS, TOLD_KEPT_DAYS

MONITORS_KEY: Key = ("MONITORS", "LATEST")
_DAY_SECONDS = 86_400
_TOLD = "TOLD#"
_ENDED = "ENDED#"
_STEP = "step_"


def _look_key(monitor: str) -> Key:
    return f"MONITOR#{monitor}", "LOOK"


def _telling_key(monitor: str, kind: NoticeKind, number: int) -> Key:
    return f"MONITOR#{monitor}", f"{_TOLD}{kind}#{number:06d}"


def _told_key(notice_id: str) -> Key:
    return f"NOTICE#{notice_id}", "TOLD"


def _bucket_key(under: str, start_ms: int) -> Key:
    return f"MONITOR#{under}", f"{_ENDED}{start_ms:015d}"


def _run_times_key(definition: str, month: str) -> Key:
    return f"RUNTIMES#{definition}", month


class DynamoMonitors:
    """The part of the store port that is about monitors."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def monitors(self) -> PushedMonitors:
        item = self._table.get(MONITORS_KEY)
        if item is None:
            return NOT_PUSHED
        definition = item.get("definition")
        return PushedMonitors(
            revision=item["revision"],
            definition=None if definition is None else json.loads(definition),
            pushed_at_ms=item["pushed_at_ms"],
            since_ms=item.get("since_ms", {}),
        )

    def put_monitors(self, pushed: PushedMonitors) -> bool:
        attributes = {
            "revision": pushed.revision,
            # As text, for DynamoDB's numbers are not JSON's.
            "definition": None if pushed.definition is None else json.dumps(pushed.definition, separators=(",", ":")),
            "pushed_at_ms": pushed.pushed_at_ms,
            "since_ms": dict(pushed.since_ms),
        }
        return self._put_next(MONITORS_KEY, attributes)

    def look(self, monitor: str) -> MonitorLook:
        item = self._table.get(_look_key(monitor))
        if item is None:
            return MonitorLook(monitor)
        return MonitorLook(
            monitor,
            item["revision"],
            item.get("above_from_ms"),
            item.get("above_is_told", False),
            item["deadline_ms"],
            item.get("since_ms", 0),
        )

    def put_look(self, look: MonitorLook) -> bool:
        attributes = {
            "revision": look.revision,
            "above_from_ms": look.above_from_ms,
            "above_is_told": look.above_is_told or None,
            "deadline_ms": look.deadline_ms,
            "since_ms": look.since_ms,
        }
        return self._put_next(_look_key(look.monitor), attributes)

    def tellings(self, monitor: str, kind: NoticeKind) -> list[Telling]:
        partition, prefix = f"MONITOR#{monitor}", f"{_TOLD}{kind}#"
        return [_telling_of(monitor, kind, item) for item in self._table.query(partition, prefix)]

    def put_telling(self, telling: Telling) -> bool:
        attributes = {
            "job_ids": list(telling.job_ids),
            "at_ms": telling.at_ms,
            "is_open": telling.is_open or None,
            "expires_at": _expires(telling.at_ms, TELLINGS_KEPT_DAYS),
        }
        key = _telling_key(telling.monitor, telling.kind, telling.number)
        return self._table.put_if(key, attributes, "attribute_not_exists(#pk)").landed

    def close_telling(self, telling: Telling) -> None:
        key = _telling_key(telling.monitor, telling.kind, telling.number)
        self._table.add_if(key, "REMOVE #is_open", "attribute_exists(#pk)", {})

    def was_told(self, notice_id: str, now_ms: int) -> bool:
        item = self._table.get(_told_key(notice_id))
        return item is not None and item["expires_at"] > now_ms // 1000

    def note_notice_told(self, notice_id: str, now_ms: int) -> None:
        self._table.put(_told_key(notice_id), {"expires_at": _expires(now_ms, TOLD_KEPT_DAYS)})

    def buckets(self, under: str, from_ms: int, until_ms: int) -> list[Bucket]:
        partition, first = _bucket_key(under, from_ms)
        _, behind = _bucket_key(under, until_ms)
        return [
            Bucket(int(item["sk"].removeprefix(_ENDED)), item.get("succeeded", 0), item.get("failed", 0))
            for item in self._table.query_between(partition, first, behind)
            if item["sk"] != behind
        ]

    def run_times(self, definition: str, month: str) -> dict[int, int]:
        item = self._table.get(_run_times_key(definition, month)) or {}
        return {int(name.removeprefix(_STEP)): count for name, count in item.items() if name.startswith(_STEP)}

    def _put_next(self, key: Key, attributes: Mapping[str, Any]) -> bool:
        """Put an item in place of its revision before."""
        condition, values = "attribute_not_exists(#pk)", None
        if attributes["revision"] > 1:
            condition, values = "#revision = :before", {"before": attributes["revision"] - 1}
        return self._table.put_if(key, attributes, condition, values).landed


def additions_of(counted: Counted) -> list[Addition]:
    """What counts an ending, as part of the write that records it."""
    start_ms = bucket_ms(counted.at_ms)
    how = "succeeded" if counted.succeeded else "failed"
    expires_at = _expires(start_ms, BUCKETS_KEPT_DAYS)
    additions = [_one_more(_bucket_key(under, start_ms), how, expires_at) for under in counted.under]
    if counted.run_time is not None:
        definition, step = counted.run_time
        key = _run_times_key(definition, month_of(counted.at_ms))
        additions.append(_one_more(key, f"{_STEP}{step}", _expires(counted.at_ms, RUN_TIMES_KEPT_DAYS)))
    return additions


def _one_more(key: Key, name: str, expires_at: int) -> Addition:
    update = f"SET #expires_at = :expires_at ADD #{name} :one"
    return Addition(key, update, {"one": 1, "expires_at": expires_at})


def _expires(at_ms: int, kept_days: int) -> int:
    """The TTL attribute, in seconds, of what is kept for so long."""
    return at_ms // 1000 + kept_days * _DAY_SECONDS


def _telling_of(monitor: str, kind: NoticeKind, item: Item) -> Telling:
    return Telling(
        monitor,
        kind,
        int(item["sk"].rpartition("#")[2]),
        tuple(item["job_ids"]),
        item["at_ms"],
        item.get("is_open", False),
    )
