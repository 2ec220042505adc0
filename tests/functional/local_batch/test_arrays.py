"""Array jobs: one parent, many children."""

from __future__ import annotations

from typing import Any

from .account import BatchAccount, EventQueue, Gate, log_lines

FAIL_INDEX_1 = "import os; raise SystemExit(os.environ['AWS_BATCH_JOB_ARRAY_INDEX'] == '1')"


def told_statuses(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["status"] for event in events]


def test_a_parent_is_pending_until_all_its_children_succeeded(account: BatchAccount, events: EventQueue) -> None:
    job_id = account.submit(arrayProperties={"size": 5})
    told = events.until(job_id, "SUCCEEDED")
    assert told_statuses(told) == ["PENDING", "SUCCEEDED"]
    properties = told[-1]["detail"]["arrayProperties"]
    assert properties["size"] == 5
    assert properties["statusSummary"]["SUCCEEDED"] == 5
    assert "index" not in properties
    assert "exitCode" not in told[-1]["detail"]["container"]


def test_every_child_has_events_an_index_and_a_log_of_its_own(
    account: BatchAccount, events: EventQueue, logs: Any
) -> None:
    source = (
        "import os; print(os.environ['AWS_BATCH_JOB_ID'], os.environ['AWS_BATCH_JOB_ARRAY_INDEX'],"
        " os.environ['AWS_BATCH_JOB_ARRAY_SIZE'])"
    )
    job_id = account.python(source, arrayProperties={"size": 3})
    events.until(job_id, "SUCCEEDED")
    for index in range(3):
        told = events.of(f"{job_id}:{index}")
        assert told_statuses(told) == ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
        detail = told[-1]["detail"]
        assert detail["arrayProperties"] == {"index": index, "statusSummary": {}}
        assert log_lines(logs, detail["container"]["logStreamName"]) == [f"{job_id}:{index} {index} 3"]


def test_one_failed_child_fails_the_array_once_all_have_ended(account: BatchAccount) -> None:
    job = account.finish(account.python(FAIL_INDEX_1, arrayProperties={"size": 4}))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 1


def test_children_retry_alone(account: BatchAccount) -> None:
    job_id = account.python(FAIL_INDEX_1, arrayProperties={"size": 3}, retryStrategy={"attempts": 3})
    account.finish(job_id)
    tries = [len(account.describe(f"{job_id}:{index}")["attempts"]) for index in range(3)]
    assert tries == [1, 3, 1]


def test_terminating_an_array_ends_its_children(account: BatchAccount) -> None:
    job_id = account.submit("sleep", "600", arrayProperties={"size": 12})
    account.reach(f"{job_id}:0", "RUNNING")
    account.batch.terminate_job(jobId=job_id, reason="no longer wanted")
    job = account.finish(job_id)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "no longer wanted", True)
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 12
    assert account.describe(f"{job_id}:0")["statusReason"] == "no longer wanted"


def test_a_child_may_be_terminated_alone(account: BatchAccount) -> None:
    job_id = account.submit("sleep", "600", arrayProperties={"size": 2})
    account.reach(f"{job_id}:1", "RUNNING")
    account.batch.terminate_job(jobId=f"{job_id}:1", reason="only this one")
    assert account.finish(f"{job_id}:1")["statusReason"] == "only this one"
    assert account.status(job_id) == "PENDING"
    account.batch.terminate_job(jobId=job_id, reason="and the rest")
    account.finish(job_id)


def test_cancelling_an_array_leaves_what_runs(account: BatchAccount, gate: Gate) -> None:
    # Eight vCPUs: eight children run, two wait.
    job_id = account.python(gate.source(), arrayProperties={"size": 10})
    account.reach(f"{job_id}:7", "RUNNING")
    account.batch.cancel_job(jobId=job_id, reason="changed my mind")
    gate.open()
    assert account.finish(f"{job_id}:9")["statusReason"] == "changed my mind"
    job = account.finish(job_id)
    assert (job["status"], job["statusReason"], job["isCancelled"]) == ("FAILED", "changed my mind", True)
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 8
