"""What a broken-off deployment left is found by its names; what belongs to somebody else is left alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest

from batchwright.deploy.account import Account, DeployError
from batchwright.deploy.deployment import Wish, deploy
from batchwright.deploy.leftovers import Leftovers
from batchwright.deploy.policies import Place, policy
from batchwright.local.ministack import MiniStack
from batchwright.stage.project import PROJECT_FOLDER

HERE = Place("left", "000000000000", "us-east-1")
ELSEWHERE = Place("left", "000000000000", "eu-west-1")
ROLE = "batchwright-left-on_events"
ANY_ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture
def account(ministack: MiniStack, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    return Account(boto3.session.Session())


@pytest.fixture
def iam(account: Account) -> Iterator[Any]:
    iam = account.client("iam")
    yield iam
    for name in [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"] == ROLE]:
        for attached in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=attached)
        iam.delete_role(RoleName=name)


def put_role(iam: Any, place: Place) -> None:
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=ROLE, PolicyName=ROLE, PolicyDocument=json.dumps(policy(place, "on_events")))


def test_a_role_of_this_region_is_found_and_removed(account: Account, iam: Any) -> None:
    put_role(iam, HERE)
    leftovers = Leftovers(account, HERE)
    assert leftovers.roles() == [ROLE]
    leftovers.remove(lambda line: None)
    assert leftovers.roles() == []
    assert not account.has("iam", "get_role", RoleName=ROLE)


def test_a_role_of_the_same_stage_in_another_region_is_left_alone(account: Account, iam: Any) -> None:
    put_role(iam, ELSEWHERE)
    leftovers = Leftovers(account, HERE)
    assert leftovers.roles() == []
    leftovers.remove(lambda line: None)
    assert account.has("iam", "get_role", RoleName=ROLE)


def test_a_role_that_chalice_made_by_itself_is_of_the_region_that_has_its_function(
    account: Account, iam: Any, put_function: Callable[..., None]
) -> None:
    put_role(iam, HERE.anywhere)
    leftovers = Leftovers(account, HERE)
    assert leftovers.roles() == []
    put_function({}, {"BATCHWRIGHT_STAGE": "left"}, role=f"arn:aws:iam::000000000000:role/{ROLE}")
    assert leftovers.roles() == [ROLE]
    leftovers.remove(lambda line: None)
    assert not account.has("iam", "get_role", RoleName=ROLE)


def test_a_role_that_chalice_made_by_itself_is_of_the_region_that_has_the_stage_s_stack(
    account: Account, iam: Any
) -> None:
    put_role(iam, HERE.anywhere)
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    account.client("cloudformation").create_stack(StackName=HERE.prefix, TemplateBody=json.dumps(template))
    try:
        assert Leftovers(account, HERE).roles() == [ROLE]
    finally:
        account.client("cloudformation").delete_stack(StackName=HERE.prefix)


def test_a_stage_cannot_be_deployed_in_two_regions(account: Account, iam: Any) -> None:
    put_role(iam, ELSEWHERE)
    with pytest.raises(DeployError, match="nothing in us-east-1 has it"):
        deploy(account, Wish("left", PROJECT_FOLDER, stacks_only=True), lambda line: None)
    assert not account.has("dynamodb", "describe_table", TableName="batchwright-left")


@pytest.fixture
def put_function(account: Account) -> Iterator[Callable[..., None]]:
    client = account.client("lambda")
    name = "batchwright-left-on_events"

    def put(tags: Mapping[str, str], variables: Mapping[str, str], role: str = ANY_ROLE) -> None:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", "def on_events(event, context): pass\n")
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="app.on_events",
            Role=role,
            Code={"ZipFile": package.getvalue()},
            Tags=dict(tags),
            Environment={"Variables": dict(variables)},
        )

    yield put
    if account.has("lambda", "get_function", FunctionName=name):
        client.delete_function(FunctionName=name)


def test_the_functions_of_a_pipeline_are_its_own(account: Account, put_function: Callable[..., None]) -> None:
    put_function({"aws:cloudformation:stack-name": "pipeline"}, {"BATCHWRIGHT_STAGE": "left"})
    with pytest.raises(DeployError, match="belongs to the stack pipeline, which a pipeline made"):
        Leftovers(account, HERE).remove(lambda line: None)


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"BATCHWRIGHT_STAGE": "other"}, "BATCHWRIGHT_STAGE says 'other'"), ({}, "BATCHWRIGHT_STAGE is not set")],
)
def test_a_function_of_the_name_that_is_not_the_stage_s_is_left_alone(
    account: Account, put_function: Callable[..., None], variables: Mapping[str, str], said: str
) -> None:
    put_function({}, variables)
    with pytest.raises(DeployError, match=said):
        Leftovers(account, HERE).remove(lambda line: None)
    assert account.has("lambda", "get_function", FunctionName="batchwright-left-on_events")


def test_a_function_of_the_stage_is_removed(account: Account, put_function: Callable[..., None]) -> None:
    put_function({}, {"BATCHWRIGHT_STAGE": "left"})
    Leftovers(account, HERE).remove(lambda line: None)
    assert not account.has("lambda", "get_function", FunctionName="batchwright-left-on_events")
