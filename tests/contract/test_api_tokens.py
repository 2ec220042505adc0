"""Tokens by every implementation of the API: made, listed without their secrets, revoked."""

from __future__ import annotations

import pytest

from chalicelib.api import models as m
from chalicelib.core.errors import (
    UnknownToken,
    UserMistake,
)
from chalicelib.core.tokens import TokenScope
from tests.contract.apis import Desk


def test_a_token_is_made_listed_without_its_secret_and_revoked_once(desk: Desk) -> None:
    before = desk.api.tokens()
    made = desk.api.create_token(m.NewToken(name="nightly", scope=TokenScope.START, workflow="films"))
    assert made.secret.startswith(f"bw_{made.token.token_id}_")
    assert (made.token.name, made.token.scope, made.token.workflow) == ("nightly", TokenScope.START, "films")
    desk.pass_seconds(1)
    assert [token for token in desk.api.tokens() if token not in before][-1] == made.token
    revoked = desk.api.revoke_token(made.token.token_id)
    assert revoked == made.token.model_copy(update={"revoked_at_ms": desk.now_ms()})
    desk.pass_seconds(1)
    assert desk.api.revoke_token(made.token.token_id) == revoked


def test_a_token_ends_after_its_days(desk: Desk) -> None:
    made = desk.api.create_token(m.NewToken(name="for a week", scope=TokenScope.READ, expires_in_days=7))
    assert made.token.expires_at_ms == desk.now_ms() + 7 * 86_400_000


def test_an_unknown_token_suggests_the_nearest_and_a_whole_token_is_not_repeated(desk: Desk) -> None:
    made = desk.api.create_token(m.NewToken(name="nightly", scope=TokenScope.READ))
    near = made.token.token_id[:-1] + ("0" if made.token.token_id[-1] != "0" else "1")
    with pytest.raises(UnknownToken, match=f"there is no token '{near}'; did you mean '{made.token.token_id}'"):
        desk.api.revoke_token(near)
    with pytest.raises(UnknownToken) as refused:
        desk.api.revoke_token(made.secret)
    assert made.secret not in str(refused.value)


@pytest.mark.parametrize("wrong", [{"name": "a\nb"}, {"name": " "}, {"workflow": "a b"}])
def test_a_token_has_a_name_to_read_and_a_workflow_that_can_be(desk: Desk, wrong: dict[str, str]) -> None:
    with pytest.raises(UserMistake, match=next(iter(wrong))):
        desk.api.create_token(m.NewToken(**{"name": "nightly", "scope": TokenScope.READ, **wrong}))
