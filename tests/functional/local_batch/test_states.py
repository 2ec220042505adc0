"""A job walks through Batch's states and every change is told."""

from __future__ import annotations

from typing import Any

import pytest

from .account import BatchAccount, EventQueue, log_lines, wait_for
from .conftest import StartBatch


def statuses(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["status"] for event in events]


def test_a_job_walks_through_the_states_and_each_change_but_the_first_is_an_event(
    account: BatchAccount, events: EventQueue
) -> None:
    job_id = account.submit(parameters={"run": "r-1"})
    told = events.until(job_id, "SUCCEEDED")
    assert statuses(told) == ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    last = told[-1]
    assert last["source"] == "aws.batch"
    assert last["detail-type"] == "Batch Job State Change"
    assert last["resources"] == [last["detail"]["jobArn"]]
    assert last["detail"]["parameters"] == {"run": "r-1"}
    assert last["detail"]["attempts"][0]["container"]["exitCode"] == 0
    assert last["detail"]["startedAt"] == last["detail"]["attempts"][0]["startedAt"]
    assert told[2]["detail"]["attempts"] == []


def test_describe_jobs_and_the_event_agree(account: BatchAccount, events: EventQueue) -> None:
    job_id = account.submit(tags={"team": "films"})
    detail = events.until(job_id, "SUCCEEDED")[-1]["detail"]
    described = account.describe(job_id)
    assert described["tags"] == {"team": "films"}
    assert detail["tags"] == {"resourceArn": detail["jobArn"]}
    assert (described["isCancelled"], described["isTerminated"]) == (False, False)
    for key in ("jobName", "jobQueue", "attempts", "createdAt", "startedAt", "stoppedAt", "container", "statusReason"):
        assert described[key] == detail[key], key


def test_a_failing_command_fails_the_job_with_its_exit_code(account: BatchAccount, events: EventQueue) -> None:
    job_id = account.python("raise SystemExit(3)")
    detail = events.until(job_id, "FAILED")[-1]["detail"]
    assert detail["container"]["exitCode"] == 3
    assert detail["statusReason"] == "Essential container in task exited"


def test_a_command_killed_by_a_signal_exits_with_128_and_its_number(account: BatchAccount) -> None:
    job = account.finish(account.python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert job["container"]["exitCode"] == 139


def test_the_log_lines_are_there_when_the_last_event_is(account: BatchAccount, events: EventQueue, logs: Any) -> None:
    source = (
        "import sys; print('one'); print('café', flush=True); print('oops', file=sys.stderr, flush=True); sys.exit(1)"
    )
    job_id = account.python(source)
    stream = events.until(job_id, "FAILED")[-1]["detail"]["container"]["logStreamName"]
    assert log_lines(logs, stream) == ["one", "café", "oops"]
    assert stream.startswith(f"{account.name}/default/")


def test_a_running_jobs_lines_can_be_read_while_it_runs(account: BatchAccount, logs: Any) -> None:
    job_id = account.python("import time; print('here', flush=True); time.sleep(60)")
    stream = account.reach(job_id, "RUNNING")["container"]["logStreamName"]

    def lines() -> list[str]:
        try:
            return log_lines(logs, stream)
        except logs.exceptions.ResourceNotFoundException:
            return []

    assert wait_for(lines, "the first line") == ["here"]
    account.batch.terminate_job(jobId=job_id, reason="seen enough")
    account.finish(job_id)


def test_a_failed_job_that_wrote_nothing_has_an_empty_stream(
    account: BatchAccount, events: EventQueue, logs: Any
) -> None:
    job_id = account.submit("false")
    stream = events.until(job_id, "FAILED")[-1]["detail"]["container"]["logStreamName"]
    assert log_lines(logs, stream) == []


@pytest.mark.parametrize("code", [0, 3])
def test_a_job_is_not_said_to_have_ended_before_its_log_is_there(account: BatchAccount, logs: Any, code: int) -> None:
    """Clients read the log once DescribeJobs or ListJobs says that the job ended, and do not come back for it."""
    for number in range(5):
        job_id = account.python(f"print('line {number}'); raise SystemExit({code})")
        status = "FAILED" if code else "SUCCEEDED"

        def listed(job_id: str = job_id, status: str = status) -> bool:
            found = account.batch.list_jobs(jobQueue=account.queue, jobStatus=status)["jobSummaryList"]
            return job_id in [job["jobId"] for job in found]

        wait_for(listed, f"{job_id} in the list")
        assert log_lines(logs, account.describe(job_id)["container"]["logStreamName"]) == [f"line {number}"]


@pytest.mark.long
def test_a_job_ends_though_its_log_cannot_be_written(start_batch: StartBatch) -> None:
    account = BatchAccount(start_batch("--aws-endpoint-url", "http://127.0.0.1:1").endpoint_url)
    job = account.finish(account.python("print('lost')"))
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)


def test_the_lines_go_to_the_group_and_the_stream_that_the_definition_names(
    account: BatchAccount, events: EventQueue, logs: Any
) -> None:
    group, options = f"/films/{account.name}", {"awslogs-group": f"/films/{account.name}"}
    configuration = {"logDriver": "awslogs", "options": {**options, "awslogs-stream-prefix": "nightly"}}
    definition = account.register("own-group", container={"logConfiguration": configuration})
    detail = events.until(account.python("print('here')", jobDefinition=definition), "SUCCEEDED")[-1]["detail"]
    stream = detail["container"]["logStreamName"]
    assert stream.startswith("nightly/default/")
    answer = logs.get_log_events(logGroupName=group, logStreamName=stream)
    assert [event["message"] for event in answer["events"]] == ["here"]
    assert detail["container"]["logConfiguration"] == configuration
