"""How definition, overrides and parameters become one job."""

from __future__ import annotations

from typing import Any

import pytest

from batchwright.local.batch.container import merge_container, merge_requirements, substitute
from batchwright.local.batch.errors import ClientError
from batchwright.local.batch.submission import check_submission

from .samples import DEFINITION, make_job


def test_a_parameter_stands_for_a_whole_argument() -> None:
    parameters = {"codec": "mp4"}
    assert substitute("Ref::codec", parameters) == "mp4"
    assert substitute("Ref::missing", parameters) == "Ref::missing"
    assert substitute("--codec=Ref::codec", parameters) == "--codec=Ref::codec"


def test_an_override_of_the_environment_wins_by_name_and_a_repeated_name_by_place() -> None:
    properties = {"image": "i", "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    overrides = {"environment": [{"name": "B", "value": "3"}, {"name": "B", "value": "4"}]}
    assert merge_container(properties, overrides, {})["environment"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "4"},
    ]


def test_an_override_of_one_resource_leaves_the_others() -> None:
    properties = {"resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]}
    overrides = {"resourceRequirements": [{"type": "MEMORY", "value": "128"}]}
    merged = merge_requirements(properties, overrides)
    assert {entry["type"]: entry["value"] for entry in merged} == {"VCPU": "1", "MEMORY": "128"}


def test_the_old_members_vcpus_and_memory_still_count() -> None:
    merged = merge_requirements({"vcpus": 2, "memory": 512}, {})
    assert {entry["type"]: entry["value"] for entry in merged} == {"VCPU": "2", "MEMORY": "512"}


def test_the_requests_parameters_win_over_the_definitions() -> None:
    job = make_job("one", parameters={"x": "1"}, containerOverrides={"command": ["echo", "Ref::x"]})
    assert job.spec.container["command"] == ["echo", "1"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"jobName": "has space"}, "Job name should match valid pattern"),
        ({"jobName": "-starts-wrong"}, "Job name should match valid pattern"),
        ({"jobName": "x" * 129}, "Job name should match valid pattern"),
        ({"arrayProperties": {"size": 1}}, "between 2 and 10000, not 1"),
        ({"arrayProperties": {"size": 10_001}}, "between 2 and 10000, not 10001"),
        ({"retryStrategy": {"attempts": 0}}, "between 1 and 10, not 0"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10, not 11"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"action": "EXIT"}]}}, "needs one of"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "a*b", "action": "EXIT"}]}}, "onReason"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "*", "action": "STOP"}]}}, "RETRY or EXIT"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "*", "action": "EXIT"}] * 6}}, "at most 5"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60 seconds, not 59"),
        ({"schedulingPriorityOverride": 10_000}, "between 0 and 9999"),
    ],
)
def test_what_batch_refuses_is_refused_with_the_value(change: dict[str, Any], what: str) -> None:
    request = {"jobName": "fine", "jobQueue": "q", "jobDefinition": "d", **change}
    with pytest.raises(ClientError, match=what):
        check_submission(request, DEFINITION, 100, 60)


def test_a_payload_above_30_kib_is_refused() -> None:
    request = {"jobName": "fine", "jobQueue": "q", "jobDefinition": "d"}
    check_submission(request, DEFINITION, 30 * 1024, 60)
    with pytest.raises(ClientError, match="30720 bytes, not 30721"):
        check_submission(request, DEFINITION, 30 * 1024 + 1, 60)
