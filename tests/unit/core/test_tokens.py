"""The rules of tokens: their form, when they are good, what a scope allows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chalicelib.core import tokens
from chalicelib.core.errors import Defect
from chalicelib.core.tokens import DAY_MS, KEPT_DAYS, Presented, Refusal, TokenRecord, TokenScope

DRAWN = bytes(range(tokens.ID_BYTES + tokens.SECRET_BYTES))
TOKEN = tokens.new_token(DRAWN)
NOW_MS = 1_767_225_600_000
RECORD = TokenRecord(TOKEN.token_id, "nightly", TokenScope.READ, tokens.digest_of(TOKEN.secret), NOW_MS)
MALFORMED = [
    "{}",
    "Bearer",
    "Bearer {} {}",
    "Bearer {}x",
    "Bearer x{}",
    "Bearer {}\n",
    "Basic {}",
    "Bearer\t{}",
    "Bearer bw_0001020304050607",
    "Bearer bw_0001020304050607_" + "f" * 63,
    "Bearer bw_0001020304050607_" + "F" * 64,
    "Bearer bw__" + "f" * 64,
    "Bearer bw_000102030405060\u0663_" + "f" * 64,
]


def test_a_secret_has_256_bits_and_a_token_shows_its_id() -> None:
    assert tokens.SECRET_BYTES * 8 == 256
    assert Presented("0001020304050607", DRAWN[8:].hex()) == TOKEN
    assert tokens.written(TOKEN) == f"bw_0001020304050607_{DRAWN[8:].hex()}"
    assert tokens.is_token_id(TOKEN.token_id)


@pytest.mark.parametrize("drawn", [b"", DRAWN[:-1], DRAWN + b"x"])
def test_a_token_of_another_number_of_bytes_is_not_made(drawn: bytes) -> None:
    with pytest.raises(Defect, match="40 random bytes"):
        tokens.new_token(drawn)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER   {}", " Bearer {} "])
def test_a_bearer_header_gives_its_token(header: str) -> None:
    assert tokens.parse_header(header.format(tokens.written(TOKEN))) == TOKEN


@pytest.mark.parametrize("header", MALFORMED)
def test_what_is_no_token_is_malformed(header: str) -> None:
    written = tokens.written(TOKEN)
    assert tokens.parse_header(header.format(written, written)) is Refusal.MALFORMED


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER   {}", " Bearer {} ", *MALFORMED, "", "  "])
def test_api_gateway_lets_those_headers_through_in_which_a_token_is_found(header: str) -> None:
    written = tokens.written(TOKEN)
    shown = header.format(written, written)
    passes = re.fullmatch(tokens.HEADER_EXPRESSION, shown) is not None
    assert passes is isinstance(tokens.parse_header(shown), tokens.Presented)


@pytest.mark.parametrize("header", ["", "  "])
def test_an_empty_header_is_none(header: str) -> None:
    assert tokens.parse_header(header) is Refusal.MISSING


def test_a_good_token_is_not_refused_until_the_moment_of_its_expiry() -> None:
    expiring = replace(RECORD, expires_at_ms=NOW_MS)
    assert tokens.check(TOKEN, RECORD, NOW_MS) is None
    assert tokens.check(TOKEN, expiring, NOW_MS - 1) is None
    assert tokens.check(TOKEN, expiring, NOW_MS) is Refusal.EXPIRED


def test_a_revoked_token_is_refused_for_ever() -> None:
    assert tokens.check(TOKEN, RECORD.revoked(NOW_MS + 5), NOW_MS) is Refusal.REVOKED


def test_who_has_a_wrong_secret_does_not_learn_that_the_token_is_revoked_or_expired() -> None:
    wrong = Presented(TOKEN.token_id, "f" * 64)
    for record in (RECORD, RECORD.revoked(NOW_MS), replace(RECORD, expires_at_ms=1)):
        assert tokens.check(wrong, record, NOW_MS) is Refusal.WRONG_SECRET
    assert tokens.check(wrong, None, NOW_MS) is Refusal.UNKNOWN


def test_a_record_without_a_digest_lets_nobody_in() -> None:
    assert tokens.check(TOKEN, replace(RECORD, digest=""), NOW_MS) is Refusal.WRONG_SECRET


def test_each_scope_allows_what_those_before_it_do() -> None:
    allowed = {scope: [needed.value for needed in TokenScope if scope.allows(needed)] for scope in TokenScope}
    assert allowed == {
        TokenScope.READ: ["read"],
        TokenScope.START: ["read", "start"],
        TokenScope.ADMIN: ["read", "start", "admin"],
    }


def test_a_record_is_forgotten_some_days_after_the_first_of_its_ends() -> None:
    kept_ms = KEPT_DAYS * DAY_MS
    assert RECORD.forget_at_ms() is None
    assert replace(RECORD, expires_at_ms=NOW_MS + 5).forget_at_ms() == NOW_MS + 5 + kept_ms
    assert replace(RECORD, expires_at_ms=NOW_MS + 5, revoked_at_ms=NOW_MS).forget_at_ms() == NOW_MS + kept_ms


def test_neither_a_record_nor_a_token_shows_its_secret_when_printed() -> None:
    assert TOKEN.secret not in repr(TOKEN)
    assert RECORD.digest not in repr(RECORD)
