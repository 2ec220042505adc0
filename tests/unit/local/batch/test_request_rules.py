"""The rules that Batch's reference states in prose, against requests that just keep them and just break them."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from batchwright.local.batch.arns import Account
from batchwright.local.batch.definitions import Definitions
from batchwright.local.batch.errors import ClientError
from batchwright.local.batch.request_rules import RULES, check_plain
from batchwright.local.batch.submission import check_submission
from batchwright.local.batch.tags import Tags

from .samples import DEFINITION, needing

ROLE = {"executionRoleArn": "arn:aws:iam::111122223333:role/execution"}


def needs(vcpus: str, memory_mib: str) -> dict[str, Any]:
    return dict(needing(vcpus, memory_mib)["containerOverrides"])


def register(container: dict[str, Any] | None = None, fargate: bool = False, **members: Any) -> None:
    """Register a definition that keeps all rules but for what is given."""
    properties = {"image": "i", **needs("1", "2048"), **(ROLE if fargate else {}), **(container or {})}
    request = {"jobDefinitionName": "d", "type": "container", "containerProperties": properties, **members}
    if fargate:
        request["platformCapabilities"] = ["FARGATE"]
    if "ecsProperties" in members:
        del request["containerProperties"]
    Definitions(Account("111122223333", "us-east-1"), Tags(), 60).register_job_definition(request)


def ecs(*containers: dict[str, Any], **task: Any) -> dict[str, Any]:
    made = [{"name": "main", "image": "i", **needs("1", "2048"), **container} for container in containers]
    return {"taskProperties": [{**task, "containers": made}]}


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "is_taken"),
    [
        ("0.25", "512", True),
        ("0.25", "3072", False),
        ("1", "1024", False),
        ("1.0", "2048", True),
        ("1.5", "700", False),
        ("4", "30720", True),
        ("8", "17408", False),
        ("16", "122880", True),
        ("32", "249856", True),
        ("32", "65536", False),
    ],
)
def test_vcpus_and_memory_on_fargate_are_a_pair_of_the_reference(vcpus: str, memory_mib: str, is_taken: bool) -> None:
    on_fargate = {**DEFINITION, "platformCapabilities": ["FARGATE"]}
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": "d", **needing(vcpus, memory_mib)}
    if is_taken:
        register(needs(vcpus, memory_mib), fargate=True)
        check_submission(request, on_fargate, 100, 60)
        return
    with pytest.raises(ClientError, match=r"Fargate resource requirements .* not valid"):
        register(needs(vcpus, memory_mib), fargate=True)
    with pytest.raises(ClientError, match=r"Fargate resource requirements .* not valid"):
        check_submission(request, on_fargate, 100, 60)


@pytest.mark.parametrize(
    ("container", "what"),
    [
        ({"executionRoleArn": ""}, "executionRoleArn is required for Fargate"),
        ({"privileged": True}, "privileged is not applicable"),
        ({"instanceType": "m5.large"}, "instanceType is not applicable"),
        ({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1}]}, "ulimits is not applicable"),
        ({"vcpus": 1}, "vcpus is not applicable for Fargate. Use resource requirements instead."),
        ({"linuxParameters": {"sharedMemorySize": 64}}, "linuxParameter.sharedMemorySize is not allowed"),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "/x"}}]}, "host.sourcePath should not be set"),
        ({"logConfiguration": {"logDriver": "syslog"}}, "Log driver for Fargate is not valid: syslog"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "between 21 and 200, not 20"),
        (
            {"resourceRequirements": [*needs("1", "2048")["resourceRequirements"], {"type": "GPU", "value": "1"}]},
            "GPU is not applicable",
        ),
    ],
)
def test_what_fargate_does_not_take_is_refused_at_registering(container: dict[str, Any], what: str) -> None:
    register(fargate=True)
    with pytest.raises(ClientError, match=what):
        register(container, fargate=True)


@pytest.mark.parametrize(
    ("container", "members", "what"),
    [
        ({"networkConfiguration": {"assignPublicIp": "ENABLED"}}, {}, "networkConfiguration not applicable for EC2"),
        (needs("0.5", "2048"), {}, "VCPU must be a whole number on EC2, not 0.5"),
        (needs("nan", "2048"), {}, "more than 0 vCPUs"),
        (needs("1", "3"), {}, "at least 4 MiB"),
        (needs("x", "64"), {}, "must be numbers"),
        ({"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}, {}, "cannot start with AWS_BATCH"),
        ({"environment": [{"value": "1"}]}, {}, "name is required"),
        ({}, {"jobDefinitionName": "a.b"}, "Provided name a.b is not supported"),
        ({}, {"platformCapabilities": ["EC2", "FARGATE"]}, "Exactly 1 capability"),
        ({}, {"platformCapabilities": ["MANAGED_INSTANCES"]}, "ecsProperties must be provided"),
        ({}, {"schedulingPriority": 10_000}, "between 0 and 9999"),
        ({}, {"parameters": {"a": "x" * 25_000}}, "at most 24576 bytes"),
        ({}, {"type": "multinode"}, "multi-node"),
        ({}, {"ecsProperties": ecs({}, {})}, "several containers"),
        ({}, {"ecsProperties": ecs({"essential": False})}, "at least one essential"),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(container: Any, members: Any, what: str) -> None:
    with pytest.raises(ClientError, match=what):
        register(container, **members)


@pytest.mark.parametrize(
    ("change", "definition", "what"),
    [
        ({"dependsOn": [{"jobId": "x"}] * 21}, {}, "maximum of 20 jobs, not 21"),
        (
            {"retryStrategy": {"evaluateOnExit": [{"onReason": "*", "action": "EXIT"}]}},
            {},
            "attempts must be spec",
        ),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_JOB_ID"}]}}, {}, "cannot start with AWS_BATCH"),
        ({"containerOverrides": {"command": ["a", ""]}}, {}, "empty string"),
        ({"containerOverrides": {"vcpus": 1}}, {"platformCapabilities": ["FARGATE"]}, "Use resource requirements"),
        ({"ecsPropertiesOverride": ecs({})}, {}, "use containerOverrides"),
    ],
)
def test_a_job_that_breaks_a_rule_is_refused(change: Any, definition: Any, what: str) -> None:
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": "d", **change}
    with pytest.raises(ClientError, match=what):
        check_submission(request, {**DEFINITION, **definition}, 100, 60)


def test_the_overrides_of_a_job_go_where_its_definition_has_the_container() -> None:
    definition = {"ecsProperties": ecs({})}
    request = {"jobName": "j", "jobQueue": "q", "jobDefinition": "d"}
    changed = {"taskProperties": [{"containers": [{"name": "main", "command": ["x"]}]}]}
    check_submission({**request, "ecsPropertiesOverride": changed}, definition, 100, 60)
    with pytest.raises(ClientError, match="use ecsPropertiesOverride"):
        check_submission({**request, "containerOverrides": {"command": ["x"]}}, definition, 100, 60)
    other = {"taskProperties": [{"containers": [{"name": "other"}]}]}
    with pytest.raises(ClientError, match="'other'; the definition has 'main'"):
        check_submission({**request, "ecsPropertiesOverride": other}, definition, 100, 60)


ENVIRONMENT = {"computeEnvironmentName": "e", "type": "MANAGED"}
QUEUE = {"jobQueueName": "q", "priority": 1, "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "e"}]}
ACTION = {"reason": "r", "state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}


@pytest.mark.parametrize(
    ("operation", "request_", "what"),
    [
        ("CreateComputeEnvironment", ENVIRONMENT, "computeResources must be provided"),
        ("CreateComputeEnvironment", {**ENVIRONMENT, "computeEnvironmentName": "a b"}, "should match a valid pattern"),
        ("CreateComputeEnvironment", {**ENVIRONMENT, "computeResources": {}, "unmanagedvCpus": 1}, "only for an UNM"),
        (
            "CreateComputeEnvironment",
            {**ENVIRONMENT, "computeResources": {"type": "FARGATE_SPOT", "minvCpus": 0}},
            "minvCpus is not applicable for Fargate",
        ),
        ("CreateJobQueue", {**QUEUE, "jobQueueName": "a.b"}, "Job Queue name should match"),
        ("CreateJobQueue", {**QUEUE, "priority": 1001}, "between 0 and 1000, not 1001"),
        ("CreateJobQueue", {**QUEUE, "computeEnvironmentOrder": []}, "1 to 3 compute environments, not 0"),
        ("UpdateJobQueue", {"jobQueue": "q", "computeEnvironmentOrder": [{}] * 4}, "1 to 3 .* not 4"),
        ("CreateJobQueue", {**QUEUE, "jobStateTimeLimitActions": [{**ACTION, "maxTimeSeconds": 599}]}, "not 599"),
        ("CreateJobQueue", {**QUEUE, "jobStateTimeLimitActions": [{**ACTION, "action": "TERMINATE"}]}, "CANCEL"),
    ],
)
def test_an_environment_or_queue_that_breaks_a_rule_is_refused(operation: str, request_: Any, what: str) -> None:
    with pytest.raises(ClientError, match=what):
        check_plain(operation, request_)


def test_queues_that_keep_the_rules_pass() -> None:
    check_plain("CreateJobQueue", {**QUEUE, "jobStateTimeLimitActions": [ACTION]})
    check_plain("UpdateJobQueue", {"jobQueue": "q"})


def test_every_rule_names_operations_of_batch_and_its_source() -> None:
    known = set(botocore.session.get_session().get_service_model("batch").operation_names)
    for rule in RULES:
        assert set(rule.operations) <= known
        assert rule.source.startswith("https://docs.aws.amazon.com/batch/latest/")
        assert rule.sentence.endswith(".")
