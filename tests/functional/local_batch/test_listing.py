"""ListJobs and DescribeJobs, through boto3's own paginators where there is one."""

from __future__ import annotations

import time
import uuid
from typing import Any

import boto3
import pytest

from batchwright.local.batch.client import LocalBatch

from .account import BatchAccount


@pytest.fixture
def plain_client(local_batch: LocalBatch, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client as anybody makes it: only the environment says where Batch is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BATCH", local_batch.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return boto3.client("batch")


def ids(pages: Any) -> list[str]:
    return [job["jobId"] for page in pages for job in page["jobSummaryList"]]


def test_the_paginator_lists_every_job_of_a_queue_once_newest_first(account: BatchAccount, plain_client: Any) -> None:
    submitted = [account.submit(name=f"page-{number}") for number in range(7)]
    for job_id in submitted:
        account.finish(job_id)
    paginator = plain_client.get_paginator("list_jobs")
    pages = list(paginator.paginate(jobQueue=account.queue, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 3}))
    assert [len(page["jobSummaryList"]) for page in pages] == [3, 3, 1]
    assert ids(pages) == submitted[::-1]


def test_the_paginator_lists_every_child_of_an_array_by_index(account: BatchAccount, plain_client: Any) -> None:
    array = account.submit(arrayProperties={"size": 25})
    account.finish(array)
    pages = plain_client.get_paginator("list_jobs").paginate(
        arrayJobId=array, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 10}
    )
    assert ids(pages) == [f"{array}:{index}" for index in range(25)]


def test_jobs_submitted_between_two_pages_neither_repeat_nor_hide_others(account: BatchAccount) -> None:
    submitted = [account.submit() for _ in range(4)]
    for job_id in submitted:
        account.finish(job_id)
    first = account.batch.list_jobs(jobQueue=account.queue, jobStatus="SUCCEEDED", maxResults=2)
    account.finish(account.submit())
    second = account.batch.list_jobs(
        jobQueue=account.queue, jobStatus="SUCCEEDED", maxResults=2, nextToken=first["nextToken"]
    )
    assert ids([first, second]) == submitted[::-1]
    assert "nextToken" not in second


def test_without_a_status_only_running_jobs_are_listed(account: BatchAccount) -> None:
    account.finish(account.submit())
    running = account.submit("sleep", "600")
    account.reach(running, "RUNNING")
    assert ids([account.batch.list_jobs(jobQueue=account.queue)]) == [running]
    account.batch.terminate_job(jobId=running, reason="done")
    account.finish(running)


def test_an_array_is_listed_as_pending_and_its_children_only_on_request(account: BatchAccount) -> None:
    array = account.submit("sleep", "600", arrayProperties={"size": 2})
    account.reach(f"{array}:1", "RUNNING")
    assert ids([account.batch.list_jobs(jobQueue=account.queue)]) == []
    pending = account.batch.list_jobs(jobQueue=account.queue, jobStatus="PENDING")["jobSummaryList"]
    assert [job["jobId"] for job in pending] == [array]
    assert pending[0]["arrayProperties"]["size"] == 2
    assert ids([account.batch.list_jobs(arrayJobId=array)]) == [f"{array}:0", f"{array}:1"]
    account.batch.terminate_job(jobId=array, reason="done")
    account.finish(array)


def test_a_summary_tells_how_the_job_ended(account: BatchAccount) -> None:
    job_id = account.submit("false", name="ends-badly")
    account.finish(job_id)
    (summary,) = account.batch.list_jobs(jobQueue=account.queue, jobStatus="FAILED")["jobSummaryList"]
    assert summary["container"] == {"exitCode": 1}
    assert summary["jobName"] == "ends-badly"
    assert summary["jobDefinition"] == account.definition
    assert summary["startedAt"] <= summary["stoppedAt"]


@pytest.mark.parametrize(
    ("value", "found"),
    [("alpha-one", ["Alpha-One"]), ("ALPHA*", ["alpha-two", "Alpha-One"]), ("alpha", []), ("*", None)],
)
def test_the_name_filter_ignores_case_and_status_and_ends_in_a_star(
    account: BatchAccount, value: str, found: list[str] | None
) -> None:
    for name, command in (("Alpha-One", "true"), ("alpha-two", "false"), ("beta", "true")):
        account.finish(account.submit(command, name=name))
    listed = account.batch.list_jobs(
        jobQueue=account.queue, jobStatus="RUNNING", filters=[{"name": "JOB_NAME", "values": [value]}]
    )["jobSummaryList"]
    assert [job["jobName"] for job in listed] == (found if found is not None else ["beta", "alpha-two", "Alpha-One"])


