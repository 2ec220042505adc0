"""Monitors in the table: their definition, what the sweep saw of each, what was told, and the counts of endings and
run times. docs/reference/table.md describes the items.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.table.calls import Addition, Key, Table
from chalicelib.aws.table.items import END_LEASE, LEASE_IS_FREE, TAKE_LEASE, lease_attributes, lease_of
from chalicelib.core.lease import Lease, NoticeClaim
from chalicelib.core.monitor.counts import Bucket, Counted, bucket_ms
from chalicelib.core.monitor.pushed import NOT_PUSHED, PushedMonitors
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.monitor.run_times import month_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.ports.store import BUCKETS_KEPT_DAYS, RUN_TIMES_KEPT_DAYS, TELLINGS_KEPT_DAYS, TOLD_KEPT_DAYS

MONITORS_KEY: Key = ("MONITORS", "LATEST")
_DAY_SECONDS = 86_400
_TOLD = "TOLD#"
_ENDED = "ENDED#"
_STEP = "step_"
NOTICE_PREFIX = "NOTICE#"
"""What the partitions of notices begin with that are told once, or posted to a chat."""


def _look_key(monitor: str) -> Key:
    return f"MONITOR#{monitor}", "LOOK"


def _telling_key(monitor: str, kind: NoticeKind) -> Key:
    return f"MONITOR#{monitor}", f"{_TOLD}{kind}"


def _told_job_key(monitor: str, kind: NoticeKind, job_id: str) -> Key:
    # With the job, and not with the monitor: thousands are put at once, and would be too many for one partition.
    return f"JOB#{job_id}", f"{_TOLD}{monitor}#{kind}"


def _told_key(notice_id: str) -> Key:
    return f"{NOTICE_PREFIX}{notice_id}", "TOLD"


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
            failed_since_ms=item.get("failed_since_ms", {}),
        )

    def put_monitors(self, pushed: PushedMonitors) -> bool:
        attributes = {
            "revision": pushed.revision,
            # As text, for DynamoDB's numbers are not JSON's.
            "definition": None if pushed.definition is None else json.dumps(pushed.definition, separators=(",", ":")),
            "pushed_at_ms": pushed.pushed_at_ms,
            "since_ms": dict(pushed.since_ms),
            "failed_since_ms": dict(pushed.failed_since_ms),
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
            lease_of(item),
            item.get("awaited_since_ms", 0),
        )

    def put_look(self, look: MonitorLook) -> bool:
        attributes = {
            "revision": look.revision,
            "above_from_ms": look.above_from_ms,
            "above_is_told": look.above_is_told or None,
            "deadline_ms": look.deadline_ms,
            "since_ms": look.since_ms,
            "awaited_since_ms": look.awaited_since_ms or None,
            **lease_attributes(look.lease),
        }
        return self._put_next(_look_key(look.monitor), attributes)

    def telling(self, monitor: str, kind: NoticeKind) -> Telling | None:
        item = self._table.get(_telling_key(monitor, kind))
        if item is None:
            return None
        jobs = tuple(item.get("job_ids", ()))
        return Telling(monitor, kind, item["number"], jobs, item["at_ms"], item.get("is_open", False), lease_of(item))

    def put_telling(self, telling: Telling) -> bool:
        attributes = {
            "number": telling.number,
            "job_ids": list(telling.job_ids),
            "at_ms": telling.at_ms,
            "is_open": telling.is_open or None,
            **lease_attributes(telling.lease),
        }
        condition, values = "attribute_not_exists(#pk)", None
        if telling.number > 1:
            condition, values = "#number = :before AND attribute_not_exists(#is_open)", {"before": telling.number - 1}
        return self._table.put_if(_telling_key(telling.monitor, telling.kind), attributes, condition, values).landed

    def lease_telling(self, telling: Telling, lease: Lease, now_ms: int) -> bool:
        key = _telling_key(telling.monitor, telling.kind)
        values = {"number": telling.number, "now": now_ms, **lease_attributes(lease)}
        condition = f"#number = :number AND attribute_exists(#is_open) AND {LEASE_IS_FREE}"
        return self._table.update_if(key, f"SET {TAKE_LEASE}", condition, values).landed

    def close_telling(self, telling: Telling) -> None:
        key = _telling_key(telling.monitor, telling.kind)
        values = {"number": telling.number}
        self._table.add_if(key, f"REMOVE #is_open, #job_ids, {END_LEASE}", "#number = :number", values)

    def mark_jobs_told(self, telling: Telling) -> None:
        keys = [_told_job_key(telling.monitor, telling.kind, job_id) for job_id in telling.job_ids]
        self._table.put_many(keys, {"expires_at": _expires(telling.at_ms, TELLINGS_KEPT_DAYS)})

    def jobs_told(self, monitor: str, kind: NoticeKind, job_ids: Sequence[str]) -> set[str]:
        jobs = {_told_job_key(monitor, kind, job_id): job_id for job_id in job_ids}
        found = self._table.get_many(list(jobs), consistent=True)
        return {jobs[item["pk"], item["sk"]] for item in found}

    def was_told(self, notice_id: str, now_ms: int) -> bool:
        item = self._table.get(_told_key(notice_id))
        return item is not None and item["expires_at"] > now_ms // 1000 and "lease_owner" not in item

    def claim_notice(self, notice_id: str, lease: Lease, now_ms: int) -> NoticeClaim:
        attributes = {"expires_at": _expires(now_ms, TOLD_KEPT_DAYS), **lease_attributes(lease)}
        # Without a lease it was told, and is so until it expires.
        free = "attribute_not_exists(#pk) OR #expires_at <= :now_seconds"
        mine = "attribute_exists(#lease_owner) AND (#lease_owner = :lease_owner OR #lease_until_ms <= :now)"
        values = {"now_seconds": now_ms // 1000, "now": now_ms, "lease_owner": lease.owner}
        outcome = self._table.put_if(_told_key(notice_id), attributes, f"{free} OR {mine}", values)
        if outcome.landed:
            return NoticeClaim.TAKEN
        return NoticeClaim.HELD if outcome.item and "lease_owner" in outcome.item else NoticeClaim.TOLD

    def release_notice(self, notice_id: str, owner: str) -> None:
        values = {"owner": owner, "over": 0}
        self._table.add_if(_told_key(notice_id), "SET #lease_until_ms = :over", "#lease_owner = :owner", values)

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
