"""Policy documents as IAM takes them, in any partition, account and region."""

from __future__ import annotations

import json
import re

import pytest

from batchwright.deploy.policies import GRANTS, Place, policy

ROLE_POLICY_CHARACTERS_MAXIMUM = 10_240
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
CHINA = Place("prod-eu", "210987654321", "cn-north-1", "aws-cn")


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_is_of_its_own_place_alone(function: str) -> None:
    text = json.dumps(policy(CHINA, function))
    assert set(re.findall(r"arn:([\w-]+):\w+:([\w-]+):(\d+):", text)) == {("aws-cn", "cn-north-1", "210987654321")}
    assert text.count("batchwright-") == text.count("batchwright-prod-eu")


@pytest.mark.parametrize("function", GRANTS)
def test_a_policy_fits_into_a_role_and_names_each_statement_once(function: str) -> None:
    document = policy(CHINA, function)
    assert len(json.dumps(document)) < ROLE_POLICY_CHARACTERS_MAXIMUM
    names = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names)


def test_the_authorizer_reaches_nothing_but_tokens_and_its_log() -> None:
    [log, tokens] = policy(CHINA, "bearer")["Statement"]
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert tokens["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TOKENS"]}}
