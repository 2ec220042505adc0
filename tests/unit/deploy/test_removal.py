"""A removal that was broken off, or that failed halfway, goes on: what is gone already is no obstacle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batchwright.deploy.account import Account, DeployError, gone_is_fine
from batchwright.deploy.leftovers import Leftovers
from batchwright.deploy.policies import Place
from batchwright.deploy.removal import Stage
from batchwright.deploy.stacks import Stacks

PLACE = Place("dev", "123456789012", "eu-west-1")
GROUP = "AWS::Scheduler::ScheduleGroup"


class Session:
    """Clients that answer what a test has written down, in that order, and nothing else."""

    region_name = PLACE.region

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, region_name=PLACE.region, aws_access_key_id="-", aws_secret_access_key="-"
            )
            self._stubs[service] = Stubber(self._clients[service])
            self._stubs[service].activate()
        return self._clients[service]

    def answers(self, service: str, method: str, answer: Mapping[str, Any]) -> None:
        self.client(service)
        self._stubs[service].add_response(method, dict(answer))

    def refuses(self, service: str, method: str, code: str) -> None:
        self.client(service)
        self._stubs[service].add_client_error(method, code, "it is not there; Stack does not exist")

    def check(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def session() -> Session:
    return Session()


def stack(status: str) -> dict[str, Any]:
    tags = [{"Key": "batchwright-stage", "Value": "dev"}]
    return {
        "Stacks": [
            {"StackName": "batchwright-dev", "StackId": "id", "StackStatus": status, "Tags": tags, "CreationTime": 0}
        ]
    }


def resource(name: str, status: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "PhysicalResourceId": name,
        "ResourceType": GROUP,
        "ResourceStatus": status,
        "LastUpdatedTimestamp": 0,
    }


def stacks(session: Session) -> Stacks:
    return Stacks(session.client("cloudformation"), poll_seconds=0.0)


def test_a_resource_that_was_deleted_is_none_of_the_stack(session: Session) -> None:
    there = [resource("gone", "DELETE_COMPLETE"), resource("kept", "DELETE_FAILED")]
    session.answers("cloudformation", "list_stack_resources", {"StackResourceSummaries": there})
    assert stacks(session).resources("batchwright-dev", GROUP) == ["kept"]


def test_schedules_are_no_obstacle_whose_group_is_gone(session: Session) -> None:
    session.answers("cloudformation", "describe_stacks", stack("DELETE_FAILED"))
    session.answers(
        "cloudformation", "list_stack_resources", {"StackResourceSummaries": [resource("dev", "DELETE_IN_PROGRESS")]}
    )
    session.refuses("scheduler", "list_schedules", "ResourceNotFoundException")
    Stage(Account(session), PLACE, Path())._delete_schedules(lambda line: None)
    session.check()


def test_a_schedule_that_is_gone_is_no_obstacle_to_the_others(session: Session) -> None:
    session.answers("cloudformation", "describe_stacks", stack("CREATE_COMPLETE"))
    session.answers(
        "cloudformation", "list_stack_resources", {"StackResourceSummaries": [resource("dev", "CREATE_COMPLETE")]}
    )
    session.answers("scheduler", "list_schedules", {"Schedules": [{"Name": "one"}, {"Name": "two"}]})
    session.refuses("scheduler", "delete_schedule", "ResourceNotFoundException")
    session.answers("scheduler", "delete_schedule", {})
    Stage(Account(session), PLACE, Path())._delete_schedules(lambda line: None)
    session.check()


def test_a_role_without_its_policy_is_removed(session: Session) -> None:
    session.answers("iam", "list_role_policies", {"PolicyNames": ["one"]})
    session.refuses("iam", "delete_role_policy", "NoSuchEntity")
    session.answers("iam", "delete_role", {})
    Leftovers(Account(session), PLACE)._remove_role("batchwright-dev-start")
    session.check()


def test_any_other_refusal_ends_a_removal() -> None:
    with pytest.raises(ClientError), gone_is_fine():
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DeleteRole")


def test_a_deletion_that_failed_before_is_tried_again(session: Session) -> None:
    session.answers("cloudformation", "describe_stacks", stack("DELETE_FAILED"))
    session.answers("cloudformation", "delete_stack", {})
    session.answers("cloudformation", "describe_stacks", stack("DELETE_IN_PROGRESS"))
    session.refuses("cloudformation", "describe_stacks", "ValidationError")
    assert stacks(session).delete("batchwright-dev")
    session.check()


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_data_is_taken_up_from_a_stack_that_can_only_be_deleted(session: Session, status: str) -> None:
    session.answers("cloudformation", "describe_stacks", stack(status))
    assert not stacks(session).has_begun("batchwright-dev")


@pytest.mark.parametrize(
    ("kind", "removable"), [("AWS::DynamoDB::Table", False), ("AWS::S3::Bucket", False), ("AWS::SQS::Queue", True)]
)
def test_nobody_is_told_to_remove_what_may_be_the_stage_s_data(session: Session, kind: str, removable: bool) -> None:
    event = {"StackId": "id", "EventId": "1", "StackName": "batchwright-dev", "Timestamp": 0}
    failed = {"LogicalResourceId": "One", "ResourceType": kind, "ResourceStatus": "CREATE_FAILED"}
    session.answers("cloudformation", "describe_stacks", stack("ROLLBACK_COMPLETE"))
    session.answers(
        "cloudformation",
        "describe_stack_events",
        {"StackEvents": [{**event, **failed, "ResourceStatusReason": "batchwright-dev already exists"}]},
    )
    with pytest.raises(DeployError) as told:
        stacks(session)._wait("batchwright-dev", "created")
    assert ("or remove what has it" in str(told.value)) is removable
    assert ("do not delete it" in str(told.value)) is not removable
