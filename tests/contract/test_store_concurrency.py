"""The store port on servers that answer several callers at once: one wins, the others learn of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any, TypeVar

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Claim, Run, Tally
from chalicelib.core.states import RunState, TaskState
from tests.contract.conftest import SERVERS

CALLERS = 8
Answer = TypeVar("Answer")
pytestmark = pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)


@pytest.fixture
def store(dynamodb: tuple[Any, str]) -> DynamoStore:
    return DynamoStore(*dynamodb)


@pytest.fixture
def at_once() -> Iterator[Callable[[Callable[[int], Answer]], list[Answer]]]:
    """Calls a function with 0..7 in eight threads that start together; returns the answers in that order."""
    barrier = Barrier(CALLERS)
    with ThreadPoolExecutor(CALLERS) as pool:

        def call(function: Callable[[int], Answer]) -> list[Answer]:
            def caller(number: int) -> Answer:
                barrier.wait(10)
                return function(number)

            return list(pool.map(caller, range(CALLERS)))

        yield call


def claim_of(number: int) -> Claim:
    return Claim(f"invocation-{number}", 90_000)


def test_of_eight_claims_one_wins_and_the_others_see_its_owner(store: DynamoStore, at_once: Any, fresh: str) -> None:
    for index in range(20):
        attempt = Attempt(fresh, 0, index, 1)
        answers = at_once(lambda number, attempt=attempt: store.claim(attempt, claim_of(number), 60_000))
        [winner] = [number for number, answer in enumerate(answers) if answer is None]
        owners = {answer.claim.owner for answer in answers if answer}
        assert owners == {f"invocation-{winner}"}


def test_of_eight_take_overs_one_wins(store: DynamoStore, at_once: Any, attempt: Attempt) -> None:
    store.claim(attempt, Claim("dead", 1), 60_000)
    seen = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert seen
    answers = at_once(lambda number: store.take_over(seen, claim_of(number)))
    [winner] = [number for number, won in enumerate(answers) if won]
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record and record.claim == claim_of(winner)


def test_of_eight_claims_of_a_retry_one_wins(
    store: DynamoStore, at_once: Any, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.wait_for_retry(attempt, failure, 70_000)
    second = replace(attempt, number=2)
    answers = at_once(lambda number: store.claim(second, claim_of(number), 71_000, replaces_job="job-1"))
    assert answers.count(None) == 1


def test_of_eight_failures_told_at_once_one_ends_the_attempt(
    store: DynamoStore, at_once: Any, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    answers = at_once(lambda _: store.wait_for_retry(attempt, failure, 70_000))
    assert answers.count(True) == 1
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record and record.past == (failure,)


def test_of_eight_jobs_of_one_attempt_one_is_recorded_and_all_learn_which(
    store: DynamoStore, at_once: Any, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    answers = at_once(lambda number: store.record_job(attempt, f"job-{number}"))
    assert len({record.job_id for record in answers}) == 1


def test_eight_endings_at_once_are_all_in_the_tally_and_one_sees_all_others(
    store: DynamoStore, at_once: Any, fresh: str
) -> None:
    answers = at_once(lambda number: store.tally(fresh, 0, 0, {TaskState.SUCCEEDED: 1 << number}))
    assert store.read_tally(fresh, 0, 0) == Tally(succeeded=0xFF)
    assert sorted(answer.succeeded.bit_count() for answer in answers) == list(range(CALLERS))


def test_eight_different_endings_of_one_task_leave_one(store: DynamoStore, at_once: Any, fresh: str) -> None:
    endings = [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED] * 2
    answers = at_once(lambda number: store.tally(fresh, 0, 0, {endings[number]: 0b1}))
    kept = store.read_tally(fresh, 0, 0).ending_of(0)
    assert all((answer is not None) == (endings[number] is kept) for number, answer in enumerate(answers))


def test_large_and_small_tallies_at_once_lose_nothing(store: DynamoStore, at_once: Any, fresh: str) -> None:
    width = 256 // CALLERS
    masks = [((1 << width) - 1) << (width * number) for number in range(CALLERS)]
    halves = [masks[number] | (masks[number + 1] if number % 2 == 0 else 0) for number in range(CALLERS)]
    answers = at_once(lambda number: store.tally(fresh, 0, 0, {TaskState.SKIPPED: halves[number]}))
    assert None not in answers
    assert store.read_tally(fresh, 0, 0) == Tally(skipped=(1 << 256) - 1)


def test_of_eight_creations_of_a_run_all_return_the_same_one(store: DynamoStore, at_once: Any, fresh: str) -> None:
    def create(number: int) -> Run:
        return store.create_run(
            Run(fresh, f"workflow-{fresh}", 1, "d", {"number": number}, RunState.RUNNING, number, str(number))
        )

    answers = at_once(create)
    assert all(answer == store.run(fresh) for answer in answers)


def test_of_eight_that_end_a_run_one_does(store: DynamoStore, at_once: Any, fresh: str) -> None:
    store.create_run(Run(fresh, f"workflow-{fresh}", 1, "d", {}, RunState.RUNNING, 1, "r"))

    def end(number: int) -> bool:
        return store.change_run(fresh, 0, RunState.SUCCEEDED, ended_at_ms=number)

    assert at_once(end).count(True) == 1
