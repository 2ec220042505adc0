"""The changes port over an EventBridge bus.

Owns EventBridge's batches: ten entries a call, each of which may fail alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.aws.answers import answers
from chalicelib.core.changes import SOURCE, Change
from chalicelib.core.errors import TryAgain

ENTRIES_MAXIMUM = 10
_TRIES = 3


class EventBridgeChanges:
    """Puts events on the bus of that name. The client is made when it is first needed."""

    def __init__(self, make_client: Callable[[], Any], bus: str) -> None:
        self._make_client = make_client
        self._bus = bus

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def tell(self, changes: Sequence[Change]) -> None:
        for start in range(0, len(changes), ENTRIES_MAXIMUM):
            self._put([self._entry(change) for change in changes[start : start + ENTRIES_MAXIMUM]])

    def _put(self, entries: list[dict[str, Any]]) -> None:
        """Put up to ten entries; those that fail alone are put again alone."""
        for _ in range(_TRIES):
            with answers("PutEvents"):
                answer = self._client.put_events(Entries=entries)
            results = answer.get("Entries", ())
            failed = [result for result in results if result.get("ErrorCode")]
            if not failed:
                return
            entries = [entry for entry, result in zip(entries, results, strict=True) if result.get("ErrorCode")]
        why = f"{failed[0]['ErrorCode']}: {failed[0].get('ErrorMessage', '')}"
        raise TryAgain(f"PutEvents: {len(failed)} failed, the first with {why}")

    def _entry(self, change: Change) -> dict[str, Any]:
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": change.change_type.value,
            "Time": datetime.fromtimestamp(change.at_ms / 1000, UTC),
            "Detail": json.dumps(change.document(), separators=(",", ":"), ensure_ascii=False),
        }
