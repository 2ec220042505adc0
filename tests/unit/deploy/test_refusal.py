"""A refusal of AWS is told by the permission that is missing, wherever it was found."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from batchwright.deploy.account import DeployError
from batchwright.deploy.refusal import refusal_of, refusals_named
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.errors import TryAgain

ROLE = "arn:aws:iam::123456789012:role/batchwright-dev-scheduler"
USER = "User: arn:aws:iam::123456789012:user/me is not authorized to perform:"


def refused(message: str, operation: str = "CreateRole", code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "action", "resource"),
    [
        (
            refused(f"{USER} iam:CreateRole on resource: {ROLE} because no identity-based policy allows it"),
            "iam:CreateRole",
            ROLE,
        ),
        # As the events of a stack say it, behind the name of the resource.
        (
            DeployError(
                "the stack batchwright-dev could not be created: SchedulerRole (AWS::IAM::Role): Resource "
                f'handler returned message: "{USER} iam:CreateRole on resource: {ROLE} because no identity-based '
                'policy allows the iam:CreateRole action (Service: Iam, Status Code: 403)" (ROLLBACK_COMPLETE)'
            ),
            "iam:CreateRole",
            ROLE,
        ),
        # As Chalice prints it.
        (
            DeployError(f"chalice deploy failed: While creating your API, {USER} apigateway:POST on resource: {ROLE}."),
            "apigateway:POST",
            ROLE,
        ),
        (refused(f"{USER} lambda:ListEventSourceMappings"), "lambda:ListEventSourceMappings", ""),
        (
            refused(f"You are not authorized to perform this operation. {USER} ec2:CreateVpc on resource: {ROLE}"),
            "ec2:CreateVpc",
            ROLE,
        ),
        # S3 puts it into quotes.
        (refused(f'{USER} s3:GetObject on resource: "arn:aws:s3:::b/k" because'), "s3:GetObject", "arn:aws:s3:::b/k"),
        # HEAD has no body, so that nothing says more.
        (refused("Forbidden", "HeadBucket", "403"), "HeadBucket", ""),
    ],
)
def test_a_refusal_names_the_action_and_what_it_was_to_be_done_to(error: Exception, action: str, resource: str) -> None:
    found = refusal_of(error)
    assert found is not None
    assert (found.action, found.resource) == (action, resource)


def test_what_is_said_names_the_permission_and_a_file_that_is_there() -> None:
    said = str(refusal_of(refused(f"{USER} iam:CreateRole on resource: {ROLE}")))
    assert said.startswith(f"AWS refuses iam:CreateRole on {ROLE}: your credentials lack this permission.")
    assert "infra/deployer-policy.json (docs/how-to/deploy-a-stage.md)" in said
    assert (PROJECT_FOLDER / "infra" / "deployer-policy.json").is_file()


@pytest.mark.parametrize("action", ["ec2:CreateVpc", "batch:CreateJobQueue", "iam:AttachRolePolicy"])
def test_what_only_the_batch_environment_needs_is_in_a_file_of_its_own(action: str) -> None:
    said = str(refusal_of(refused(f"{USER} {action} on resource: {ROLE}")))
    assert "infra/deployer-policy-batch.json (docs/how-to/deploy-a-stage.md)" in said
    assert (PROJECT_FOLDER / "infra" / "deployer-policy-batch.json").is_file()


def test_nobody_is_told_to_add_what_a_policy_denies() -> None:
    said = str(refusal_of(refused(f"{USER} iam:CreateRole on resource: {ROLE} with an explicit deny in a policy")))
    assert said.startswith(f"AWS refuses iam:CreateRole on {ROLE}. A policy denies it, and no other one can allow it:")
    assert "deployer-policy" not in said


def test_what_the_engine_was_refused_is_told_too() -> None:
    error = TryAgain("DynamoDB does not answer")
    error.__cause__ = refused(f"{USER} dynamodb:PutItem on resource: {ROLE}", "PutItem")
    with pytest.raises(DeployError, match=r"^AWS refuses dynamodb:PutItem on "), refusals_named():
        raise error


@pytest.mark.parametrize("error", [DeployError("the stack is gone"), refused("slow down", "x", "Throttling")])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    assert refusal_of(error) is None
    with pytest.raises(type(error)) as told, refusals_named():
        raise error
    assert told.value is error
