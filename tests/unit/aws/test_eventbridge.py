"""Changes on an event bus: ten a call, and of a call that half failed the rest again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.aws.eventbridge import REFUSALS, EventBridgeChanges
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.run.bus_events import Change, ChangeType
from tests.contract import servers


def change_of(number: int) -> Change:
    return Change(
        change_id=f"films-1/0/{number}/1/failed",
        change_type=ChangeType.TASK,
        stage="dev",
        workflow="films",
        run_id="films-1",
        epoch=0,
        state="failed",
        at_ms=5_000,
    )


class Bus:
    """An EventBridge client that refuses some entries for a while."""

    def __init__(self, *failing: set[str], refused: dict[str, str] | None = None) -> None:
        self._refused = refused or {}
        self.calls: list[list[str]] = []
        self._failing = list(failing)

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        ids = [json.loads(entry["Detail"])["id"] for entry in Entries]
        self.calls.append(ids)
        failing = self._failing.pop(0) if self._failing else set()
        codes = dict.fromkeys(failing, "InternalFailure") | self._refused
        entries = [{"ErrorCode": codes[one]} if one in codes else {"EventId": "1"} for one in ids]
        return {"FailedEntryCount": len(failing), "Entries": entries}


def test_ten_changes_are_told_in_a_call() -> None:
    bus = Bus()
    EventBridgeChanges(lambda: bus, "default").tell([change_of(number) for number in range(23)])
    assert [len(call) for call in bus.calls] == [10, 10, 3]


def test_of_a_call_that_half_failed_the_rest_is_told_again() -> None:
    changes = [change_of(number) for number in range(3)]
    bus = Bus({changes[1].change_id})
    EventBridgeChanges(lambda: bus, "default").tell(changes)
    assert bus.calls == [[one.change_id for one in changes], [changes[1].change_id]]


def test_a_bus_that_goes_on_failing_says_try_again() -> None:
    failing = {change_of(1).change_id}
    with pytest.raises(TryAgain, match="PutEvents: 1 failed, the first with InternalFailure"):
        EventBridgeChanges(lambda: Bus(*[failing] * 9), "default").tell([change_of(1)])


def test_a_bus_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("events", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain):
        EventBridgeChanges(lambda: client, "default").tell([change_of(1)])


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_what_the_bus_refuses_for_good_is_not_told_again(code: str) -> None:
    changes = [change_of(number) for number in range(13)]
    bus = Bus(refused={changes[1].change_id: code})
    with pytest.raises(UserMistake, match=f"event bus 'default' refuses 1 of 13 for {code}"):
        EventBridgeChanges(lambda: bus, "default").tell(changes)
    assert [len(call) for call in bus.calls] == [10, 3]


def test_what_fails_for_now_beside_what_is_refused_is_told_again_alone() -> None:
    changes = [change_of(number) for number in range(3)]
    bus = Bus({changes[2].change_id}, refused={changes[1].change_id: "MalformedDetail"})
    with pytest.raises(UserMistake, match="refuses 1 of 3 for MalformedDetail"):
        EventBridgeChanges(lambda: bus, "default").tell(changes)
    assert bus.calls == [[one.change_id for one in changes], [changes[2].change_id]]
