"""The store port: tallies."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import Defect
from chalicelib.core.run.records import Tally
from chalicelib.core.states import TaskState
from chalicelib.ports.store import Store

SUCCEEDED, FAILED, SKIPPED = TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED
UPSTREAM_FAILED, CANCELLED = TaskState.UPSTREAM_FAILED, TaskState.CANCELLED
ALL = (1 << 256) - 1


def test_a_tally_that_was_never_written_is_empty(store: Store, fresh: str) -> None:
    assert store.read_tally(fresh, 0, 0) == Tally()


def test_the_first_ending_finds_an_empty_tally_before_it(store: Store, fresh: str) -> None:
    assert store.tally(fresh, 0, 0, {SUCCEEDED: 0b1}) == Tally()
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b1)


def test_an_ending_returns_the_whole_shard_as_it_was_before(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b0101})
    store.tally(fresh, 0, 0, {FAILED: 0b0010})
    assert store.tally(fresh, 0, 0, {SUCCEEDED: 0b1000}) == Tally(succeeded=0b0101, failed=0b0010)


def test_adding_twice_is_adding_once_and_the_second_time_says_so(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b11})
    assert store.tally(fresh, 0, 0, {SUCCEEDED: 0b10}) == Tally(succeeded=0b11)
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b11)


def test_every_ending_has_its_own_mask(store: Store, fresh: str) -> None:
    endings = {SUCCEEDED: 0b1, FAILED: 0b10, SKIPPED: 0b100, UPSTREAM_FAILED: 0b1000, CANCELLED: 1 << 255}
    assert store.tally(fresh, 0, 0, endings) == Tally()
    expected = Tally(succeeded=1, failed=2, skipped=4, upstream_failed=8, cancelled=1 << 255)
    assert store.read_tally(fresh, 0, 0) == expected


@pytest.mark.parametrize("first", [SUCCEEDED, FAILED, SKIPPED, UPSTREAM_FAILED, CANCELLED])
@pytest.mark.parametrize("second", [SUCCEEDED, FAILED, SKIPPED, UPSTREAM_FAILED, CANCELLED])
def test_a_task_ends_only_once(store: Store, fresh: str, first: TaskState, second: TaskState) -> None:
    store.tally(fresh, 0, 0, {first: 0b100})
    again = store.tally(fresh, 0, 0, {second: 0b100})
    assert (again is None) == (first is not second)
    assert store.read_tally(fresh, 0, 0) == Tally().adding({first: 0b100})


def test_one_conflict_among_several_masks_adds_nothing_at_all(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b0001})
    assert store.tally(fresh, 0, 0, {SKIPPED: 0b0110, CANCELLED: 0b1001}) is None
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b0001)


@pytest.mark.parametrize("size", [31, 32, 33, 256])
def test_many_tasks_end_in_one_write(store: Store, fresh: str, size: int) -> None:
    mask = (1 << size) - 1
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b1})
    assert store.tally(fresh, 0, 0, {SUCCEEDED: 0b1, SKIPPED: mask - 1}) == Tally(succeeded=0b1)
    expected = Tally(succeeded=0b1, skipped=mask - 1)
    assert store.read_tally(fresh, 0, 0) == expected
    assert store.tally(fresh, 0, 0, {SKIPPED: mask - 1}) == expected
    assert store.tally(fresh, 0, 0, {CANCELLED: mask}) is None
    assert store.read_tally(fresh, 0, 0) == expected


def test_a_whole_shard_ends_task_by_task(store: Store, fresh: str) -> None:
    for offset in range(256):
        before = store.tally(fresh, 0, 0, {SUCCEEDED: 1 << offset})
        assert before == Tally(succeeded=(1 << offset) - 1)
    assert store.read_tally(fresh, 0, 0).ended == ALL


def test_no_endings_read_the_tally(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {FAILED: 0b1})
    assert store.tally(fresh, 0, 0, {}) == Tally(failed=0b1)
    assert store.tally(fresh, 0, 0, {SUCCEEDED: 0}) == Tally(failed=0b1)


def test_shards_epochs_and_runs_keep_apart(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b1})
    assert store.tally(fresh, 0, 1, {FAILED: 0b1}) == Tally()
    assert store.tally(fresh, 1, 0, {FAILED: 0b1}) == Tally()
    assert store.tally(f"{fresh}-other", 0, 0, {FAILED: 0b1}) == Tally()
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b1)


def test_halt_is_raised_once_and_stays(store: Store, fresh: str) -> None:
    store.halt(fresh, 0, 0)
    store.halt(fresh, 0, 0)
    assert store.read_tally(fresh, 0, 0) == Tally(halt=True)
    assert store.tally(fresh, 0, 0, {CANCELLED: 0b1}) == Tally(halt=True)
    assert store.read_tally(fresh, 0, 0) == Tally(cancelled=0b1, halt=True)


def test_halt_leaves_the_endings_alone(store: Store, fresh: str) -> None:
    store.tally(fresh, 0, 0, {SUCCEEDED: 0b1})
    store.halt(fresh, 0, 0)
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b1, halt=True)
    assert not store.read_tally(fresh, 0, 1).halt


def test_a_state_that_is_no_ending_cannot_be_tallied(store: Store, fresh: str) -> None:
    with pytest.raises(Defect, match="running"):
        store.tally(fresh, 0, 0, {TaskState.RUNNING: 0b1})


def test_a_task_cannot_end_in_two_ways_at_once(store: Store, fresh: str) -> None:
    with pytest.raises(Defect, match="twice"):
        store.tally(fresh, 0, 0, {SUCCEEDED: 0b11, FAILED: 0b10})
    assert store.read_tally(fresh, 0, 0) == Tally()


def test_the_pace_of_a_shard_only_grows(store: Store, fresh: str) -> None:
    store.set_pace(fresh, 0, 0, 1)
    assert store.read_tally(fresh, 0, 0).paused
    store.set_pace(fresh, 0, 0, 2)
    store.set_pace(fresh, 0, 0, 1)
    assert store.read_tally(fresh, 0, 0).pace == 2
    assert not store.read_tally(fresh, 0, 0).paused


def test_pace_endings_and_halt_stand_beside_each_other(store: Store, fresh: str) -> None:
    store.set_pace(fresh, 0, 0, 1)
    before = store.tally(fresh, 0, 0, {TaskState.SUCCEEDED: 0b1})
    store.halt(fresh, 0, 0)
    assert before == Tally(pace=1)
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0b1, halt=True, pace=1)
