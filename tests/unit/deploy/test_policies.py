"""Policy documents as IAM takes them, in any partition, account and region."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from batchwright.deploy.policies import GRANTS, ON_NOTICES, Place, functions_of, policy
from chalicelib.aws.table.tokens import DynamoTokens
from chalicelib.core.notice.preferences import QUEUE_PREFIX
from chalicelib.core.notice.webhook_address import read_webhook_place
from chalicelib.core.tokens import TokenRecord, TokenScope
from tests.iam import Judge, asked_of

ROLE_POLICY_CHARACTERS_MAXIMUM = 10_240
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
CHINA = Place("prod-eu", "210987654321", "cn-north-1", "aws-cn")


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_is_of_its_own_place_alone(function: str) -> None:
    text = json.dumps(policy(CHINA, function))
    assert set(re.findall(r"arn:([\w-]+):\w+:([\w-]+):(\d+):", text)) == {("aws-cn", "cn-north-1", "210987654321")}
    # The queues of runs are no stage's.
    assert text.replace(QUEUE_PREFIX, "").count("batchwright-") == text.count("batchwright-prod-eu")


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_of_anywhere_names_the_stage_and_neither_account_nor_region(function: str) -> None:
    text = json.dumps(policy(CHINA.anywhere, function))
    assert set(re.findall(r"arn:([^:]*):\w+:([^:]*):([^:]*):", text)) <= {("*", "*", "*"), ("*", "", "*")}
    assert text.replace(QUEUE_PREFIX, "").count("batchwright-") == text.count("batchwright-prod-eu")
    assert "210987654321" not in text


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_of_anywhere_differs_from_one_of_a_place_in_the_place_alone(function: str) -> None:
    text = json.dumps(policy(CHINA, function)).replace("arn:aws-cn:", "arn:*:").replace(CHINA.account, "*")
    assert json.loads(text.replace(CHINA.region, "*")) == policy(CHINA.anywhere, function)


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_fits_into_a_role_and_names_each_statement_once(function: str) -> None:
    document = policy(CHINA, function)
    assert len(json.dumps(document)) < ROLE_POLICY_CHARACTERS_MAXIMUM
    names = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names)


@pytest.mark.parametrize(
    ("webhook", "action", "resource"),
    [
        (
            "secret:team/slack",
            "secretsmanager:GetSecretValue",
            "arn:aws-cn:secretsmanager:cn-north-1:210987654321:secret:team/slack-??????",
        ),
        ("/team/slack", "ssm:GetParameter", "arn:aws-cn:ssm:cn-north-1:210987654321:parameter/team/slack"),
        (
            "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:slack-AbCdEf",
            "secretsmanager:GetSecretValue",
            "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:slack-AbCdEf",
        ),
    ],
)
def test_who_posts_to_slack_reads_the_one_secret_and_writes_its_log(webhook: str, action: str, resource: str) -> None:
    place = replace(CHINA, slack_webhook=read_webhook_place(webhook))
    [log, read, note] = policy(place, ON_NOTICES)["Statement"]
    assert log["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert (read["Action"], read["Resource"]) == ([action], [resource])
    assert note["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["NOTICE#slack/*"]}}
    others = [statement for name in GRANTS if name != ON_NOTICES for statement in policy(place, name)["Statement"]]
    assert not [one for one in others if {"secretsmanager", "ssm"} & {name.split(":")[0] for name in one["Action"]}]


@pytest.mark.parametrize("function", ["on_events", "on_commands", "sweep", "start", "api_handler"])
def test_a_job_with_tags_may_be_submitted(function: str) -> None:
    """AWS asks for the right to tag on the definition and the queue, too, and refuses the job without it."""
    judge = Judge(CHINA)
    params = {"jobQueue": "films", "jobDefinition": "films:4", "tags": {"team": "films"}}
    asked = asked_of(CHINA, "batch", "SubmitJob", params)
    tagged = {arn.partition("210987654321:")[2] for action, arn in asked if action == "batch:TagResource"}
    assert tagged == {"job-definition/films:4", "job-queue/films", "job/new"}
    assert all(judge.allows(function, one, params) for one in asked)


def test_a_name_that_begins_like_the_secrets_is_another_secret() -> None:
    place = replace(CHINA, slack_webhook=read_webhook_place("secret:slack"))
    [pattern] = policy(place, ON_NOTICES)["Statement"][1]["Resource"]
    arn = CHINA.arn("secretsmanager", "secret:slack")
    # IAM's `?` is one character, as here; moto's IAM does not know it.
    assert fnmatchcase(f"{arn}-AbCdEf", pattern)
    assert not fnmatchcase(f"{arn}-of-others-AbCdEf", pattern)


def test_a_stage_without_a_webhook_has_no_function_that_posts() -> None:
    assert ON_NOTICES not in functions_of(CHINA)
    assert set(functions_of(replace(CHINA, slack_webhook=read_webhook_place("/slack")))) == set(GRANTS)


def test_the_authorizer_reaches_nothing_but_tokens_and_its_log() -> None:
    [log, read, note] = policy(CHINA, "bearer")["Statement"]
    assert log["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert read["Action"] == ["dynamodb:GetItem"]
    assert read["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TOKENS"]}}
    assert note["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == ["TOKENS"]


class Client:
    """Notes what DynamoDB is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**params: Any) -> dict[str, Any]:
            self.asked.append(("".join(word.capitalize() for word in name.split("_")), params))
            return {"Items": []}

        return call


def asked_of_tokens(act: Callable[[DynamoTokens], object]) -> tuple[str, dict[str, Any]]:
    """The call that something done to tokens makes."""
    client = Client()
    act(DynamoTokens(client, f"batchwright-{CHINA.stage}"))
    (asked,) = client.asked
    return asked


RECORD = TokenRecord("0" * 16, "n", TokenScope.ADMIN, "d", 1)
ACTS: dict[str, Callable[[DynamoTokens], object]] = {
    "add": lambda tokens: tokens.add(RECORD),
    "read": lambda tokens: tokens.token("0" * 16),
    "list": lambda tokens: tokens.tokens(),
    "note": lambda tokens: tokens.note_use("0" * 16, 1),
}


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("on_events", set()),
        ("on_commands", set()),
        ("sweep", set()),
        ("start", set()),
        ("bearer", {"read", "note"}),
        ("api_handler", set(ACTS)),
    ],
)
def test_nothing_but_the_routes_and_the_authorizer_touches_a_token(function: str, allowed: set[str]) -> None:
    judge = Judge(CHINA)
    found = set()
    for name, act in ACTS.items():
        operation, params = asked_of_tokens(act)
        (asked,) = asked_of(CHINA, "dynamodb", operation, params)
        if judge.allows(function, asked, params):
            found.add(name)
        # Another partition is a run's, which all but the authorizer may read and write.
        other = json.loads(json.dumps(params).replace('"TOKENS"', '"RUN#r"'))
        assert judge.allows(function, asked, other) is (function != "bearer")
    assert found == allowed


def test_the_authorizer_cannot_change_what_a_token_allows() -> None:
    judge = Judge(CHINA)
    operation, params = asked_of_tokens(ACTS["note"])
    (asked,) = asked_of(CHINA, "dynamodb", operation, params)
    assert judge.allows("bearer", asked, params)
    names = {**params["ExpressionAttributeNames"], "#scope": "scope"}
    assert not judge.allows("bearer", asked, {**params, "ExpressionAttributeNames": names})
