"""The store port's part about digests, on every implementation."""

from dataclasses import replace

from chalicelib.core.failure import FailureClass
from chalicelib.core.lease import Lease
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.window import Window
from chalicelib.ports.store import Store

A, B = Lease("a", 1_000), Lease("b", 2_000)


def close(store: Store, scope: str, number: int) -> bool:
    """Close a window and settle it; whether it was the latest."""
    if store.close_window(scope, number, A, 0) is None:
        return False
    return store.settle_window(scope, number, 0, A.owner)


def test_a_scope_without_a_window_has_none(store: Store, fresh: str) -> None:
    assert store.window(fresh) is None
    assert store.close_window(fresh, 1, A, 0) is None
    assert not store.settle_window(fresh, 1, 3, A.owner)
    assert store.window(fresh) is None


def test_a_window_is_read_as_it_was_opened(store: Store, fresh: str) -> None:
    assert store.open_window(fresh, 1, "17", 10_000)
    assert store.window(fresh) == Window(1, True, 10_000, "17", 0)
    assert store.window(f"{fresh}/1") is None


def test_of_several_who_open_a_window_one_does(store: Store, fresh: str) -> None:
    assert store.open_window(fresh, 1, "17", 10_000)
    assert not store.open_window(fresh, 1, "18", 20_000)
    assert store.window(fresh) == Window(1, True, 10_000, "17", 0)


def test_a_window_is_opened_only_after_the_one_before_it_was_closed(store: Store, fresh: str) -> None:
    assert not store.open_window(fresh, 2, "17", 10_000)
    store.open_window(fresh, 1, "17", 10_000)
    assert not store.open_window(fresh, 2, "18", 20_000)
    close(store, fresh, 1)
    assert not store.open_window(fresh, 3, "18", 20_000)
    assert store.open_window(fresh, 2, "18", 20_000)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 0)


def test_a_closed_window_is_not_opened_again(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    close(store, fresh, 1)
    assert not store.open_window(fresh, 1, "18", 20_000)
    assert store.window(fresh) == Window(1, False, 10_000, "17", 0, is_settled=True)


def test_closing_twice_is_closing_once_and_closes_no_later_window(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    for _ in range(2):
        assert store.close_window(fresh, 1, A, 0) == Window(1, False, 10_000, "17", 0, lease=A)
    assert store.settle_window(fresh, 1, 0, A.owner)
    store.open_window(fresh, 2, "18", 20_000)
    assert store.close_window(fresh, 1, A, 0) is None
    assert store.window(fresh) == Window(2, True, 20_000, "18", 0)


def test_what_was_told_outlives_its_window(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    store.close_window(fresh, 1, A, 0)
    assert store.settle_window(fresh, 1, 3, A.owner)
    assert store.window(fresh) == Window(1, False, 10_000, "17", 3, is_settled=True)
    store.open_window(fresh, 2, "18", 20_000, 4)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 3, 4)


def test_of_several_who_close_a_window_one_has_the_lease_until_it_is_over(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    assert store.close_window(fresh, 1, A, 500) == Window(1, False, 10_000, "17", lease=A)
    assert store.close_window(fresh, 1, B, 999) is None
    assert not store.settle_window(fresh, 1, 3, B.owner), "the lease is another's"
    assert store.window(fresh) == Window(1, False, 10_000, "17", lease=A)
    taken = store.close_window(fresh, 1, B, 1_000)
    assert taken == Window(1, False, 10_000, "17", lease=B)
    assert not store.settle_window(fresh, 1, 3, A.owner), "it lost the lease"
    assert store.settle_window(fresh, 1, 3, B.owner)


def test_the_lease_on_one_window_keeps_the_next_one_from_being_told(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    store.close_window(fresh, 1, A, 0)
    assert store.open_window(fresh, 2, "18", 20_000)
    assert store.window(fresh) == Window(2, True, 20_000, "18", lease=A)
    assert store.close_window(fresh, 2, B, 999) is None
    assert store.settle_window(fresh, 1, 4, A.owner)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 4), "which is not settled by that"
    assert store.close_window(fresh, 2, B, 999) == Window(2, False, 20_000, "18", 4, lease=B)


FAILED = ToldJob(
    "b",
    "films",
    "etl",
    failure=FailureClass.OUT_OF_MEMORY,
    exit_code=137,
    reason="OutOfMemoryError",
    log_stream="films/1",
    created_at_ms=1_000,
    started_at_ms=2_000,
    stopped_at_ms=3_000,
    array_size=10,
    failed_children=2,
)


def test_members_are_listed_by_their_times_and_once(store: Store, fresh: str) -> None:
    assert store.members(fresh) == []
    store.open_window(fresh, 1, "b", 10_000)
    for member, at_ms in (("c", 3_000), ("b", 1_000), ("a", 3_000), ("b", 9_000)):
        store.add_member(fresh, member, at_ms, FAILED)
    assert store.members(fresh) == ["b", "a", "c"]
    assert store.members(f"{fresh}/1") == []


def test_members_are_told_as_the_jobs_that_they_were_when_they_were_added_first(store: Store, fresh: str) -> None:
    never_started = ToldJob("a", "nightly", task="report", attempt=2)
    store.add_member(fresh, "b", 1_000, FAILED)
    store.add_member(fresh, "a", 2_000, never_started)
    store.add_member(fresh, "b", 3_000, replace(FAILED, reason="another"))
    assert store.told_members(fresh, ["a", "none", "b"]) == [never_started, FAILED]
    assert store.told_members(fresh, []) == []
