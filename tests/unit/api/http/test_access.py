"""What the authorizer says of a token to the routes, and how they read it back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.api.http.access import Caller, caller_of, policy
from chalicelib.core.errors import NotAllowed
from chalicelib.core.tokens import TokenRecord, TokenScope

METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/api/GET/runs"
RECORD = TokenRecord("0001020304050607", "nightly", TokenScope.READ, "ab" * 32, 1_767_225_600_000)


@pytest.mark.parametrize("workflow", [None, "films"])
def test_the_routes_read_what_the_authorizer_says(workflow: str | None) -> None:
    context = policy(replace(RECORD, workflow=workflow), METHOD_ARN)["context"]
    assert caller_of({"authorizer": context}, trusts_iam=False) == Caller(RECORD.token_id, RECORD.scope, workflow)


def test_no_value_of_the_context_is_empty_because_api_gateway_may_drop_it() -> None:
    context = policy(RECORD, METHOD_ARN)["context"]
    assert context == {"token_id": RECORD.token_id, "scope": "read", "workflow": "*"}


def test_an_authorizer_of_an_earlier_release_is_understood() -> None:
    context = {"token_id": RECORD.token_id, "scope": "read", "workflow": ""}
    assert caller_of({"authorizer": context}, trusts_iam=False) == Caller(RECORD.token_id, RECORD.scope)


def test_a_context_without_a_workflow_is_no_token_for_all() -> None:
    with pytest.raises(NotAllowed):
        caller_of({"authorizer": {"token_id": RECORD.token_id, "scope": "read"}}, trusts_iam=False)
