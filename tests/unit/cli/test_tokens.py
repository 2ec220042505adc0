"""The table of tokens: what each is for, what it allows, and when it ends."""

from __future__ import annotations

from batchwright.cli.tokens import token_columns
from batchwright.terminal.tables import table_lines
from chalicelib.api import models as m
from chalicelib.core.tokens import DAY_MS, TokenScope
from tests.unit.rows import NOON_MS

TOKEN = m.Token(token_id="0123456789abcdef", name="nightly", scope=TokenScope.START, created_at_ms=NOON_MS)


def lines(*tokens: m.Token) -> list[str]:
    return [" ".join(line.plain.split()) for line in table_lines(token_columns(tokens, NOON_MS + 5 * DAY_MS), 110)]


def test_a_token_is_told_with_its_scope_its_last_use_and_its_end() -> None:
    of_one = TOKEN.model_copy(update={"workflow": "films", "last_used_at_ms": NOON_MS + DAY_MS})
    day = lines(TOKEN)[1].split()[3]
    assert lines(TOKEN)[1] == f"0123456789abcdef nightly start {day} - never"
    assert lines(of_one)[1].startswith(f"0123456789abcdef nightly start films {day} ")


def test_what_has_ended_is_told_from_what_will() -> None:
    ends = [
        lines(TOKEN.model_copy(update=update))[1].split(" ", 5)[5].rsplit(" ", 1)[0]
        for update in (
            {"expires_at_ms": NOON_MS + 4 * DAY_MS},
            {"expires_at_ms": NOON_MS + 6 * DAY_MS},
            {"expires_at_ms": NOON_MS + 6 * DAY_MS, "revoked_at_ms": NOON_MS},
        )
    ]
    assert ends == ["ended", "on", "revoked"]
