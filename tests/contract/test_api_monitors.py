"""The API's part about monitors, wherever the API runs."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import InvalidMonitors, PreconditionFailed
from tests.contract.apis import Desk

FAILED = {"monitors": {"a": {"failed": True}}}
OTHERS = {"monitors": {"b": {"failed": {"classes": ["spot"]}, "queues": ["etl"]}}}


def test_monitors_are_pushed_in_place_of_what_was_there(desk: Desk) -> None:
    nothing = desk.api.monitors()
    assert (nothing.revision, nothing.pushed_at_ms, nothing.definition) == (0, None, {"monitors": {}})
    first = desk.api.put_monitors(FAILED)
    assert (first.revision, first.definition) == (1, FAILED)
    assert first.pushed_at_ms == desk.now_ms()
    desk.pass_seconds(1)
    assert desk.api.put_monitors(FAILED) == first, "the same makes no new revision"
    second = desk.api.put_monitors(OTHERS)
    assert (second.revision, second.definition) == (2, OTHERS)
    assert second.etag != first.etag
    assert desk.api.monitors() == second


def test_deleted_monitors_are_gone_and_deleting_twice_is_deleting_once(desk: Desk) -> None:
    desk.api.put_monitors(FAILED)
    desk.api.delete_monitors()
    desk.api.delete_monitors()
    gone = desk.api.monitors()
    assert (gone.revision, gone.definition) == (2, {"monitors": {}})


def test_monitors_that_somebody_else_pushed_meanwhile_are_not_replaced(desk: Desk) -> None:
    with pytest.raises(PreconditionFailed, match="no monitors are there"):
        desk.api.put_monitors(FAILED, if_match="*")
    seen = desk.api.put_monitors(FAILED)
    now = desk.api.put_monitors(OTHERS, if_match=seen.etag)
    with pytest.raises(PreconditionFailed, match="revision 2 are others than those that you saw"):
        desk.api.put_monitors(FAILED, if_match=seen.etag)
    with pytest.raises(PreconditionFailed):
        desk.api.delete_monitors(if_match=seen.etag)
    assert desk.api.monitors() == now
    desk.api.delete_monitors(if_match="*")
    assert desk.api.monitors().definition == {"monitors": {}}


def test_every_mistake_is_told_and_nothing_is_pushed(desk: Desk) -> None:
    with pytest.raises(InvalidMonitors) as refused:
        desk.api.put_monitors({"monitors": {"a": {"failed": {"classes": ["spott"]}}, "b": {"queues": []}}})
    assert sorted(mistake.path for mistake in refused.value.mistakes) == [
        ("monitors", "a", "failed", "classes", 0),
        ("monitors", "b"),
        ("monitors", "b", "queues"),
    ]
    assert "did you mean 'spot'?" in str(refused.value)
    assert desk.api.monitors().revision == 0
