"""The tokens port: what is kept of a token, its one revocation, and the hour between two notes of its use."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from batchwright.deploy.policies import GRANTS
from chalicelib.aws.table.store import DynamoStore
from chalicelib.aws.table.tokens import PARTITION, DynamoTokens, token_key
from chalicelib.core.errors import Defect
from chalicelib.core.tokens import DAY_MS, KEPT_DAYS, USE_NOTED_EVERY_MS, TokenRecord, TokenScope
from chalicelib.ports.services import Tokens
from tests.contract.conftest import EVERY_TABLE, SERVERS
from tests.contract.metering import metered
from tests.contract.test_store_lost_answers import Losing, every_write_is_sent_twice
from tests.iam_conditions import attributes_of
from tests.memory.tokens import MemoryTokens

__all__ = ["every_write_is_sent_twice"]

NOW_MS = 1_767_225_600_000
_numbers = itertools.count(1)


@pytest.fixture(params=("memory", *EVERY_TABLE))
def tokens(request: pytest.FixtureRequest) -> Tokens:
    if request.param == "memory":
        return MemoryTokens()
    return DynamoTokens(*request.getfixturevalue(f"{request.param}_dynamodb"))


@pytest.fixture
def record() -> TokenRecord:
    """A token that no other test has."""
    return TokenRecord(f"{next(_numbers):016x}", "nightly", TokenScope.START, "ab" * 32, NOW_MS)


def item_of(dynamodb: tuple[Any, str], token_id: str) -> dict[str, Any]:
    client, table_name = dynamodb
    pk, sk = token_key(token_id)
    item: dict[str, Any] = client.get_item(TableName=table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})["Item"]
    return item


def test_a_token_comes_back_as_it_was_kept(tokens: Tokens, record: TokenRecord) -> None:
    full = replace(record, workflow="films", expires_at_ms=NOW_MS + DAY_MS)
    tokens.add(full)
    assert tokens.token(record.token_id) == full
    assert tokens.token("0" * 16) is None


def test_tokens_are_listed_by_their_ids(tokens: Tokens, record: TokenRecord) -> None:
    second = replace(record, token_id=f"{next(_numbers):016x}", scope=TokenScope.ADMIN)
    tokens.add(second)
    tokens.add(record)
    assert [one for one in tokens.tokens() if one in (record, second)] == [record, second]


def test_a_token_takes_no_others_place(tokens: Tokens, record: TokenRecord) -> None:
    tokens.add(record)
    with pytest.raises(Defect, match=record.token_id):
        tokens.add(replace(record, scope=TokenScope.ADMIN))
    assert tokens.token(record.token_id) == record


def test_the_first_revocation_stands(tokens: Tokens, record: TokenRecord) -> None:
    tokens.add(record)
    revoked = replace(record, revoked_at_ms=NOW_MS + 5)
    assert tokens.revoke(record.token_id, NOW_MS + 5) == revoked
    assert tokens.revoke(record.token_id, NOW_MS + 9) == revoked
    assert tokens.token(record.token_id) == revoked
    assert tokens.revoke("0" * 16, NOW_MS) is None
    assert tokens.token("0" * 16) is None


def test_a_use_is_noted_once_an_hour(tokens: Tokens, record: TokenRecord) -> None:
    tokens.add(record)
    seen = []
    for at_ms in (NOW_MS, NOW_MS + USE_NOTED_EVERY_MS - 1, NOW_MS + USE_NOTED_EVERY_MS):
        tokens.note_use(record.token_id, at_ms)
        found = tokens.token(record.token_id)
        assert found is not None
        seen.append(found.last_used_at_ms)
    assert seen == [NOW_MS, NOW_MS, NOW_MS + USE_NOTED_EVERY_MS]


def test_the_use_of_what_is_no_token_makes_none(tokens: Tokens) -> None:
    tokens.note_use("f" * 16, NOW_MS)
    assert tokens.token("f" * 16) is None


def test_noting_a_use_names_no_more_than_the_authorizer_may(dynamodb: tuple[Any, str], record: TokenRecord) -> None:
    client, table_name = dynamodb
    tokens = DynamoTokens(client, table_name)
    tokens.add(record)
    asked: list[set[str]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(attributes_of(params))

    client.meta.events.register("provide-client-params.dynamodb.UpdateItem", note)
    try:
        for at_ms in (NOW_MS, NOW_MS + 1):
            tokens.note_use(record.token_id, at_ms)
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.UpdateItem", note)
    (grant,) = (one for one in GRANTS["bearer"] if one.condition and "dynamodb:UpdateItem" in one.actions)
    assert grant.condition is not None
    allowed = set(grant.condition["ForAllValues:StringEquals"]["dynamodb:Attributes"])
    assert len(asked) == 2
    assert all(named <= allowed for named in asked)


def test_a_token_sent_twice_is_one(
    dynamodb: tuple[Any, str], every_write_is_sent_twice: Losing, record: TokenRecord
) -> None:
    tokens = DynamoTokens(*dynamodb)
    with every_write_is_sent_twice():
        tokens.add(record)
        revoked = tokens.revoke(record.token_id, NOW_MS + 1)
    assert revoked == tokens.token(record.token_id) == replace(record, revoked_at_ms=NOW_MS + 1)


def test_the_item_goes_by_itself_some_days_after_the_token_has_ended(
    dynamodb: tuple[Any, str], record: TokenRecord
) -> None:
    tokens = DynamoTokens(*dynamodb)
    tokens.add(record)
    assert "expires_at" not in item_of(dynamodb, record.token_id)
    tokens.revoke(record.token_id, NOW_MS)
    kept_seconds = KEPT_DAYS * DAY_MS // 1_000
    assert item_of(dynamodb, record.token_id)["expires_at"] == {"N": str(NOW_MS // 1_000 + kept_seconds)}
    expiring = replace(record, token_id=f"{next(_numbers):016x}", expires_at_ms=NOW_MS + DAY_MS)
    tokens.add(expiring)
    at_seconds = (NOW_MS + DAY_MS) // 1_000 + kept_seconds
    assert item_of(dynamodb, expiring.token_id)["expires_at"] == {"N": str(at_seconds)}


def test_a_token_for_one_workflow_is_not_taken_for_a_run_of_it(dynamodb: tuple[Any, str], record: TokenRecord) -> None:
    DynamoTokens(*dynamodb).add(replace(record, workflow=record.token_id))
    assert DynamoStore(*dynamodb).list_runs(record.token_id, 10).runs == ()


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_a_request_costs_one_read_unit_and_in_a_new_hour_one_write_unit(
    dynamodb: tuple[Any, str], record: TokenRecord
) -> None:
    tokens = DynamoTokens(*dynamodb)
    tokens.add(replace(record, workflow="films", expires_at_ms=NOW_MS))
    with metered(dynamodb[0]) as meter:
        tokens.token(record.token_id)
        tokens.note_use(record.token_id, NOW_MS)
    assert meter.calls == [("GetItem", 1), ("UpdateItem", 1)]


def test_the_item_holds_no_secret(dynamodb: tuple[Any, str], record: TokenRecord) -> None:
    DynamoTokens(*dynamodb).add(record)
    item = item_of(dynamodb, record.token_id)
    assert item.pop("write")["S"]
    assert item == {
        "pk": {"S": PARTITION},
        "sk": {"S": f"TOKEN#{record.token_id}"},
        "name": {"S": "nightly"},
        "scope": {"S": "start"},
        "digest": {"S": "ab" * 32},
        "made_at_ms": {"N": str(NOW_MS)},
    }