def test_filters_skip_array_children(account: BatchAccount) -> None:
    array = account.submit(name="many", arrayProperties={"size": 2})
    account.finish(array)
    by_name = [{"name": "JOB_NAME", "values": ["many"]}]
    assert ids([account.batch.list_jobs(jobQueue=account.queue, filters=by_name)]) == [array]
    assert ids([account.batch.list_jobs(arrayJobId=array, filters=by_name)]) == []


def test_filters_by_definition_and_by_time(account: BatchAccount) -> None:
    first = account.submit()
    other = account.register(f"{account.name}-other")
    time.sleep(0.002)
    second = account.submit(jobDefinition=other)
    created_at = account.finish(second)["createdAt"]
    account.finish(first)

    def listed(name: str, value: str) -> list[str]:
        return ids([account.batch.list_jobs(jobQueue=account.queue, filters=[{"name": name, "values": [value]}])])

    assert listed("JOB_DEFINITION", account.name) == [first]
    assert listed("JOB_DEFINITION", f"{account.name}*") == [second, first]
    assert listed("JOB_DEFINITION", other) == [second]
    assert listed("BEFORE_CREATED_AT", str(created_at)) == [first]
    assert listed("AFTER_CREATED_AT", str(created_at - 1)) == [second]


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({}, "Exactly one of"),
        ({"arrayJobId": "x", "multiNodeJobId": "y"}, "Exactly one of"),
        ({"filters": [{"name": "JOB_NAME", "values": ["a"]}] * 2, "arrayJobId": "x"}, "Only one filter"),
        ({"filters": [{"name": "COLOUR", "values": ["a"]}], "arrayJobId": "x"}, "Unknown filter 'COLOUR'"),
        ({"arrayJobId": "x", "maxResults": 0}, "maxResults must be 1 or more"),
        ({"arrayJobId": "x", "nextToken": "nonsense!"}, "nextToken"),
        ({"jobQueue": "no-such-queue"}, "JobQueue no-such-queue not found"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(account: BatchAccount, request_: dict[str, Any], what: str) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match=what):
        account.batch.list_jobs(**request_)


def test_a_page_with_a_filter_holds_at_most_100(account: BatchAccount) -> None:
    for _ in range(101):
        account.submit(dependsOn=[])
    by_name = [{"name": "JOB_NAME", "values": ["job"]}]
    page = account.batch.list_jobs(jobQueue=account.queue, filters=by_name, maxResults=1000)
    assert len(page["jobSummaryList"]) == 100
    rest = account.batch.list_jobs(jobQueue=account.queue, filters=by_name, nextToken=page["nextToken"])
    assert len(rest["jobSummaryList"]) == 1


def test_describe_jobs_leaves_unknown_ids_out_and_takes_at_most_100(account: BatchAccount) -> None:
    job_id = account.submit(arrayProperties={"size": 2})
    wanted = [str(uuid.uuid4()), job_id, f"{job_id}:1", f"{job_id}:2"]
    assert [job["jobId"] for job in account.batch.describe_jobs(jobs=wanted)["jobs"]] == [job_id, f"{job_id}:1"]
    with pytest.raises(account.batch.exceptions.ClientException, match="at most 100 ids, not 101"):
        account.batch.describe_jobs(jobs=[job_id] * 101)
    account.finish(job_id)


def test_the_snapshot_shows_who_is_next(account: BatchAccount) -> None:
    blocker = account.submit("sleep", "600", overrides={"resourceRequirements": [{"type": "VCPU", "value": "8"}]})
    account.reach(blocker, "RUNNING")
    waiting = [account.submit() for _ in range(3)]
    account.reach(waiting[-1], "RUNNABLE")
    front = account.batch.get_job_queue_snapshot(jobQueue=account.queue)["frontOfQueue"]["jobs"]
    assert [job["jobArn"].rsplit("/", 1)[1] for job in front] == waiting
    account.batch.terminate_job(jobId=blocker, reason="done")
    for job_id in waiting:
        account.finish(job_id)
