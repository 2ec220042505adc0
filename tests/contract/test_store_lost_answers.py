"""The table's adapter when the answer of a write is lost and botocore sends the write again.

The repetition finds what its own first try wrote. It must not take that for a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import TryAgain
from chalicelib.core.ids import Attempt
from chalicelib.core.monitor.counts import Bucket, Counted
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.core.run.records import Claim, Run, Tally
from chalicelib.core.states import JobStatus, RunState, TaskState
from tests.contract import servers

SUCCESS = JobResult("job-1", succeeded=True, exit_code=0)
Losing = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def store(dynamodb: tuple[Any, str]) -> DynamoStore:
    return DynamoStore(*dynamodb)


@pytest.fixture
def every_write_is_sent_twice(dynamodb: tuple[Any, str]) -> Losing:
    """Within it the client behaves as if the first answer of every write were lost: it sends the same bytes again."""
    client, _ = dynamodb

    def again(attempts: int, **_: Any) -> float | None:
        return 0.0 if attempts == 1 else None

    @contextmanager
    def losing() -> Any:
        writes = ("PutItem", "UpdateItem", "TransactWriteItems")
        events = [f"needs-retry.dynamodb.{write}" for write in writes]
        for event in events:
            client.meta.events.register_first(event, again, unique_id=f"lost-{event}")
        try:
            yield
        finally:
            for event in events:
                client.meta.events.unregister(event, unique_id=f"lost-{event}")

    return losing


def test_a_claim_sent_twice_is_won_once(
    store: DynamoStore, every_write_is_sent_twice: Losing, attempt: Attempt, claim: Claim
) -> None:
    with every_write_is_sent_twice():
        assert store.claim(attempt, claim, 60_000) is None
        # The same owner claiming anew is another write, and finds the claim taken.
        assert store.claim(attempt, claim, 60_000) == store.task(attempt.run_id, attempt.epoch, attempt.index)


def test_a_take_over_sent_twice_is_won(
    store: DynamoStore, every_write_is_sent_twice: Losing, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    seen = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert seen
    with every_write_is_sent_twice():
        assert store.take_over(seen, Claim("b", 120_000))
        assert not store.take_over(seen, Claim("b", 120_000))


def test_a_wait_and_a_retry_sent_twice_land_once(
    store: DynamoStore, every_write_is_sent_twice: Losing, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    with every_write_is_sent_twice():
        assert store.wait_for_retry(attempt, failure, 70_000)
        assert not store.wait_for_retry(attempt, failure, 70_000)
        assert store.claim(replace(attempt, number=2), claim, 71_000, replaces_job="job-1") is None
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record and record.past == (failure,)


def test_a_job_and_its_states_sent_twice_are_recorded(
    store: DynamoStore, every_write_is_sent_twice: Losing, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    with every_write_is_sent_twice():
        assert store.record_job(attempt, "job-1").state is TaskState.SUBMITTED
        observed = store.observe(attempt, "job-1", TaskState.RUNNING, 1, 61_000)
        assert observed and (observed.state, observed.job_tries) == (TaskState.RUNNING, 1)
        assert store.commit(attempt, TaskState.SUCCEEDED, SUCCESS)
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record and (record.state, record.result) == (TaskState.SUCCEEDED, SUCCESS)


def test_a_request_to_cancel_sent_twice_lands(
    store: DynamoStore, every_write_is_sent_twice: Losing, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    seen = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert seen
    with every_write_is_sent_twice():
        assert store.request_cancel(seen)
        store.release(attempt, claim.owner)
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record and record.cancel_requested and record.claim == Claim(claim.owner, 0)


@pytest.mark.parametrize("size", [1, 256])
def test_a_tally_sent_twice_adds_once(
    store: DynamoStore, every_write_is_sent_twice: Losing, fresh: str, size: int
) -> None:
    mask = (1 << size) - 1
    with every_write_is_sent_twice():
        assert store.tally(fresh, 0, 0, {TaskState.SUCCEEDED: mask}) is not None
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=mask)


def test_a_run_sent_twice_is_created_and_ended_once(
    store: DynamoStore, every_write_is_sent_twice: Losing, fresh: str
) -> None:
    run = Run(fresh, f"workflow-{fresh}", 1, "d", {}, RunState.RUNNING, 1, "r")
    with every_write_is_sent_twice():
        assert store.create_run(run) == run
        assert store.change_run(fresh, 0, RunState.SUCCEEDED, ended_at_ms=2)
        assert not store.change_run(fresh, 0, RunState.SUCCEEDED, ended_at_ms=2)


def test_a_version_sent_twice_is_one_version(store: DynamoStore, every_write_is_sent_twice: Losing, fresh: str) -> None:
    plan = Plan(fresh, (PlannedTask("a", JobSpec("d", "q")),), ((),))
    with every_write_is_sent_twice():
        assert store.push(fresh, {"n": 1}, plan, 1).version == 1
        assert store.push(fresh, {"n": 2}, plan, 2).version == 2
    assert store.workflow(fresh, 3) is None


def test_an_ending_sent_twice_is_recorded_and_counted_once(
    store: DynamoStore, every_write_is_sent_twice: Losing, fresh: str
) -> None:
    running = JobRecord(fresh, "n", "q", "d:1", JobStatus.RUNNING, created_at_ms=1, seen_at_ms=1)
    ended, counted = replace(running, status=JobStatus.FAILED), Counted(300_000, False, (fresh,), (fresh, 7))
    for before in ((), (running,)):
        for number, record in enumerate((*before, ended)):
            job_id = f"{fresh}-{len(before)}"
            with every_write_is_sent_twice():
                stood = store.observe_job(replace(record, job_id=job_id), 1, counted if record is ended else None)
            assert stood is None, number
    assert store.buckets(fresh, 0, 600_000) == [Bucket(300_000, failed=2)]
    assert store.run_times(fresh, "1970-01") == {7: 2}


def test_a_table_that_cannot_be_reached_says_try_again(attempt: Attempt, claim: Claim) -> None:
    nobody = DynamoStore(servers.client("dynamodb", "http://127.0.0.1:9", total_tries=1), "batchwright-nowhere")
    with pytest.raises(TryAgain, match="UpdateItem"):
        nobody.record_job(attempt, "job-1")
    with pytest.raises(TryAgain, match="PutItem"):
        nobody.claim(attempt, claim, 60_000)
    with pytest.raises(TryAgain, match="GetItem"):
        nobody.task(attempt.run_id, attempt.epoch, attempt.index)
    with pytest.raises(TryAgain, match="Query"):
        nobody.tasks(attempt.run_id, attempt.epoch, 0)
