"""Stacks through change sets: what a second time does, what a failure says, and that a kept table is taken up again."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.deployment import made_logs, template
from batchwright.deploy.policies import GRANTS, Place
from batchwright.deploy.stacks import Existing, Stacks, Template
from batchwright.local.ministack import MiniStack
from batchwright.stage.project import PROJECT_FOLDER
from tests.contract import foundation, servers

FOUNDATION = Template(foundation.TEMPLATE, ("CAPABILITY_NAMED_IAM",))
OBSERVABILITY = template(PROJECT_FOLDER, "observability")
_numbers = itertools.count(1)


@pytest.fixture
def stacks(ministack: MiniStack) -> Stacks:
    return Stacks(servers.client("cloudformation", ministack.endpoint_url))


@pytest.fixture
def stage() -> str:
    return f"stack-{next(_numbers)}"


def put(stacks: Stacks, stage: str, **parameters: str) -> Any:
    return stacks.apply(f"batchwright-{stage}", FOUNDATION, {"Stage": stage, **parameters}, {"stage": stage})


def test_a_second_time_changes_nothing_and_a_change_is_named(stacks: Stacks, stage: str) -> None:
    assert put(stacks, stage).how == "created"
    again = put(stacks, stage)
    assert (again.how, again.changes) == ("unchanged", ())
    assert again.outputs["TableName"] == f"batchwright-{stage}"
    changed = put(stacks, stage, ObserveAllJobs="true")
    assert (changed.how, changed.changes) == (
        "changed",
        (
            "modify JobStateChanges (AWS::Events::Rule)",
            "modify RuleMaySend (AWS::SQS::QueuePolicy)",
            "modify RuleMaySendDeadLetters (AWS::SQS::QueuePolicy)",
        ),
    )


def test_a_parameter_that_is_not_given_again_stays(stacks: Stacks, stage: str) -> None:
    put(stacks, stage, ObserveAllJobs="true")
    assert put(stacks, stage).how == "unchanged"
    assert put(stacks, stage, ObserveAllJobs="false").how == "changed"


def test_a_name_that_is_taken_is_told_with_the_resource_and_is_no_obstacle_later(
    stacks: Stacks, stage: str, ministack: MiniStack
) -> None:
    s3 = servers.client("s3", ministack.endpoint_url)
    bucket = f"batchwright-{stage}-000000000000-us-east-1"
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(DeployError) as told:
        put(stacks, stage)
    assert f"the stack batchwright-{stage} could not be created: Bucket (AWS::S3::Bucket): " in str(told.value)
    assert f"'{bucket}' already exists" in str(told.value)
    assert "the name is taken: choose another --stage" in str(told.value)
    assert "so do not delete it" in str(told.value)
    assert not stacks.has_begun(f"batchwright-{stage}")
    s3.delete_bucket(Bucket=bucket)
    assert put(stacks, stage).how == "created"


def test_deleting_a_stack_keeps_its_table_which_a_new_one_takes_up(
    stacks: Stacks, stage: str, ministack: MiniStack
) -> None:
    put(stacks, stage)
    name = f"batchwright-{stage}"
    dynamodb = servers.client("dynamodb", ministack.endpoint_url)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "kept"}, "sk": {"S": "kept"}})
    assert stacks.delete(name)
    assert not stacks.delete(name)
    bucket = f"{name}-000000000000-us-east-1"
    kept = [
        Existing("Table", "AWS::DynamoDB::Table", {"TableName": name}),
        Existing("Bucket", "AWS::S3::Bucket", {"BucketName": bucket}),
    ]
    stacks.adopt(name, FOUNDATION, {"Stage": stage}, kept)
    changed = put(stacks, stage)
    assert "add EventsQueue (AWS::SQS::Queue)" in changed.changes
    assert dynamodb.scan(TableName=name)["Count"] == 1


def test_a_template_is_cut_down_to_what_is_taken_up() -> None:
    text = FOUNDATION.of_existing([Existing("Bucket", "AWS::S3::Bucket", {})])
    assert "  Bucket:\n    Type: AWS::S3::Bucket" in text
    assert "    DeletionPolicy: Retain\n" in text, "CloudFormation takes up what it retains, and nothing else"
    for absent in ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "Outputs:", "AWS::S3::BucketPolicy"):
        assert absent not in text


@pytest.mark.parametrize("tags", [{}, {"batchwright-stage": "other"}])
def test_a_stack_of_another_stage_is_told_from_one_of_this(stacks: Stacks, stage: str, tags: dict[str, str]) -> None:
    name = f"batchwright-{stage}"
    stacks.check_stage(name, stage)
    stacks.apply(name, FOUNDATION, {"Stage": stage}, tags)
    stacks.check_stage(name, tags.get("batchwright-stage", stage))
    with pytest.raises(DeployError, match=f"{name} is there already and is not of the stage 'elsewhere': it is of the"):
        stacks.check_stage(name, "elsewhere")


def test_log_groups_that_lambda_made_are_taken_up_and_get_an_end(
    stacks: Stacks, stage: str, ministack: MiniStack
) -> None:
    logs = servers.client("logs", ministack.endpoint_url)
    place = Place(stage, "000000000000", "us-east-1")
    names = {function: f"/aws/lambda/{place.function_name(function)}" for function in GRANTS}
    for name in names.values():
        logs.create_log_group(logGroupName=name)
    account = Account(type("Session", (), {"client": lambda self, service: logs})())
    existing = made_logs(account, place)
    assert {one.identifier["LogGroupName"] for one in existing} == set(names.values())
    stack = f"{place.prefix}-observability"
    stacks.adopt(stack, OBSERVABILITY, {"Stage": stage}, existing)
    found = logs.describe_log_groups(logGroupNamePrefix=names["start"])["logGroups"]
    assert [one.get("retentionInDays") for one in found] == [None]
    assert stacks.apply(stack, OBSERVABILITY, {"Stage": stage}, {}).how == "changed"
    assert set(stacks.resources(stack, "AWS::Logs::LogGroup")) == set(names.values())
    for name in names.values():
        [group] = [
            g for g in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] if g["logGroupName"] == name
        ]
        assert group["retentionInDays"] == 30
    stacks.delete(stack)
