"""The store port: what becomes of a task once it has a job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.core.batch.result import JobResult, JobTry
from chalicelib.core.errors import Defect
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.model import shard_of
from chalicelib.core.run.records import Claim, TaskRecord
from chalicelib.core.states import ENDINGS, TaskState
from chalicelib.ports.store import PAST_REASON_CHARACTERS, Store

SUBMITTED, PENDING, RUNNABLE = TaskState.SUBMITTED, TaskState.PENDING, TaskState.RUNNABLE
STARTING, RUNNING, SUCCEEDED = TaskState.STARTING, TaskState.RUNNING, TaskState.SUCCEEDED
LIFE = (SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING)
SUCCESS = JobResult("job-1", succeeded=True, exit_code=0, log_stream="films/default/1", stopped_at_ms=2_000)


@pytest.fixture
def submitted(store: Store, attempt: Attempt, claim: Claim) -> TaskRecord:
    store.claim(attempt, claim, 60_000)
    return store.record_job(attempt, "job-1")


def read(store: Store, attempt: Attempt) -> TaskRecord:
    record = store.task(attempt.run_id, attempt.epoch, attempt.index)
    assert record is not None
    return record


# record_job


def test_a_job_is_recorded_for_a_claimed_attempt(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    expected = TaskRecord(attempt, SUBMITTED, claim=claim, claimed_at_ms=60_000, job_id="job-1")
    assert store.record_job(attempt, "job-1") == expected
    assert store.record_job(attempt, "job-1") == expected
    assert read(store, attempt) == expected


def test_a_second_job_of_an_attempt_learns_which_was_first(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    assert store.record_job(attempt, "job-2") == submitted
    assert read(store, attempt).job_id == "job-1"


def test_a_job_that_ended_before_its_id_was_recorded_stays_ended(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.commit(attempt, SUCCEEDED, SUCCESS)
    record = store.record_job(attempt, "job-1")
    assert (record.state, record.job_id) == (SUCCEEDED, "job-1")
    assert read(store, attempt) == record


def test_a_job_of_an_earlier_attempt_is_not_recorded_for_the_next(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    store.wait_for_retry(attempt, failure, 70_000)
    store.claim(replace(attempt, number=2), claim, 71_000, replaces_job="job-1")
    assert store.record_job(attempt, "job-1").attempt.number == 2
    assert read(store, attempt).job_id is None


def test_a_job_of_a_task_without_a_record_is_a_defect(store: Store, attempt: Attempt) -> None:
    with pytest.raises(Defect, match="no record"):
        store.record_job(attempt, "job-1")


# observe


def test_a_job_is_followed_through_its_life(store: Store, attempt: Attempt, submitted: TaskRecord) -> None:
    for state in LIFE[1:]:
        started = 61_000 if state is RUNNING else None
        record = store.observe(attempt, "job-1", state, 0, started)
        assert record == replace(submitted, state=state, started_at_ms=started) == read(store, attempt)


@pytest.mark.parametrize("first", LIFE)
@pytest.mark.parametrize("second", LIFE)
def test_of_two_states_the_later_one_stays(
    store: Store, attempt: Attempt, submitted: TaskRecord, first: TaskState, second: TaskState
) -> None:
    store.observe(attempt, "job-1", first, 0, None)
    record = store.observe(attempt, "job-1", second, 0, None)
    assert record and record.state == max(first, second, key=LIFE.index)
    assert read(store, attempt) == record


@pytest.mark.parametrize("ending", [SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED])
def test_a_late_running_event_leaves_an_ended_task_alone(
    store: Store, attempt: Attempt, submitted: TaskRecord, ending: TaskState
) -> None:
    store.commit(attempt, ending, SUCCESS)
    ended = read(store, attempt)
    assert store.observe(attempt, "job-1", RUNNING, 0, 61_000) == ended
    assert store.observe(attempt, "job-1", RUNNING, 5, 61_000) == ended
    assert read(store, attempt) == ended


def test_a_job_that_batch_itself_retried_starts_over(store: Store, attempt: Attempt, submitted: TaskRecord) -> None:
    store.observe(attempt, "job-1", RUNNING, 0, 61_000)
    record = store.observe(attempt, "job-1", RUNNABLE, 1, None)
    assert record and (record.state, record.job_tries) == (RUNNABLE, 1)
    record = store.observe(attempt, "job-1", RUNNING, 1, 65_000)
    assert record and (record.state, record.job_tries, record.started_at_ms) == (RUNNING, 1, 65_000)
    record = store.observe(attempt, "job-1", RUNNING, 2, 67_000)
    assert record and (record.state, record.job_tries, record.started_at_ms) == (RUNNING, 2, 67_000)
    assert read(store, attempt) == record


def test_an_event_of_an_earlier_try_of_the_job_is_old_news(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    record = store.observe(attempt, "job-1", RUNNABLE, 1, None)
    assert store.observe(attempt, "job-1", RUNNING, 0, 61_000) == record
    assert store.observe(attempt, "job-1", RUNNABLE, 1, None) == record
    assert store.observe(attempt, "job-1", PENDING, 1, None) == record
    assert read(store, attempt) == record


@pytest.mark.parametrize("state", LIFE)
@pytest.mark.parametrize("job_tries", [0, 2])
def test_a_claimed_attempt_adopts_the_job_of_its_first_event(
    store: Store, attempt: Attempt, claim: Claim, state: TaskState, job_tries: int
) -> None:
    store.claim(attempt, claim, 60_000)
    record = store.observe(attempt, "job-1", state, job_tries, None)
    claimed = TaskRecord(attempt, TaskState.CLAIMED, claim=claim, claimed_at_ms=60_000)
    assert record == replace(claimed, state=state, job_id="job-1", job_tries=job_tries)
    assert read(store, attempt) == record


def test_an_adoption_tells_that_the_job_is_to_be_terminated(store: Store, attempt: Attempt, claim: Claim) -> None:
    store.claim(attempt, claim, 60_000)
    store.request_cancel(read(store, attempt))
    record = store.observe(attempt, "job-1", RUNNING, 0, 61_000)
    assert record and record.cancel_requested and record.job_id == "job-1"


def test_the_event_of_a_second_job_does_not_replace_the_first(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    assert store.observe(attempt, "job-2", RUNNING, 0, 61_000) == submitted
    assert store.observe(attempt, "job-2", RUNNING, 3, 61_000) == submitted
    assert read(store, attempt) == submitted


def test_an_event_of_a_task_without_a_record_makes_none(store: Store, attempt: Attempt) -> None:
    assert store.observe(attempt, "job-1", RUNNING, 0, 61_000) is None
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None


def test_an_event_of_another_attempt_or_epoch_changes_nothing(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    assert store.observe(replace(attempt, number=2), "job-1", RUNNING, 0, 61_000) == submitted
    assert store.observe(replace(attempt, epoch=1), "job-1", RUNNING, 0, 61_000) is None
    assert read(store, attempt) == submitted


def test_a_late_event_leaves_a_task_alone_that_waits_for_its_retry(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.wait_for_retry(attempt, failure, 70_000)
    waiting = read(store, attempt)
    assert store.observe(attempt, "job-1", RUNNING, 0, 61_000) == waiting
    assert store.observe(attempt, "job-1", RUNNING, 1, 61_000) == waiting
    assert read(store, attempt) == waiting


@pytest.mark.parametrize("state", [TaskState.WAITING, TaskState.CLAIMED, *ENDINGS])
def test_a_state_that_no_job_under_way_has_cannot_be_observed(
    store: Store, attempt: Attempt, submitted: TaskRecord, state: TaskState
) -> None:
    with pytest.raises(Defect, match=state):
        store.observe(attempt, "job-1", state, 0, None)


# wait_for_retry


def test_an_attempt_that_failed_waits_for_the_next(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.observe(attempt, "job-1", RUNNING, 1, 61_000)
    assert store.wait_for_retry(attempt, failure, 70_000)
    waiting = TaskRecord(attempt, TaskState.WAITING, job_id="job-1", retry_at_ms=70_000, past=(failure,))
    assert read(store, attempt) == waiting


def test_an_attempt_waits_once_and_keeps_its_result_once(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.wait_for_retry(attempt, failure, 70_000)
    waiting = read(store, attempt)
    assert not store.wait_for_retry(attempt, failure, 75_000)
    assert read(store, attempt) == waiting


def test_a_claimed_attempt_whose_first_event_is_its_failure_adopts_the_job_and_waits(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    assert store.wait_for_retry(attempt, failure, 70_000)
    assert read(store, attempt).job_id == "job-1"


def test_the_failure_of_a_second_job_does_not_end_the_attempt(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    assert not store.wait_for_retry(attempt, replace(failure, job_id="job-2"), 70_000)
    assert read(store, attempt) == submitted


def test_an_ended_task_does_not_wait_again(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.commit(attempt, TaskState.FAILED, failure)
    assert not store.wait_for_retry(attempt, failure, 70_000)
    assert read(store, attempt).state is TaskState.FAILED


def test_a_duplicate_of_the_first_failure_does_not_end_the_second_attempt(
    store: Store, attempt: Attempt, submitted: TaskRecord, claim: Claim, failure: JobResult
) -> None:
    store.wait_for_retry(attempt, failure, 70_000)
    second = replace(attempt, number=2)
    store.claim(second, claim, 71_000, replaces_job="job-1")
    claimed = read(store, second)
    assert not store.wait_for_retry(attempt, failure, 75_000)
    assert read(store, second) == claimed


def test_nothing_waits_where_there_is_no_record(store: Store, attempt: Attempt, failure: JobResult) -> None:
    assert not store.wait_for_retry(attempt, failure, 70_000)
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None


def test_past_results_are_kept_oldest_first_with_their_reasons_cut(
    store: Store, attempt: Attempt, claim: Claim, failure: JobResult
) -> None:
    store.claim(attempt, claim, 60_000)
    long = replace(failure, reason="x" * 1_024)
    store.wait_for_retry(attempt, long, 70_000)
    second = replace(attempt, number=2)
    store.claim(second, claim, 71_000, replaces_job="job-1")
    bare = JobResult("job-2", succeeded=False)
    store.wait_for_retry(second, bare, 80_000)
    store.claim(replace(attempt, number=3), claim, 81_000, replaces_job="job-2")
    assert read(store, attempt).past == (replace(long, reason="x" * PAST_REASON_CHARACTERS), bare)


# commit


@pytest.mark.parametrize("state", [SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED])
def test_a_commit_ends_the_record_and_returns_it_as_it_was(
    store: Store, attempt: Attempt, submitted: TaskRecord, state: TaskState
) -> None:
    assert store.commit(attempt, state, SUCCESS) == submitted
    assert read(store, attempt) == replace(submitted, state=state, result=SUCCESS)


def test_an_ended_record_never_changes(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.commit(attempt, SUCCEEDED, SUCCESS)
    ended = read(store, attempt)
    assert store.commit(attempt, SUCCEEDED, SUCCESS) == ended
    assert store.commit(attempt, TaskState.FAILED, failure) == ended
    assert store.commit(attempt, TaskState.CANCELLED, None) == ended
    assert read(store, attempt) == ended


def test_a_commit_of_an_earlier_attempt_leaves_the_later_one_alone(
    store: Store, attempt: Attempt, submitted: TaskRecord, claim: Claim, failure: JobResult
) -> None:
    store.wait_for_retry(attempt, failure, 70_000)
    second = replace(attempt, number=2)
    store.claim(second, claim, 71_000, replaces_job="job-1")
    claimed = read(store, second)
    assert store.commit(attempt, TaskState.FAILED, failure) == claimed
    assert store.commit(replace(second, epoch=1), TaskState.FAILED, failure) is None
    assert read(store, second) == claimed


def test_a_commit_adopts_the_job_of_an_attempt_that_was_only_claimed(
    store: Store, attempt: Attempt, claim: Claim
) -> None:
    store.claim(attempt, claim, 60_000)
    store.commit(attempt, SUCCEEDED, SUCCESS)
    assert (read(store, attempt).job_id, read(store, attempt).result) == ("job-1", SUCCESS)


def test_a_commit_without_a_result_keeps_the_job(store: Store, attempt: Attempt, submitted: TaskRecord) -> None:
    store.commit(attempt, TaskState.CANCELLED, None)
    assert read(store, attempt) == replace(submitted, state=TaskState.CANCELLED)


def test_a_task_that_waits_for_its_retry_can_be_ended(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult
) -> None:
    store.wait_for_retry(attempt, failure, 70_000)
    assert store.commit(attempt, TaskState.CANCELLED, None)
    ended = read(store, attempt)
    assert (ended.state, ended.retry_at_ms, ended.past) == (TaskState.CANCELLED, None, (failure,))


def test_a_commit_makes_no_record_where_there_is_none(store: Store, attempt: Attempt) -> None:
    assert store.commit(attempt, SUCCEEDED, SUCCESS) is None
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None


@pytest.mark.parametrize("state", [TaskState.SKIPPED, TaskState.UPSTREAM_FAILED])
def test_a_task_that_was_claimed_is_never_skipped(
    store: Store, attempt: Attempt, submitted: TaskRecord, state: TaskState
) -> None:
    assert store.commit(attempt, state, None) == submitted
    assert read(store, attempt) == submitted


def test_the_result_of_another_job_is_kept_beside_the_first_job(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    other = replace(SUCCESS, job_id="job-2")
    store.commit(attempt, SUCCEEDED, other)
    assert (read(store, attempt).job_id, read(store, attempt).result) == ("job-1", other)


def test_a_job_that_batch_does_not_know_is_noted_until_it_is_known_again(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    assert store.mark_missing(attempt, "job-1", 90_000)
    assert read(store, attempt) == replace(submitted, missing_since_ms=90_000)
    assert store.mark_missing(attempt, "job-1", None)
    assert read(store, attempt) == submitted


def test_only_the_job_of_an_attempt_under_way_is_noted_as_missing(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    assert not store.mark_missing(attempt, "job-2", 90_000)
    assert not store.mark_missing(replace(attempt, number=2), "job-1", 90_000)
    assert not store.mark_missing(replace(attempt, epoch=1), "job-1", 90_000)
    assert read(store, attempt) == submitted
    store.commit(attempt, TaskState.SUCCEEDED, SUCCESS)
    assert not store.mark_missing(attempt, "job-1", 90_000)


def test_a_new_attempt_does_not_inherit_that_the_job_before_was_missing(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult, claim: Claim
) -> None:
    store.mark_missing(attempt, "job-1", 90_000)
    store.wait_for_retry(attempt, failure, 91_000)
    assert read(store, attempt).missing_since_ms is None


def test_second_jobs_are_counted_once_each_across_attempts_and_endings(
    store: Store, attempt: Attempt, submitted: TaskRecord, failure: JobResult, claim: Claim
) -> None:
    assert [store.add_second_job(attempt, job_id) for job_id in ("job-7", "job-8", "job-7")] == [True, True, False]
    assert read(store, attempt) == replace(submitted, second_jobs=frozenset({"job-7", "job-8"}))
    store.wait_for_retry(attempt, failure, 70_000)
    second = replace(attempt, number=2)
    store.claim(second, claim, 71_000, replaces_job="job-1")
    store.commit(second, TaskState.FAILED, None)
    store.add_second_job(second, "job-9")
    assert read(store, attempt).second_jobs == {"job-7", "job-8", "job-9"}


def test_a_second_job_makes_no_record(store: Store, attempt: Attempt) -> None:
    assert not store.add_second_job(attempt, "job-7")
    assert store.task(attempt.run_id, attempt.epoch, attempt.index) is None


def test_every_epoch_has_records_of_its_own(
    store: Store, attempt: Attempt, submitted: TaskRecord, claim: Claim
) -> None:
    again = replace(attempt, epoch=1)
    assert store.claim(again, claim, 80_000) is None
    assert [record.attempt for record in store.tasks(attempt.run_id, 0, shard_of(attempt.index))] == [attempt]
    assert [record.attempt for record in store.tasks(attempt.run_id, 1, shard_of(attempt.index))] == [again]
    assert read(store, attempt) == submitted


def test_the_tries_inside_batch_are_kept_of_an_ending_and_of_an_attempt_before(
    store: Store, attempt: Attempt, submitted: TaskRecord
) -> None:
    tries = (JobTry(1, 2, 3, "Host EC2 terminated", "films/default/1"), JobTry(reason="é"))
    failed = JobResult("job-1", succeeded=False, exit_code=3, tries=tries)
    store.wait_for_retry(attempt, failed, 70_000)
    second = replace(attempt, number=2)
    store.claim(second, Claim("b", 99_000), 71_000, replaces_job="job-1")
    store.commit(second, TaskState.FAILED, replace(failed, job_id="job-2"))
    record = read(store, attempt)
    assert record.result is not None
    assert (record.past[0].tries, record.result.tries) == (tries, tries)
