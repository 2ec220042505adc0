"""The changes port over an EventBridge bus.

Owns EventBridge's batches: ten entries a call, each of which may fail alone, for now or for good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.aws.answers import answers
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.run.bus_events import SOURCE, Change

ENTRIES_MAXIMUM = 10
_TRIES = 3
REFUSALS = frozenset(
    {
        "AccessDeniedException",
        "InvalidAccountIdException",
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "RedactionFailure",
    }
)
"""Codes of entries that help nothing to put again:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html"""


class EventBridgeChanges:
    """Puts events on the bus of that name. The client is made when it is first needed."""

    def __init__(self, make_client: Callable[[], Any], bus: str) -> None:
        self._make_client = make_client
        self._bus = bus

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def tell(self, changes: Sequence[Change]) -> None:
        refused: list[Mapping[str, Any]] = []
        for start in range(0, len(changes), ENTRIES_MAXIMUM):
            refused += self._put([self._entry(change) for change in changes[start : start + ENTRIES_MAXIMUM]])
        if refused:
            raise UserMistake(f"event bus '{self._bus}' refuses {len(refused)} of {len(changes)} for {_why(refused)}")

    def _put(self, entries: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        """Put up to ten entries; those that fail alone are put again alone. What the bus said of those that it
        refuses."""
        refused: list[Mapping[str, Any]] = []
        for _ in range(_TRIES):
            with answers("PutEvents"):
                answer = self._client.put_events(Entries=entries)
            results = answer.get("Entries", ())
            refused += [result for result in results if result.get("ErrorCode") in REFUSALS]
            failed = [result for result in results if result.get("ErrorCode") and result["ErrorCode"] not in REFUSALS]
            if not failed:
                return refused
            entries = [entry for entry, result in zip(entries, results, strict=True) if result in failed]
        raise TryAgain(f"PutEvents: {len(failed)} failed, the first with {_why(failed)}")

    def _entry(self, change: Change) -> dict[str, Any]:
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": change.change_type.value,
            "Time": datetime.fromtimestamp(change.at_ms / 1000, UTC),
            "Detail": json.dumps(change.document(), separators=(",", ":"), ensure_ascii=False),
        }


def _why(failed: Sequence[Mapping[str, Any]]) -> str:
    return f"{failed[0]['ErrorCode']}: {failed[0].get('ErrorMessage', '')}"
