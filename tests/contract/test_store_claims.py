"""The store port: who has the right to submit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import Defect
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.records import RELEASED, Claim, TaskRecord
from chalicelib.core.states import TaskState
from chalicelib.ports.store import Store

OTHER = Claim(owner="invocation-b", lease_until_ms=120_000)


def read(store: Store, attempt: Attempt) -> TaskRecord:
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record is not None
    return record


def test_a_task_has_no_record_before_its_first_claim(store: Store, attempt: Attempt) -> None:
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None
    assert store.tasks(attempt.run_id, attempt.epoch, 1) == []


def test_a_first_claim_lands_where_there_is_no_record(store: Store, attempt: Attempt, claim: Claim) -> None:
    assert store.claim(attempt, claim, 60_000) is None
    assert read(store, attempt) == TaskRecord(attempt, TaskState.CLAIMED, claim=claim, claimed_at_ms=60_000)


def test_a_second_claim_loses_and_learns_whose_the_first_is(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    assert store.claim(attempt, OTHER, 61_000) == read(store, attempt)
    assert read(store, attempt).claim == claim


def test_an_owner_that_claims_again_learns_that_its_claim_is_open(store: Store, attempt: Attempt, claim: Claim) -> None:
    # An invocation may meet its own claim of a moment ago, whose submission lost its answer: it must not submit again.
    store.claim(attempt, claim, 60_000)
    assert store.claim(attempt, claim, 60_000) == read(store, attempt)


def test_a_first_claim_does_not_land_on_a_task_that_ended(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.commit(attempt, TaskState.CANCELLED, None)
    found = store.claim(attempt, OTHER, 61_000)
    assert found and found.state is TaskState.CANCELLED


def test_tasks_of_one_shard_are_listed_in_order(store: Store, attempt: Attempt, claim: Claim) -> None:
    for index in (511, 256, 300, 255, 512):
        store.claim(replace(attempt, index=index), claim, 60_000)
    assert [record.attempt.index for record in store.tasks(attempt.run_id, attempt.epoch, 1)] == [256, 300, 511]
    assert [record.attempt.index for record in store.tasks(attempt.run_id, attempt.epoch, 0)] == [255]
    assert store.tasks(attempt.run_id, attempt.epoch, 0)[0] == store.task(attempt.run_id, attempt.epoch, 255)


def test_an_open_claim_is_taken_over_by_whom_saw_it(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    assert store.take_over(seen, OTHER)
    assert read(store, attempt) == replace(seen, claim=OTHER)


def test_of_two_that_saw_the_same_claim_one_takes_it_over(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    assert store.take_over(seen, OTHER)
    assert not store.take_over(seen, Claim("invocation-c", 130_000))
    assert read(store, attempt).claim == OTHER


def test_a_claim_that_was_renewed_by_its_owner_is_not_the_one_that_was_seen(
    store: Store, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    store.take_over(seen, replace(claim, lease_until_ms=95_000))
    assert not store.take_over(seen, OTHER)


def test_a_submitted_task_is_not_taken_over(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    store.record_job(attempt, "job-1")
    assert not store.take_over(seen, OTHER)
    assert read(store, attempt).job_id == "job-1"


def test_a_record_without_a_claim_is_not_taken_over(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.wait_for_retry(attempt, failure, 70_000)
    assert not store.take_over(read(store, attempt), OTHER)


def test_a_take_over_keeps_the_wish_to_cancel(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.request_cancel(read(store, attempt))
    assert store.take_over(read(store, attempt), OTHER)
    assert read(store, attempt).cancel_requested


def test_a_released_claim_has_no_lease_left_and_can_be_taken_over(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.release(attempt, claim.owner)
    store.release(attempt, claim.owner)
    released = read(store, attempt)
    assert released.claim == Claim(claim.owner, RELEASED)
    assert store.take_over(released, OTHER)
    assert read(store, attempt).claim == OTHER


def test_a_released_claim_keeps_since_when_its_submission_is_forbidden(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.release(attempt, claim.owner, forbidden_since_ms=60_007)
    released = read(store, attempt)
    assert released.forbidden_since_ms == 60_007
    assert store.take_over(released, OTHER)
    assert read(store, attempt).forbidden_since_ms == 60_007
    store.release(attempt, OTHER.owner)
    assert read(store, attempt).forbidden_since_ms == 60_007
    assert store.wait_for_retry(attempt, failure, 60_000)
    assert read(store, attempt).forbidden_since_ms is None, "the next attempt asks anew"


def test_a_claim_is_not_released_by_somebody_else(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.release(attempt, OTHER.owner)
    assert read(store, attempt).claim == claim


def test_an_owner_that_lost_its_claim_releases_nothing(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.take_over(read(store, attempt), OTHER)
    store.release(attempt, claim.owner)
    assert read(store, attempt).claim == OTHER


def test_a_claim_is_not_released_once_there_is_a_job(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.record_job(attempt, "job-1")
    store.release(attempt, claim.owner)
    assert read(store, attempt).claim == claim


def test_releasing_what_was_never_claimed_makes_no_record(store: Store, attempt: Attempt) -> None:
    store.release(attempt, "invocation-a")
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None


def test_a_retry_is_claimed_once_by_naming_the_job_it_replaces(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.record_job(attempt, "job-1")
    store.wait_for_retry(attempt, failure, 70_000)
    second = replace(attempt, number=2)
    assert store.claim(second, OTHER, 71_000, replaces_job="job-1") is None
    expected = TaskRecord(second, TaskState.CLAIMED, claim=OTHER, claimed_at_ms=71_000, past=(failure,))
    assert read(store, second) == expected
    assert store.claim(second, claim, 72_000, replaces_job="job-1") == expected


def test_a_retry_that_names_another_job_is_not_claimed(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.wait_for_retry(attempt, failure, 70_000)
    waiting = read(store, attempt)
    assert store.claim(replace(attempt, number=2), OTHER, 71_000, replaces_job="job-2") == waiting
    assert read(store, attempt) == waiting


def test_a_retry_of_another_attempt_or_epoch_is_not_claimed(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.wait_for_retry(attempt, failure, 70_000)
    waiting = read(store, attempt)
    for wrong in (attempt, replace(attempt, number=3)):
        assert store.claim(wrong, OTHER, 71_000, replaces_job="job-1") == waiting
    with pytest.raises(Defect):
        store.claim(replace(attempt, number=2, epoch=1), OTHER, 71_000, replaces_job="job-1")
    assert read(store, attempt) == waiting


@pytest.mark.parametrize("state", ["claimed", "submitted", "succeeded"])
def test_a_retry_is_claimed_of_a_waiting_task_alone(store: Store, attempt: Attempt, claim: Claim, state: str) -> None:
    store.claim(attempt, claim, 60_000)
    if state != "claimed":
        store.record_job(attempt, "job-1")
    if state == "succeeded":
        store.commit(attempt, TaskState.SUCCEEDED, JobResult("job-1", succeeded=True))
    found = store.claim(replace(attempt, number=2), OTHER, 71_000, replaces_job="job-1")
    assert found and found.state == state
    assert read(store, attempt).attempt == attempt


def test_a_retry_of_what_never_was_is_a_defect(store: Store, attempt: Attempt, claim: Claim) -> None:
    with pytest.raises(Defect, match="no record"):
        store.claim(replace(attempt, number=2), claim, 71_000, replaces_job="job-1")


def test_a_cancel_marks_an_open_claim_for_whoever_records_its_job(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    assert store.request_cancel(seen)
    assert store.request_cancel(seen)
    assert store.record_job(attempt, "job-1").cancel_requested


def test_a_cancel_that_comes_after_the_job_was_recorded_says_so(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    store.record_job(attempt, "job-1")
    assert not store.request_cancel(seen)
    assert not read(store, attempt).cancel_requested


def test_a_cancel_of_an_earlier_attempt_does_not_reach_the_next(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    seen = read(store, attempt)
    store.request_cancel(seen)
    store.wait_for_retry(attempt, failure, 70_000)
    store.claim(replace(attempt, number=2), OTHER, 71_000, replaces_job="job-1")
    assert not store.request_cancel(seen)
    assert not read(store, attempt).cancel_requested


ARRAY = Requested("arn:aws:batch:eu-west-1:111122223333:job-queue/gpu", 40)
SINGLE = Requested("spot")


def test_a_claim_holds_what_is_asked_for_until_the_next_one(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000, requested=ARRAY)
    assert read(store, attempt).requested == ARRAY
    store.record_job(attempt, "job-1")
    store.wait_for_retry(attempt, failure, 70_000)
    assert read(store, attempt).requested == ARRAY
    second = replace(attempt, number=2)
    store.claim(second, OTHER, 71_000, requested=SINGLE, replaces_job="job-1")
    assert read(store, second).requested == SINGLE
    store.record_job(second, "job-2")
    store.wait_for_retry(second, replace(failure, job_id="job-2"), 80_000)
    store.claim(replace(attempt, number=3), OTHER, 81_000, replaces_job="job-2")
    assert read(store, attempt).requested is None, "a request that cannot be rendered asks for nothing"


def test_a_claim_that_is_taken_over_holds_what_its_new_owner_asks_for(
    store: Store, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000, requested=ARRAY)
    assert store.take_over(read(store, attempt), OTHER)
    assert read(store, attempt).requested == ARRAY
    assert store.take_over(read(store, attempt), claim, SINGLE)
    assert read(store, attempt).requested == SINGLE
    assert store.take_over(read(store, attempt), OTHER, ARRAY)
    store.release(attempt, OTHER.owner)
    assert read(store, attempt).requested == ARRAY
