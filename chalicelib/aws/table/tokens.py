"""The tokens of the HTTP API, one item each, all under one partition key.

One key, so that they can be listed without an index; it takes 3,000 reads a second, more than the API is let through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.table.calls import Item, Key, Table
from chalicelib.core.errors import Defect
from chalicelib.core.tokens import USE_NOTED_EVERY_MS, TokenRecord, TokenScope

PARTITION = "TOKENS"
PREFIX = "TOKEN#"


class DynamoTokens:
    """The tokens of that table."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = Table(client, table_name)

    def add(self, record: TokenRecord) -> None:
        outcome = self._table.put_if(token_key(record.token_id), _attributes(record), "attribute_not_exists(#pk)")
        if not outcome.landed:
            raise Defect(f"a token of the id {record.token_id} is there already")

    def token(self, token_id: str) -> TokenRecord | None:
        item = self._table.get(token_key(token_id))
        return _record_of(item) if item else None

    def tokens(self) -> list[TokenRecord]:
        return [_record_of(item) for item in self._table.query(PARTITION, PREFIX)]

    def revoke(self, token_id: str, now_ms: int) -> TokenRecord | None:
        found = self.token(token_id)
        if found is None or found.revoked_at_ms is not None:
            return found
        # Two that revoke at once write the same but for a moment, and the earlier one stands.
        values = {"now_ms": now_ms, "expires_at": _expires_at(found.revoked(now_ms))}
        update = "SET #revoked_at_ms = :now_ms, #expires_at = :expires_at"
        condition = "attribute_exists(#pk) AND attribute_not_exists(#revoked_at_ms)"
        outcome = self._table.update_if(token_key(token_id), update, condition, values)
        return _record_of(outcome.item) if outcome.item else None

    def note_use(self, token_id: str, now_ms: int) -> None:
        values = {"now_ms": now_ms, "noted_ms": now_ms - USE_NOTED_EVERY_MS}
        stale = "(attribute_not_exists(#last_used_at_ms) OR #last_used_at_ms <= :noted_ms)"
        update, condition = "SET #last_used_at_ms = :now_ms", f"attribute_exists(#pk) AND {stale}"
        self._table.note_if(token_key(token_id), update, condition, values)


def token_key(token_id: str) -> Key:
    return PARTITION, f"{PREFIX}{token_id}"


def _attributes(record: TokenRecord) -> Item:
    return {
        "name": record.name,
        "scope": record.scope,
        "digest": record.digest,
        # Not `workflow` and `created_at_ms`: what has both is in the index of runs.
        "made_at_ms": record.created_at_ms,
        "only_workflow": record.workflow,
        "expires_at_ms": record.expires_at_ms,
        "revoked_at_ms": record.revoked_at_ms,
        "last_used_at_ms": record.last_used_at_ms,
        "expires_at": _expires_at(record),
    }


def _expires_at(record: TokenRecord) -> int | None:
    """The table's TTL attribute, in seconds."""
    forget_at_ms = record.forget_at_ms()
    return None if forget_at_ms is None else forget_at_ms // 1_000


def _record_of(item: Mapping[str, Any]) -> TokenRecord:
    return TokenRecord(
        token_id=item["sk"].removeprefix(PREFIX),
        name=item["name"],
        scope=TokenScope(item["scope"]),
        digest=item["digest"],
        created_at_ms=item["made_at_ms"],
        workflow=item.get("only_workflow"),
        expires_at_ms=item.get("expires_at_ms"),
        revoked_at_ms=item.get("revoked_at_ms"),
        last_used_at_ms=item.get("last_used_at_ms"),
    )
