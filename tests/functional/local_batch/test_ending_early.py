"""CancelJob, TerminateJob, and their bulk versions."""

from __future__ import annotations

import uuid

import pytest

from .account import BatchAccount, EventQueue, Gate

pytestmark = pytest.mark.long


def fill(account: BatchAccount) -> str:
    """Take the whole environment, so that what follows stays RUNNABLE."""
    all_of_it = {"resourceRequirements": [{"type": "VCPU", "value": "8"}]}
    job_id = account.submit("sleep", "600", overrides=all_of_it)
    account.reach(job_id, "RUNNING")
    return job_id


def test_terminating_a_running_job_ends_it_with_the_reason_given(account: BatchAccount, events: EventQueue) -> None:
    job_id = account.submit("sleep", "600", retryStrategy={"attempts": 3})
    account.reach(job_id, "RUNNING")
    account.batch.terminate_job(jobId=job_id, reason="cancelled by an operator")
    detail = events.until(job_id, "FAILED")[-1]["detail"]
    assert detail["statusReason"] == "cancelled by an operator"
    assert detail["isTerminated"] is True
    assert "isCancelled" not in detail
    assert len(detail["attempts"]) == 1
    assert detail["container"]["exitCode"] == 143


def test_cancelling_a_running_job_silently_does_nothing(account: BatchAccount) -> None:
    job_id = account.submit("sleep", "600")
    account.reach(job_id, "RUNNING")
    account.batch.cancel_job(jobId=job_id, reason="too late")
    assert account.status(job_id) == "RUNNING"
    account.batch.terminate_job(jobId=job_id, reason="for real")
    assert account.finish(job_id)["statusReason"] == "for real"


@pytest.mark.parametrize(("operation", "flag"), [("cancel_job", "isCancelled"), ("terminate_job", "isTerminated")])
def test_a_job_that_waits_for_capacity_ends_at_once(account: BatchAccount, operation: str, flag: str) -> None:
    blocker = fill(account)
    waiting = account.submit()
    account.reach(waiting, "RUNNABLE")
    getattr(account.batch, operation)(jobId=waiting, reason="not needed")
    job = account.describe(waiting)
    assert (job["status"], job["statusReason"], job["attempts"]) == ("FAILED", "not needed", [])
    assert job[flag] is True
    account.batch.terminate_job(jobId=blocker, reason="done")
    account.finish(blocker)


def test_a_cancelled_pending_job_ends_only_after_its_dependency(account: BatchAccount, gate: Gate) -> None:
    first = account.python(gate.source())
    second = account.submit(dependsOn=[{"jobId": first}])
    account.batch.cancel_job(jobId=second, reason="changed my mind")
    assert account.status(second) == "PENDING"
    gate.open()
    job = account.finish(second)
    assert (job["statusReason"], job["isCancelled"]) == ("changed my mind", True)
    assert account.status(first) == "SUCCEEDED"


def test_a_terminated_pending_job_ends_at_once(account: BatchAccount) -> None:
    first = account.submit("sleep", "600")
    second = account.submit(dependsOn=[{"jobId": first}])
    account.batch.terminate_job(jobId=second, reason="at once")
    assert account.status(second) == "FAILED"
    account.batch.terminate_job(jobId=first, reason="done")
    account.finish(first)


def test_a_failed_dependency_wins_over_a_cancel_that_waits(account: BatchAccount, gate: Gate) -> None:
    first = account.python(gate.source("raise SystemExit(1)"))
    second = account.submit(dependsOn=[{"jobId": first}])
    account.batch.cancel_job(jobId=second, reason="changed my mind")
    gate.open()
    assert account.finish(second)["statusReason"] == "Dependent Job failed"


def test_an_ended_job_and_an_unknown_one_are_left_alone(account: BatchAccount) -> None:
    job_id = account.submit()
    account.finish(job_id)
    account.batch.terminate_job(jobId=job_id, reason="too late")
    assert account.status(job_id) == "SUCCEEDED"
    account.batch.terminate_job(jobId=str(uuid.uuid4()), reason="who?")
    account.batch.cancel_job(jobId=str(uuid.uuid4()), reason="who?")


def test_many_jobs_end_in_one_call_and_errors_come_one_by_one(account: BatchAccount) -> None:
    running = [account.submit("sleep", "600") for _ in range(3)]
    for job_id in running:
        account.reach(job_id, "RUNNING")
    unknown = str(uuid.uuid4())
    answer = account.batch.terminate_jobs(jobs=[*running, unknown, "not an id"], reason="all of them")
    assert answer["successful"] == [*running, unknown]
    assert [(error["job"], error["code"]) for error in answer["errors"]] == [("not an id", "ValidationException")]
    assert {account.finish(job_id)["statusReason"] for job_id in running} == {"all of them"}


def test_a_bulk_cancel_leaves_what_runs(account: BatchAccount) -> None:
    blocker = fill(account)
    waiting = account.submit()
    answer = account.batch.cancel_jobs(jobs=[blocker, waiting], reason="tidy up")
    assert answer["successful"] == [blocker, waiting]
    assert (account.status(blocker), account.status(waiting)) == ("RUNNING", "FAILED")
    account.batch.terminate_job(jobId=blocker, reason="done")
    account.finish(blocker)


@pytest.mark.parametrize("operation", ["cancel_jobs", "terminate_jobs"])
def test_more_than_50_ids_are_refused(account: BatchAccount, operation: str) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match="1 to 50 ids, not 51"):
        getattr(account.batch, operation)(jobs=[str(uuid.uuid4())] * 51, reason="too many")


def test_a_reason_above_1024_characters_is_refused(account: BatchAccount) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match="1024 characters, not 1025"):
        account.batch.terminate_job(jobId=str(uuid.uuid4()), reason="x" * 1025)
