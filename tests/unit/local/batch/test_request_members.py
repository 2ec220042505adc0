"""Every member that botocore's model of Batch has is carried out, shown or refused; none is accepted and ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from batchwright.local.batch.errors import ClientError
from batchwright.local.batch.request_members import CARRIED_OUT, MEMBERS, SHOWN, check_members, treatment

MODEL = botocore.session.get_session().get_service_model("batch")


def leaves(shape: Any, place: str = "") -> Iterator[str]:
    """The members of a shape that hold values."""
    if shape.type_name == "list":
        yield from leaves(shape.member, place)
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from leaves(member, f"{place}.{name}" if place else name)
    else:
        yield place


@pytest.mark.parametrize("operation", MEMBERS)
def test_every_member_of_the_model_has_an_entry(operation: str) -> None:
    members = list(leaves(MODEL.operation_model(operation).input_shape))
    unknown = [member for member in members if "does not know" in treatment(MEMBERS[operation], member)]
    assert unknown == []


@pytest.mark.parametrize("operation", MEMBERS)
def test_every_entry_is_a_member_of_the_model(operation: str) -> None:
    members = list(leaves(MODEL.operation_model(operation).input_shape))
    unused = [name for name in MEMBERS[operation] if not any(f"{one}.".startswith(f"{name}.") for one in members)]
    assert unused == []


@pytest.mark.parametrize(
    ("operation", "request_", "what"),
    [
        (
            "SubmitJob",
            {"consumableResourcePropertiesOverride": {"consumableResourceList": [{"quantity": 1}]}},
            "consum",
        ),
        ("SubmitJob", {"shareIdentifier": "a"}, "shareIdentifier: this local Batch has no queue with a fair-share"),
        ("SubmitJob", {"eksPropertiesOverride": {"podProperties": {"metadata": {"labels": {"a": "b"}}}}}, "EKS"),
        ("SubmitJob", {"brandNew": True}, "brandNew: this local Batch does not know this member"),
        (
            "RegisterJobDefinition",
            {"consumableResourceProperties": {"consumableResourceList": [{"consumableResource": "a"}]}},
            "consumableResourceProperties.consumableResourceList.consumableResource: .* no consumable resources",
        ),
        (
            "RegisterJobDefinition",
            {"containerProperties": {"brandNew": {"deep": 1}}},
            "containerProperties.brandNew.deep",
        ),
        ("UpdateJobQueue", {"schedulingPolicyArn": "arn"}, "fair-share"),
        ("CreateComputeEnvironment", {"eksConfiguration": {"eksClusterArn": "arn"}}, "EKS"),
    ],
)
def test_a_member_that_is_not_carried_out_is_refused_by_name(operation: str, request_: Any, what: str) -> None:
    with pytest.raises(ClientError, match=what):
        check_members(operation, request_)


def test_what_is_carried_out_or_shown_passes_whatever_the_callers_own_names_are() -> None:
    check_members("SubmitJob", {"parameters": {"any": "x"}, "tags": {"a": "b"}, "containerOverrides": {}})
    assert treatment(MEMBERS["SubmitJob"], "tags") == CARRIED_OUT
    assert treatment(MEMBERS["RegisterJobDefinition"], "containerProperties.secrets.name") == SHOWN
