"""Requests that Batch refuses, with Batch's error types and words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .account import BatchAccount
from .conftest import StartBatch

NODES = {"numNodes": 2, "mainNode": 0, "nodeRangeProperties": []}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"jobQueue": "nowhere"}, "JobQueue nowhere not found"),
        ({"jobDefinition": "nothing"}, "JobDefinition name nothing does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "nothing:7"}, "JobDefinition name nothing:7 does not exist"),
        (
            {"jobDefinition": "arn:aws:batch:us-east-1:000000000000:job-definition/nothing:1"},
            "JobDefinition arn:.*nothing:1 not found",
        ),
        ({"dependsOn": [{"jobId": "11111111-1111-4111-8111-111111111111"}]}, "does not exist"),
        ({"dependsOn": [{"jobId": "x"}] * 21}, "maximum of 20 jobs, not 21"),
        ({"parameters": {"text": "x" * 31_000}}, "30720 bytes"),
        ({"arrayProperties": {"size": 10_001}}, "between 2 and 10000"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "0"}]}}, "more than 0 vCPUs"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "TPU", "value": "1"}]}}, "TPU"),
        ({"tags": {str(number): "x" for number in range(51)}}, "tags: can have at most 50 entries, not 51"),
    ],
)
def test_a_submission_that_batch_refuses(account: BatchAccount, change: dict[str, Any], what: str) -> None:
    request = {"jobName": "j", "jobQueue": account.queue, "jobDefinition": account.definition, **change}
    with pytest.raises(account.batch.exceptions.ClientException, match=what) as refusal:
        account.batch.submit_job(**request)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_disabled_queue_takes_no_jobs(account: BatchAccount) -> None:
    account.batch.update_job_queue(jobQueue=account.queue, state="DISABLED")
    with pytest.raises(account.batch.exceptions.ClientException, match="ENABLED"):
        account.submit()


def test_time_outs_below_60_seconds_are_refused(start_batch: StartBatch) -> None:
    account = BatchAccount(start_batch().endpoint_url)
    with pytest.raises(account.batch.exceptions.ClientException, match="at least 60 seconds, not 59"):
        account.submit(timeout={"attemptDurationSeconds": 59})
    account.submit(timeout={"attemptDurationSeconds": 60})


def test_submit_calls_above_the_rate_are_throttled(start_batch: StartBatch) -> None:
    account = BatchAccount(start_batch("--submit-rate", "5").endpoint_url)
    refused = 0
    for _ in range(30):
        try:
            account.submit()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "TooManyRequestsException"
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
            refused += 1
    assert refused > 0


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (
            {"type": "multinode", "nodeProperties": {"numNodes": 2, "mainNode": 0, "nodeRangeProperties": []}},
            "multi-node",
        ),
        ({"type": "container"}, "Container properties must be provided"),
        ({"type": "container", "containerProperties": {"image": "i"}}, "vCPU is not provided"),
        ({"type": "container", "containerProperties": {"image": "i", "vcpus": 1}}, "Memory is not provided"),
        ({"type": "container", "containerProperties": {"vcpus": 1, "memory": 64}}, "image is not provided"),
        ({"type": "container", "ecsProperties": {"taskProperties": [{"containers": []}]}}, "several containers"),
    ],
)
def test_a_definition_that_is_refused(account: BatchAccount, members: dict[str, Any], what: str) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match=what):
        account.batch.register_job_definition(jobDefinitionName="refused", **members)


def test_an_operation_that_is_not_there_says_so(account: BatchAccount) -> None:
    with pytest.raises(account.batch.exceptions.ClientException, match="CreateSchedulingPolicy: this local Batch"):
        account.batch.create_scheduling_policy(name="fair")
