"""The store port: a run that is paused, resumed, redriven, and looked at by the sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.core.lease import Lease
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.run.records import PastEpoch, Redrive, Run, Scope, in_epoch
from chalicelib.core.states import RunState, TaskState
from chalicelib.ports.store import Store

RUNNING, PAUSED, FAILED = RunState.RUNNING, RunState.PAUSED, RunState.FAILED
# No other test's runs are due before this one's.
LONG_AGO_MS = 1_000


@pytest.fixture
def run(fresh: str, store: Store) -> Run:
    run = Run(
        run_id=fresh,
        workflow=f"workflow-{fresh}",
        version=12,
        plan_digest="d" * 64,
        params={"parts": 8},
        state=RUNNING,
        created_at_ms=1_700_000_000_000,
        request_digest="e" * 64,
        sweep_at_ms=LONG_AGO_MS,
    )
    return store.create_run(run)


def redriven(run: Run, tasks: tuple[str, ...] = ("train",)) -> Run:
    past = PastEpoch(run.version, run.plan_digest, FAILED, 5_000)
    return replace(
        run,
        version=13,
        plan_digest="f" * 64,
        epoch=run.epoch + 1,
        redrive=Redrive(Scope.TASKS, tasks),
        past=(*run.past, past),
        sweep_at_ms=None,
    )


def test_a_run_is_paused_and_resumed_in_turn_and_each_is_counted(store: Store, run: Run) -> None:
    assert not store.switch_run(run.run_id, 0, RUNNING)
    assert store.switch_run(run.run_id, 0, PAUSED)
    assert not store.switch_run(run.run_id, 0, PAUSED)
    assert store.run(run.run_id) == replace(run, state=PAUSED, switches=1)
    assert store.switch_run(run.run_id, 0, RUNNING)
    assert store.run(run.run_id) == replace(run, switches=2)


def test_what_is_to_be_told_of_a_run_joins_its_record_and_leaves_it_once_told(store: Store, run: Run) -> None:
    switched = store.switch_run(run.run_id, 0, PAUSED, untold={"0/paused/bus"})
    assert switched == replace(run, state=PAUSED, switches=1, untold=frozenset({"0/paused/bus"}))
    to_tell = {"0/ended/bus", "0/ended/topic"}
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000, untold=to_tell)
    store.note_run_told(run.run_id, ["0/paused/bus", "0/never"], "a")
    stored = store.run(run.run_id)
    assert stored is not None
    assert stored.untold == to_tell
    assert store.swept(stored, swept_at_ms=6_000, sweep_at_ms=9_000, untold={"0/late/queue"})
    told = store.note_run_told(run.run_id, [*to_tell, "0/late/queue"], "a")
    assert store.note_run_told(f"{run.run_id}-other", ["0/ended/bus"], "a") is None
    assert told == store.run(run.run_id)
    assert told is not None
    assert told.untold == frozenset()
    assert store.run(f"{run.run_id}-other") is None


def test_the_sweep_looks_at_a_run_for_as_long_as_something_of_it_is_to_be_told(store: Store, run: Run) -> None:
    assert store.swept(run, swept_at_ms=6_000, sweep_at_ms=None)
    noted = store.note_run_untold(run.run_id, {"0/tasks/bus/0"}, 9_000)
    untold = frozenset({"0/tasks/bus/0"})
    assert noted == replace(run, swept_at_ms=6_000, sweep_at_ms=9_000, untold=untold)
    assert run.run_id in store.due_runs(9_000, 1_000)
    again = store.note_run_untold(run.run_id, {"0/tasks/bus/1"}, 20_000)
    assert again is not None
    assert again.sweep_at_ms == 9_000, "not later than it was due"
    assert not store.swept(again, swept_at_ms=9_000, sweep_at_ms=None)
    store.note_run_told(run.run_id, again.untold, "a")
    assert store.swept(again, swept_at_ms=9_000, sweep_at_ms=None)
    assert store.note_run_untold(f"{run.run_id}-other", {"0/tasks/bus/0"}, 9_000) is None


def test_an_epoch_begins_over_nothing_that_is_to_be_told_and_was_not_seen(store: Store, run: Run) -> None:
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000, untold={"0/ended/bus"})
    following = redriven(run)
    assert not store.begin_epoch(following, run)
    seen = replace(run, untold=frozenset({"0/ended/bus"}))
    assert not store.begin_epoch(following, replace(run, untold=seen.untold | {"0/ended/topic"}))
    assert not store.begin_epoch(following, replace(seen, lease=A))
    assert store.begin_epoch(following, seen)


A, B = Lease("a", 10_000), Lease("b", 20_000)


def test_whoever_writes_what_is_to_be_told_has_the_lease_unless_another_has(store: Store, run: Run) -> None:
    switched = store.switch_run(run.run_id, 0, PAUSED, untold={"0/paused/bus"}, lease=A)
    assert switched is not None
    assert switched.lease == A
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000, untold={"0/ended/bus"}, lease=B)
    stored = store.run(run.run_id)
    assert stored is not None
    assert stored.lease == A
    assert store.swept(stored, swept_at_ms=6_000, sweep_at_ms=9_000, untold={"0/late/queue"}, lease=B)
    assert store.lease_run(run.run_id, B, 9_999) is None
    taken = store.lease_run(run.run_id, B, 10_000)
    assert taken is not None
    assert (taken.lease, taken.untold) == (B, {"0/paused/bus", "0/ended/bus", "0/late/queue"})
    assert store.run(run.run_id) == taken
    longer = Lease("b", 30_000)
    mine = store.lease_run(run.run_id, longer, 10_000)
    assert mine is not None
    assert mine.lease == longer, "its owner may take it anew"
    assert store.lease_run(f"{run.run_id}-other", A, 0) is None
    assert store.run(f"{run.run_id}-other") is None


def test_a_lease_ends_with_the_last_that_is_told_if_nothing_joined_meanwhile(store: Store, run: Run) -> None:
    first = {"0/ended/bus", "0/ended/topic"}
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000, untold=first, lease=A)
    part = store.note_run_told(run.run_id, ["0/ended/bus"], A.owner)
    assert part is not None
    assert (part.untold, part.lease) == ({"0/ended/topic"}, A)
    store.note_run_untold(run.run_id, {"0/tasks/bus/0"}, 9_000)
    joined = store.note_run_told(run.run_id, ["0/ended/topic"], A.owner, seen=part.untold)
    assert joined is not None
    assert (joined.untold, joined.lease) == ({"0/tasks/bus/0"}, A), "what joined is for the owner to tell"
    left = store.note_run_told(run.run_id, [], B.owner, seen=joined.untold)
    assert left == joined, "only its owner ends a lease"
    over = store.note_run_told(run.run_id, [], A.owner, seen=joined.untold)
    assert over is not None
    assert (over.untold, over.lease) == ({"0/tasks/bus/0"}, None)
    store.lease_run(run.run_id, B, 0)
    done = store.note_run_told(run.run_id, over.untold, B.owner, seen=over.untold)
    assert done == store.run(run.run_id)
    assert done is not None
    assert (done.untold, done.lease) == (frozenset(), None)
    assert store.note_run_told(run.run_id, [], B.owner, seen=()) == done


def test_a_run_is_created_and_redriven_with_its_lease(store: Store, run: Run) -> None:
    leased = replace(run, run_id=f"{run.run_id}-leased", lease=A)
    store.create_run(leased)
    assert store.run(leased.run_id) == leased
    store.change_run(leased.run_id, 0, FAILED, ended_at_ms=5_000)
    following = replace(redriven(leased), lease=B)
    assert not store.begin_epoch(following, run), "that one has no lease"
    assert not store.begin_epoch(following, replace(leased, lease=replace(A, until_ms=1)))
    assert store.begin_epoch(following, leased)
    assert store.run(leased.run_id) == following


def test_a_tally_notes_which_failures_were_kept_and_which_jobs_were_told(store: Store, run: Run) -> None:
    kept = {TaskState.FAILED: 0b101, TaskState.SUCCEEDED: 0b010}
    store.tally(run.run_id, 1, 0, kept, kept=True)
    store.tally(run.run_id, 1, 0, {TaskState.FAILED: 0b1000})
    store.note_jobs_told(run.run_id, 1, 0, NoticeKind.JOB_WAITING, [256, -259])
    store.note_jobs_told(run.run_id, 1, 0, NoticeKind.JOB_WAITING, [-259])
    store.note_jobs_told(run.run_id, 1, 0, NoticeKind.JOB_RUNNING, [257])
    tally = store.read_tally(run.run_id, 1, 0)
    assert (tally.failed, tally.kept_failed) == (0b1101, 0b101)
    assert (tally.waiting_told, tally.running_told) == ({256, -259}, {257})


def test_a_run_of_another_epoch_or_in_another_state_is_not_switched(store: Store, run: Run) -> None:
    assert not store.switch_run(run.run_id, 1, PAUSED)
    assert not store.switch_run(f"{run.run_id}-other", 0, PAUSED)
    store.change_run(run.run_id, 0, RunState.CANCELLING)
    assert not store.switch_run(run.run_id, 0, PAUSED)
    assert not store.switch_run(run.run_id, 0, RUNNING)


def test_the_next_epoch_takes_the_place_of_one_that_has_ended(store: Store, run: Run) -> None:
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000)
    following = redriven(run)
    assert store.begin_epoch(following, run)
    assert store.run(run.run_id) == following


def test_a_run_that_goes_on_is_not_redriven(store: Store, run: Run) -> None:
    assert not store.begin_epoch(redriven(run), run)
    assert store.run(run.run_id) == run


def test_of_two_redrives_at_once_one_begins_the_next_epoch(store: Store, run: Run) -> None:
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000)
    first, second = redriven(run), redriven(run, ("split",))
    assert store.begin_epoch(first, run)
    assert not store.begin_epoch(second, run)
    assert store.run(run.run_id) == first


def test_a_late_write_of_an_earlier_epoch_does_not_move_the_run(store: Store, run: Run) -> None:
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000)
    store.begin_epoch(redriven(run), run)
    assert not store.change_run(run.run_id, 0, FAILED, ended_at_ms=6_000)
    assert store.change_run(run.run_id, 1, FAILED, ended_at_ms=7_000)


def test_that_an_epoch_is_prepared_is_noted_in_that_epoch_alone(store: Store, run: Run) -> None:
    store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000)
    following = redriven(run)
    store.begin_epoch(following, run)
    store.epoch_prepared(run.run_id, 0)
    assert store.run(run.run_id) == following
    store.epoch_prepared(run.run_id, 1)
    assert store.run(run.run_id) == replace(following, redrive=Redrive(Scope.TASKS, ("train",), prepared=True))


def due(store: Store, now_ms: int) -> list[str]:
    return store.due_runs(now_ms, 1_000)


def test_a_run_is_due_from_its_time_on(store: Store, run: Run) -> None:
    assert run.run_id not in due(store, LONG_AGO_MS - 1)
    assert run.run_id in due(store, LONG_AGO_MS)


def test_the_longest_overdue_comes_first_and_no_more_than_asked_for(store: Store, run: Run) -> None:
    earlier = replace(run, run_id=f"{run.run_id}-earlier", sweep_at_ms=10)
    store.create_run(earlier)
    assert store.due_runs(LONG_AGO_MS, 1) == [earlier.run_id]
    assert store.swept(earlier, swept_at_ms=None, sweep_at_ms=None)
    assert earlier.run_id not in due(store, LONG_AGO_MS)


def test_a_look_that_was_noted_puts_the_next_one_off(store: Store, run: Run) -> None:
    assert store.swept(run, swept_at_ms=2_000, sweep_at_ms=302_000, next_shard=0)
    assert store.run(run.run_id) == replace(run, swept_at_ms=2_000, sweep_at_ms=302_000)
    assert run.run_id not in due(store, 301_999)


def test_a_look_that_stopped_half_way_notes_where(store: Store, run: Run) -> None:
    assert store.swept(run, swept_at_ms=None, sweep_at_ms=LONG_AGO_MS, next_shard=7)
    assert store.run(run.run_id) == replace(run, sweep_shard=7)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda store, run: store.swept(run, swept_at_ms=2_000, sweep_at_ms=3_000),
        lambda store, run: store.swept(run, swept_at_ms=None, sweep_at_ms=LONG_AGO_MS, next_shard=1),
        lambda store, run: store.swept(run, swept_at_ms=None, sweep_at_ms=None),
    ],
)
def test_of_two_sweeps_of_one_run_the_later_to_note_it_changes_nothing(
    store: Store, run: Run, meanwhile: Callable[[Store, Run], bool]
) -> None:
    assert meanwhile(store, run)
    noted = store.run(run.run_id)
    assert not store.swept(run, swept_at_ms=9_000, sweep_at_ms=9_000)
    assert store.run(run.run_id) == noted


def test_a_run_that_is_never_due_again_can_be_noted_as_due(store: Store, run: Run) -> None:
    store.swept(run, swept_at_ms=2_000, sweep_at_ms=None)
    stored = store.run(run.run_id)
    assert stored and stored.sweep_at_ms is None
    assert store.swept(stored, swept_at_ms=None, sweep_at_ms=500)
    assert run.run_id in due(store, LONG_AGO_MS)
    assert store.swept(replace(stored, sweep_at_ms=500), swept_at_ms=None, sweep_at_ms=None)


def test_the_params_of_an_epoch_before_are_kept_where_they_were_others(store: Store, run: Run) -> None:
    ended = replace(run, state=FAILED)
    assert store.change_run(run.run_id, 0, FAILED, ended_at_ms=5_000)
    second = redriven(ended)
    changed = replace(
        second,
        params={"parts": 9, "share": 1.0},
        redrive=Redrive(Scope.ALL, params={"parts": 9}),
        past=(replace(second.past[0], params={"parts": 8}),),
    )
    assert store.begin_epoch(changed, run)
    found = store.run(run.run_id)
    assert found == changed
    assert found is not None and in_epoch(found, 0).params == {"parts": 8}
    assert repr(found.params["share"]) == "1.0"
    third = replace(found, epoch=2, past=(*found.past, PastEpoch(13, "f" * 64, FAILED, 6_000)))
    assert [in_epoch(third, epoch).params["parts"] for epoch in (0, 1, 2)] == [8, 9, 9]
