"""The store port's part about digests, on every implementation."""

from chalicelib.core.digests import Window
from chalicelib.ports.store import Store


def test_a_scope_without_a_window_has_none(store: Store, fresh: str) -> None:
    assert store.window(fresh) is None
    assert not store.close_window(fresh, 1)
    store.note_told(fresh, 3)
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
    store.close_window(fresh, 1)
    assert not store.open_window(fresh, 3, "18", 20_000)
    assert store.open_window(fresh, 2, "18", 20_000)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 0)


def test_a_closed_window_is_not_opened_again(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    store.close_window(fresh, 1)
    assert not store.open_window(fresh, 1, "18", 20_000)
    assert store.window(fresh) == Window(1, False, 10_000, "17", 0)


def test_closing_twice_is_closing_once_and_closes_no_later_window(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    assert store.close_window(fresh, 1)
    assert store.close_window(fresh, 1)
    store.open_window(fresh, 2, "18", 20_000)
    assert not store.close_window(fresh, 1)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 0)


def test_what_was_told_only_grows_and_outlives_its_window(store: Store, fresh: str) -> None:
    store.open_window(fresh, 1, "17", 10_000)
    store.note_told(fresh, 3)
    store.note_told(fresh, 2)
    assert store.window(fresh) == Window(1, True, 10_000, "17", 3)
    store.close_window(fresh, 1)
    store.open_window(fresh, 2, "18", 20_000, 4)
    assert store.window(fresh) == Window(2, True, 20_000, "18", 3, 4)


def test_members_are_listed_by_their_times_and_once(store: Store, fresh: str) -> None:
    assert store.members(fresh) == []
    store.open_window(fresh, 1, "b", 10_000)
    for member, at_ms in (("c", 3_000), ("b", 1_000), ("a", 3_000), ("b", 1_000)):
        store.add_member(fresh, member, at_ms)
    assert store.members(fresh) == ["b", "a", "c"]
    assert store.members(f"{fresh}/1") == []


def test_a_window_is_settled_once_it_is_closed_until_the_next_one_opens(store: Store, fresh: str) -> None:
    assert store.unsettled_window(fresh) is None
    store.settle_window(fresh, 1)
    store.open_window(fresh, 1, "a", 10)
    store.settle_window(fresh, 1)
    assert store.unsettled_window(fresh) == store.window(fresh) is not None, "it is open"
    store.close_window(fresh, 1)
    store.settle_window(fresh, 2)
    assert store.unsettled_window(fresh) == store.window(fresh), "that is another one"
    for _ in range(2):
        store.settle_window(fresh, 1)
        assert store.unsettled_window(fresh) is None
    store.open_window(fresh, 2, "b", 20)
    store.close_window(fresh, 2)
    store.settle_window(fresh, 1)
    assert store.unsettled_window(fresh) == store.window(fresh)
