"""What a deployment says about the account's quota of executions, and what it does for it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchwright.deploy.quota import Quota, read_quota


class Lambda:
    def __init__(self, executions: int, unreserved: int, reserved: int | None) -> None:
        self.limit = {"ConcurrentExecutions": executions, "UnreservedConcurrentExecutions": unreserved}
        self.reserved = reserved

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": self.limit}

    def get_function_concurrency(self, FunctionName: str) -> dict[str, Any]:
        if self.reserved is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetFunctionConcurrency")
        return {"ReservedConcurrentExecutions": self.reserved} if self.reserved else {}


@pytest.mark.parametrize(("reserved", "unreserved"), [(None, 1000), (0, 1000), (10, 1010)])
def test_what_the_stage_itself_reserves_does_not_count_against_it(reserved: int | None, unreserved: int) -> None:
    assert read_quota(Lambda(1010, 1000, reserved), "batchwright-dev-bearer") == Quota(1010, unreserved)


def test_a_new_account_is_told_what_is_lowered_and_what_to_ask_for() -> None:
    text = Quota(10, 10).advice(has_authorizer=True)
    assert text is not None
    assert text.startswith(
        "Lambda allows this account 10 executions at a time, so on_events may use 4 and on_commands 2"
    )
    assert "--quota-code L-B99A9384 --desired-value 1000`" in text


@pytest.mark.parametrize(("has_authorizer", "is_told"), [(True, True), (False, False)])
def test_an_account_that_cannot_reserve_is_told_so_where_there_is_an_authorizer(
    has_authorizer: bool, is_told: bool
) -> None:
    text = Quota(60, 60).advice(has_authorizer=has_authorizer)
    assert (text is not None and "none are reserved for the authorizer" in text) is is_told


def test_a_usual_account_is_told_nothing() -> None:
    assert Quota(1000, 1000).advice(has_authorizer=True) is None
