"""infra/deployer-policy.json allows what a deployment asks, and nothing of what is not Batchwright's.

What was recorded is asked in tests/e2e/test_chalice.py; here is what CloudFormation asks for the templates, and what a
deployment asks only where MiniStack differs from AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright.deploy.deployment import TEMPLATES
from batchwright.deploy.policies import Place
from batchwright.deploy.stacks import _Loader
from batchwright.stage.project import PROJECT_FOLDER
from tests.deployer import BATCH_POLICY, POLICY, Ask, allows, asks_of, asks_of_type

PLACE = Place("dev", "123456789012", "eu-west-1")
CHINA = Place("prod-eu", "210987654321", "cn-north-1", "aws-cn")
OTHERS = "other-"
MANAGED_POLICY_CHARACTERS_MAXIMUM = 6_144
"""Without blanks: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("PutFunctionRecursionConfig", {"FunctionName": "batchwright-dev-on_events", "RecursiveLoop": "Allow"}),
    ("GetFunctionRecursionConfig", {"FunctionName": "batchwright-dev-on_events"}),
    ("UpdateFunctionConfiguration", {"FunctionName": "batchwright-dev-on_events"}),
    ("PutFunctionConcurrency", {"FunctionName": "batchwright-dev-bearer"}),
    ("DeleteFunctionConcurrency", {"FunctionName": "batchwright-dev-bearer"}),
    ("ListEventSourceMappings", {"FunctionName": "batchwright-dev-on_events"}),
    ("GetEventSourceMapping", {"UUID": "x"}),
    ("UpdateEventSourceMapping", {"UUID": "x"}),
    ("GetAccountSettings", {}),
]


def types_of(template: str) -> set[str]:
    document = yaml.load((PROJECT_FOLDER / "infra" / f"{template}.yaml").read_text(), Loader=_Loader)
    return {one["Type"] for one in document["Resources"].values()}


def asks_of_templates(place: Place, *templates: str) -> Iterator[Ask]:
    for kind in sorted({kind for template in templates for kind in types_of(template)}):
        yield from asks_of_type(place, kind)


@pytest.mark.parametrize("place", [PLACE, CHINA], ids=["ireland", "china"])
def test_cloudformation_may_make_all_types_of_the_templates(place: Place) -> None:
    asked = list(asks_of_templates(place, "foundation", "observability"))
    assert len(asked) > 50
    assert [ask for ask in asked if not allows(POLICY, ask)] == []


def test_the_batch_environment_takes_a_second_policy() -> None:
    asked = list(asks_of_templates(PLACE, *TEMPLATES))
    assert [ask for ask in asked if not (allows(POLICY, ask) or allows(BATCH_POLICY, ask))] == []
    assert any(not allows(POLICY, ask) for ask in asked)


@pytest.mark.parametrize("service", ["lambda", "ecs-tasks", "ec2", "scheduler", "batch"])
def test_roles_are_passed_to_their_services_alone(service: str) -> None:
    role = "arn:aws:iam::123456789012:role/batchwright-dev-x"
    policy = POLICY if service in ("lambda", "scheduler") else BATCH_POLICY
    assert allows(policy, Ask("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"}))
    assert not allows(policy, Ask("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}))
    other = role.replace("batchwright-", OTHERS)
    assert not allows(policy, Ask("iam:PassRole", other, {"iam:PassedToService": f"{service}.amazonaws.com"}))


@pytest.mark.parametrize(("operation", "params"), SETTINGS, ids=[name for name, _ in SETTINGS])
def test_the_settings_that_are_made_after_chalice_are_allowed(operation: str, params: dict[str, Any]) -> None:
    for ask in asks_of(PLACE, "lambda", operation, params):
        assert allows(POLICY, ask), ask


@pytest.mark.parametrize("operation", ["CreateEventSourceMapping", "UpdateEventSourceMapping"])
def test_nobody_else_s_functions_are_fed(operation: str) -> None:
    function = "arn:aws:lambda:eu-west-1:123456789012:function:{}dev-on_events"
    ours, theirs = (
        Ask(f"lambda:{operation}", "*", {"lambda:FunctionArn": function.format(name)})
        for name in ("batchwright-", OTHERS)
    )
    assert allows(POLICY, ours)
    assert not allows(POLICY, theirs)


def test_the_api_s_authorizers_and_stages_can_be_changed() -> None:
    for operation in ("UpdateAuthorizer", "UpdateStage", "GetAuthorizers", "PutRestApi", "ImportRestApi"):
        params = {} if operation == "ImportRestApi" else {"restApiId": "x"}
        for ask in asks_of(PLACE, "apigateway", operation, params):
            assert allows(POLICY, ask), ask


def test_nothing_of_others_may_be_changed() -> None:
    """Of what bears a name."""
    for ask in asks_of_templates(PLACE, "foundation", "observability"):
        theirs = Ask(ask.action, ask.resource.replace("batchwright-", OTHERS), ask.context)
        reads = ask.action.split(":")[1].startswith(("Describe", "Get", "List"))
        # SNS knows no narrower resource for what is done to a subscription.
        of_subscriptions = ask.action in ("sns:Unsubscribe", "sns:SetSubscriptionAttributes")
        assert reads or of_subscriptions or not allows(POLICY, theirs), theirs


@pytest.mark.parametrize("path", [POLICY, BATCH_POLICY], ids=["deployer", "batch"])
def test_a_policy_can_be_attached(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["Version"] == "2012-10-17"
    assert len(json.dumps(document, separators=(",", ":"))) < MANAGED_POLICY_CHARACTERS_MAXIMUM
    names = [one["Sid"] for one in document["Statement"]]
    assert len(set(names)) == len(names)
    for one in document["Statement"]:
        assert one["Effect"] == "Allow"
        resources = [one["Resource"]] if isinstance(one["Resource"], str) else one["Resource"]
        # Wherever names can be told apart, wildcards of actions stand for those of Batchwright alone.
        actions = [one["Action"]] if isinstance(one["Action"], str) else one["Action"]
        if any(action.endswith(":*") for action in actions):
            assert all("batchwright-" in arn or ":aws:transform/" in arn for arn in resources)
