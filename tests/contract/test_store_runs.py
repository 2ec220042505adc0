"""The store port: run records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.core.records import Run
from chalicelib.core.states import RunState
from chalicelib.ports import Store

RUNNING, PAUSED, SUCCEEDED = RunState.RUNNING, RunState.PAUSED, RunState.SUCCEEDED


@pytest.fixture
def run(fresh: str) -> Run:
    return Run(
        run_id=fresh,
        workflow=f"workflow-{fresh}",
        version=12,
        plan_digest="d" * 64,
        params={"parts": 8, "ratio": 1.0, "title": 'Amélie, "the" film', "nested": {"list": [None, True, 0.1]}},
        state=RUNNING,
        created_at_ms=1_700_000_000_000,
        request_digest="e" * 64,
    )


def test_a_run_that_was_never_created_is_none(store: Store, fresh: str) -> None:
    assert store.run(fresh) is None


def test_a_created_run_is_read_back_whole(store: Store, run: Run) -> None:
    assert store.create_run(run) == run
    found = store.run(run.run_id)
    assert found == run
    assert found and isinstance(found.params["ratio"], float)


def test_creating_a_run_again_returns_the_old_one_unchanged(store: Store, run: Run) -> None:
    store.create_run(run)
    later = replace(run, params={"parts": 9}, created_at_ms=run.created_at_ms + 1, request_digest="f" * 64)
    assert store.create_run(later) == run
    assert store.run(run.run_id) == run


def test_what_the_caller_does_to_its_params_does_not_reach_the_store(store: Store, run: Run) -> None:
    params = {"parts": [1]}
    store.create_run(replace(run, params=params))
    params["parts"].append(2)
    found = store.run(run.run_id)
    assert found and found.params == {"parts": [1]}


def test_a_run_moves_from_an_expected_state_and_says_so(store: Store, run: Run) -> None:
    store.create_run(run)
    assert store.change_run(run.run_id, 0, PAUSED, expected=[RUNNING])
    assert store.run(run.run_id) == replace(run, state=PAUSED)


def test_a_run_in_another_state_stays_where_it_is(store: Store, run: Run) -> None:
    store.create_run(run)
    assert not store.change_run(run.run_id, 0, RUNNING, expected=[PAUSED, RunState.CANCELLING])
    assert store.run(run.run_id) == run


def test_a_run_ends_once_and_keeps_the_time(store: Store, run: Run) -> None:
    store.create_run(run)
    expected = [RUNNING, PAUSED]
    assert store.change_run(run.run_id, 0, SUCCEEDED, expected=expected, ended_at_ms=5_000)
    assert not store.change_run(run.run_id, 0, SUCCEEDED, expected=expected, ended_at_ms=6_000)
    assert not store.change_run(run.run_id, 0, RunState.FAILED, expected=expected, ended_at_ms=7_000)
    assert store.run(run.run_id) == replace(run, state=SUCCEEDED, ended_at_ms=5_000)


def test_a_change_without_a_time_keeps_the_one_that_is_there(store: Store, run: Run) -> None:
    store.create_run(run)
    store.change_run(run.run_id, 0, SUCCEEDED, expected=[RUNNING], ended_at_ms=5_000)
    assert store.change_run(run.run_id, 0, RUNNING, expected=[SUCCEEDED])
    assert store.run(run.run_id) == replace(run, ended_at_ms=5_000)


def test_a_run_that_is_not_there_does_not_move(store: Store, fresh: str) -> None:
    assert not store.change_run(fresh, 0, PAUSED, expected=[RUNNING])
    assert store.run(fresh) is None


def test_nothing_expected_moves_nothing(store: Store, run: Run) -> None:
    store.create_run(run)
    assert not store.change_run(run.run_id, 0, PAUSED, expected=[])


def test_runs_are_listed_newest_first_up_to_the_limit(store: Store, run: Run) -> None:
    for number in (2, 5, 1, 4, 3):
        store.create_run(replace(run, run_id=f"{run.run_id}-{number}", created_at_ms=number))
    listed = store.list_runs(run.workflow, 3)
    assert [found.created_at_ms for found in listed] == [5, 4, 3]
    assert listed[0] == replace(run, run_id=f"{run.run_id}-5", created_at_ms=5)
    assert len(store.list_runs(run.workflow, 100)) == 5


def test_a_list_holds_the_runs_of_its_workflow_alone(store: Store, run: Run) -> None:
    store.create_run(run)
    assert store.list_runs(f"{run.workflow}-other", 10) == []
