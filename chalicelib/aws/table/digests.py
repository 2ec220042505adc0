"""Digests in the table: a scope's window, and the members that nothing else in the table holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from chalicelib.aws.table.calls import Item, Key, Table
from chalicelib.aws.table.items import (
    END_LEASE,
    LEASE_IS_FREE,
    MEMBER_PREFIX,
    TAKE_LEASE,
    digest_partition,
    lease_attributes,
    lease_of,
    window_key,
)
from chalicelib.core.failure import FailureClass
from chalicelib.core.lease import Lease
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.window import KEPT_SECONDS, Window

_NOT_PLAIN = ("failure", "log_lines", "child")
_PLAIN = tuple(field.name for field in fields(ToldJob) if field.name not in _NOT_PLAIN)


class DynamoDigests:
    """The part of the store port that is about digests."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def window(self, scope: str) -> Window | None:
        item = self._table.get(window_key(scope))
        return None if item is None else _window_of(item)

    def open_window(self, scope: str, number: int, opener: str, closes_ms: int, step: int = 1) -> bool:
        # `is_settled` is what the release before wrote.
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

    def close_window(self, scope: str, number: int, lease: Lease, now_ms: int) -> Window | None:
        values = {"number": number, "closed": False, **lease_attributes(lease), "now": now_ms}
        condition = f"#number = :number AND {LEASE_IS_FREE}"
        outcome = self._table.update_if(window_key(scope), f"SET #is_open = :closed, {TAKE_LEASE}", condition, values)
        return _window_of(outcome.item) if outcome.landed and outcome.item else None

    def settle_window(self, scope: str, number: int, told_count: int, owner: str) -> bool:
        # The number, and not a mark: the next window may be open already.
        update = f"SET #told_count = :told_count, #settled_number = :number REMOVE {END_LEASE}"
        values = {"told_count": told_count, "number": number, "owner": owner}
        return self._table.update_if(window_key(scope), update, "#lease_owner = :owner", values).landed

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
        # The release before marked a window that was settled.
        item.get("is_settled", False) or item.get("settled_number") == item["number"],
        lease_of(item),
    )


def _expiry(at_ms: int) -> int:
    return at_ms // 1000 + KEPT_SECONDS
