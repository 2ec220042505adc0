"""Digests in the table: a scope's window, and the members that nothing else in the table holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from chalicelib.aws.dynamodb_items import MEMBER_PREFIX, digest_partition, window_key
from chalicelib.aws.dynamodb_table import Item, Key, Table
from chalicelib.core.digests import KEPT_SECONDS, Window
from chalicelib.core.failure import FailureClass
from chalicelib.core.notices import ToldJob

_NOT_PLAIN = ("failure", "log_lines", "child")
_PLAIN = tuple(field.name for field in fields(ToldJob) if field.name not in _NOT_PLAIN)


class DynamoDigests:
    """The part of the store port that is about digests."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def window(self, scope: str) -> Window | None:
        item = self._table.get(window_key(scope))
        return None if item is None else _window_of(item)

    def unsettled_window(self, scope: str) -> Window | None:
        item = self._table.get(window_key(scope))
        return None if item is None or item.get("is_settled") else _window_of(item)

    def settle_window(self, scope: str, number: int) -> None:
        values = {"settled": True, "number": number, "closed": False}
        condition = "#number = :number AND #is_open = :closed"
        self._table.update_if(window_key(scope), "SET #is_settled = :settled", condition, values)

    def open_window(self, scope: str, number: int, opener: str, closes_ms: int, step: int = 1) -> bool:
        update = (
            "SET #number = :number, #is_open = :open, #closes_ms = :closes_ms, #opener = :opener, "
            "#step = :step, #expires_at = :end REMOVE #is_settled"
        )
        values = {
            "number": number,
            "open": True,
            "closes_ms": closes_ms,
            "opener": opener,
            "step": step,
            "end": _expiry(closes_ms),
        }
        condition = "attribute_not_exists(#pk)"
        if number > 1:
            condition = "#number = :before AND #is_open = :closed"
            values |= {"before": number - 1, "closed": False}
        return self._table.update_if(window_key(scope), update, condition, values).landed

    def close_window(self, scope: str, number: int) -> bool:
        values = {"number": number, "closed": False}
        return self._table.update_if(window_key(scope), "SET #is_open = :closed", "#number = :number", values).landed

    def note_told(self, scope: str, count: int) -> None:
        condition = "attribute_exists(#pk) AND (attribute_not_exists(#told_count) OR #told_count < :count)"
        self._table.update_if(window_key(scope), "SET #told_count = :count", condition, {"count": count})

    def add_member(self, scope: str, member: str, at_ms: int, job: ToldJob) -> None:
        attributes = {
            "at_ms": at_ms,
            "expires_at": _expiry(at_ms),
            "failure": job.failure and job.failure.value,
            **{name: getattr(job, name) for name in _PLAIN},
        }
        self._table.put_if(_member_key(scope, member), attributes, "attribute_not_exists(#pk)")

    def members(self, scope: str) -> list[str]:
        found = self._table.query(digest_partition(scope), MEMBER_PREFIX, only=("sk", "at_ms"))
        by_time = sorted((item["at_ms"], item["sk"].removeprefix(MEMBER_PREFIX)) for item in found)
        return [member for _, member in by_time]

    def told_members(self, scope: str, members: Sequence[str]) -> list[ToldJob]:
        found = (self._table.get(_member_key(scope, member)) for member in members)
        return [_told_job(item) for item in found if item is not None]


def _member_key(scope: str, member: str) -> Key:
    return digest_partition(scope), f"{MEMBER_PREFIX}{member}"


def _told_job(item: Item) -> ToldJob:
    failure = item.get("failure")
    plain: dict[str, Any] = {name: item.get(name) for name in _PLAIN}
    return ToldJob(failure=None if failure is None else FailureClass(failure), **plain)


def _window_of(item: Item) -> Window:
    return Window(
        item["number"],
        item["is_open"],
        item["closes_ms"],
        item["opener"],
        item.get("told_count", 0),
        item.get("step") or item["number"],
    )


def _expiry(at_ms: int) -> int:
    return at_ms // 1000 + KEPT_SECONDS
