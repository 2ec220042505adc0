"""The store port: run records."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table import runs as dynamodb_runs
from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.errors import UserMistake
from chalicelib.core.run.records import ListedRuns, PastEpoch, Run, RunPlace, place_of_run
from chalicelib.core.states import RUN_STATES_BEFORE, RunState
from chalicelib.ports.store import Store
from tests.contract.conftest import SERVERS
from tests.contract.metering import metered
from tests.memory import store as memory_store

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


LARGE = {"films": ["Amélie"] * 20_000, "ratio": 1.0}
LARGER = {**LARGE, "parts": 8}


def test_a_run_with_large_params_is_read_back_whole_whatever_is_done_to_it(store: Store, run: Run) -> None:
    run = replace(run, params=LARGE)
    assert store.create_run(run) == store.create_run(replace(run, params=LARGER)) == store.run(run.run_id) == run
    paused = store.switch_run(run.run_id, 0, PAUSED)
    noted = store.note_run_untold(run.run_id, ["0/late/topic"], 1)
    assert paused is not None and paused.params == LARGE
    assert noted is not None and noted.params == LARGE
    assert [one.params for one in store.list_runs(run.workflow, 10).runs] == [LARGE]
    store.change_run(run.run_id, 0, SUCCEEDED)
    ended = store.run(run.run_id)
    assert ended is not None
    past = (PastEpoch(run.version, run.plan_digest, SUCCEEDED, 5_000, LARGE),)
    redriven = replace(run, epoch=1, params=LARGER, past=past)
    assert store.begin_epoch(redriven, ended)
    assert store.run(run.run_id) == redriven
    assert store.list_runs(run.workflow, 10).runs == (redriven,)


def test_runs_with_large_and_with_small_params_are_in_one_list(store: Store, run: Run) -> None:
    runs = [
        replace(run, run_id=f"{run.run_id}-{place}", params=params, created_at_ms=run.created_at_ms - place)
        for place, params in enumerate((LARGE, {}, LARGER, {"parts": 8}))
    ]
    for one in runs:
        store.create_run(one)
    assert store.list_runs(run.workflow, 10).runs == tuple(runs)
    assert store.list_runs(run.workflow, 10, state=SUCCEEDED).runs == ()


def test_another_process_reads_large_params(dynamodb: tuple[Any, str], run: Run) -> None:
    run = replace(run, params=LARGE)
    DynamoStore(*dynamodb).create_run(run)
    assert DynamoStore(*dynamodb).run(run.run_id) == run
    assert DynamoStore(*dynamodb).list_runs(run.workflow, 10).runs == (run,)


def test_a_record_of_an_earlier_release_holds_large_params_itself(dynamodb: tuple[Any, str], run: Run) -> None:
    client, table_name = dynamodb
    store = DynamoStore(client, table_name)
    store.create_run(run)
    # As 0.9 wrote them, whatever their size.
    client.update_item(
        TableName=table_name,
        Key={"pk": {"S": f"RUN#{run.run_id}"}, "sk": {"S": "RUN"}},
        UpdateExpression="SET params = :params",
        ExpressionAttributeValues={":params": {"S": json.dumps(LARGE)}},
    )
    large = replace(run, params=LARGE)
    assert store.run(run.run_id) == large
    assert store.list_runs(run.workflow, 10).runs == (large,)
    store.change_run(run.run_id, 0, SUCCEEDED)
    assert store.begin_epoch(replace(large, epoch=1), large)
    assert DynamoStore(client, table_name).run(run.run_id) == replace(large, epoch=1)


def test_params_that_are_too_large_are_refused_and_leave_nothing(dynamodb: tuple[Any, str], run: Run) -> None:
    store = DynamoStore(*dynamodb)
    with pytest.raises(UserMistake, match=r"may have 300000 bytes as JSON, not 300011; put large values in S3"):
        store.create_run(replace(run, params={"text": "x" * 300_000}))
    assert store.run(run.run_id) is None


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_large_params_are_written_once(dynamodb: tuple[Any, str], run: Run) -> None:
    store = DynamoStore(*dynamodb)
    with metered(dynamodb[0]) as meter:
        store.create_run(replace(run, params={"text": "x" * 299_000}, sweep_at_ms=1))
        store.change_run(run.run_id, 0, SUCCEEDED)
    assert [units for _, units in meter.calls] == [293, 3, 2]


@pytest.mark.parametrize("to", RunState)
@pytest.mark.parametrize("state", RunState)
def test_a_run_moves_as_the_table_says_and_says_so(store: Store, run: Run, state: RunState, to: RunState) -> None:
    run = replace(run, state=state)
    store.create_run(run)
    moves = state in RUN_STATES_BEFORE[to]
    assert store.change_run(run.run_id, 0, to) == moves
    assert store.run(run.run_id) == (replace(run, state=to) if moves else run)


def test_a_run_ends_once_and_keeps_the_time(store: Store, run: Run) -> None:
    store.create_run(run)
    assert store.change_run(run.run_id, 0, SUCCEEDED, ended_at_ms=5_000)
    assert not store.change_run(run.run_id, 0, SUCCEEDED, ended_at_ms=6_000)
    assert not store.change_run(run.run_id, 0, RunState.FAILED, ended_at_ms=7_000)
    assert store.run(run.run_id) == replace(run, state=SUCCEEDED, ended_at_ms=5_000)


def test_a_change_without_a_time_keeps_the_one_that_is_there(store: Store, run: Run) -> None:
    run = replace(run, ended_at_ms=5_000)
    store.create_run(run)
    assert store.change_run(run.run_id, 0, PAUSED)
    assert store.run(run.run_id) == replace(run, state=PAUSED)


def test_a_run_that_is_not_there_does_not_move(store: Store, fresh: str) -> None:
    assert not store.change_run(fresh, 0, PAUSED)
    assert store.run(fresh) is None


def test_runs_are_listed_newest_first_up_to_the_limit(store: Store, run: Run) -> None:
    for number in (2, 5, 1, 4, 3):
        store.create_run(replace(run, run_id=f"{run.run_id}-{number}", created_at_ms=number))
    listed = store.list_runs(run.workflow, 3).runs
    assert [found.created_at_ms for found in listed] == [5, 4, 3]
    assert listed[0] == replace(run, run_id=f"{run.run_id}-5", created_at_ms=5)
    assert len(store.list_runs(run.workflow, 100).runs) == 5


def test_a_list_holds_the_runs_of_its_workflow_alone(store: Store, run: Run) -> None:
    store.create_run(run)
    assert store.list_runs(f"{run.workflow}-other", 10) == ListedRuns((), None)


def created(store: Store, run: Run, *times_ms: int, state: RunState = RUNNING) -> None:
    for number, at_ms in enumerate(times_ms):
        run_id = f"{run.run_id}-{state}-{at_ms:06d}-{number:03d}"
        store.create_run(replace(run, run_id=run_id, created_at_ms=at_ms, state=state))


def test_a_list_of_runs_goes_on_where_it_stopped_also_within_a_millisecond(store: Store, run: Run) -> None:
    created(store, run, 5, 4, 4, 4, 4, 3, 1)
    seen: list[Run] = []
    after: RunPlace | None = None
    for _ in range(4):
        listed = store.list_runs(run.workflow, 2, after=after)
        seen += listed.runs
        after = listed.after
    assert after is None
    assert seen == sorted(seen, key=lambda one: place_of_run(one).order, reverse=True)
    assert len({one.run_id for one in seen}) == 7
    assert store.list_runs(run.workflow, 7).after is None


def test_runs_are_listed_from_a_time_on_and_before_another(store: Store, run: Run) -> None:
    created(store, run, 1, 2, 3, 4, 5)

    def times(**asked: int) -> list[int]:
        return [one.created_at_ms for one in store.list_runs(run.workflow, 10, **asked).runs]

    assert times(since_ms=2, until_ms=5) == [4, 3, 2]
    assert times(since_ms=4) == [5, 4]
    assert times(until_ms=2) == [1]
    assert times(since_ms=5, until_ms=5) == []
    assert times(since_ms=6, until_ms=2) == []


def test_runs_are_listed_by_their_state(store: Store, run: Run) -> None:
    created(store, run, 1, 3, 5)
    created(store, run, 2, 4, 6, state=SUCCEEDED)
    listed = store.list_runs(run.workflow, 2, state=SUCCEEDED)
    assert [one.created_at_ms for one in listed.runs] == [6, 4]
    rest = store.list_runs(run.workflow, 2, state=SUCCEEDED, after=listed.after)
    assert [one.created_at_ms for one in rest.runs] == [2]


def test_one_call_looks_at_so_many_runs_and_tells_where_the_next_goes_on(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (dynamodb_runs, memory_store):
        monkeypatch.setattr(module, "RUNS_LOOKED_AT", 4)
    created(store, run, *range(2, 12))
    created(store, run, 1, state=SUCCEEDED)
    calls, after, found = 0, None, ()
    while calls == 0 or after is not None:
        listed = store.list_runs(run.workflow, 5, state=SUCCEEDED, after=after)
        calls, after, found = calls + 1, listed.after, found + listed.runs
    assert (calls, [one.created_at_ms for one in found]) == (3, [1])
