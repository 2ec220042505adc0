from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from batchwright.terminal.fitting import broken, cut, one_line, packed
from batchwright.terminal.signs import ASCII, UNICODE


@pytest.mark.parametrize(
    ("text", "width", "said"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("a bc d", 3, "a…"), ("焦げた", 4, "焦…"), ("abc", 0, "")],
)
def test_text_is_cut_with_an_ellipsis(text: str, width: int, said: str) -> None:
    assert cut(text, width, UNICODE.ellipsis) == said


def test_a_line_has_no_line_ends_and_moves_no_cursor() -> None:
    assert one_line("a\nb\t c\r\n\x1b[2J") == "a b c\ufffd \ufffd[2J"


def test_text_is_broken_between_words_and_within_one_that_is_too_long() -> None:
    assert broken("one two three", 8, 5, "...") == ["one two", "three"]
    assert broken("abcdefghij kl", 4, 5, "...") == ["abcd", "efgh", "ij", "kl"]
    assert broken("one two three four", 5, 2, "...") == ["one", "tw..."]
    assert broken("", 5, 2, "...") == [""]


def test_parts_are_packed_and_none_is_broken() -> None:
    assert packed(["one", "two", "three four"], 12, "...") == ["one   two", "three four"]
    assert packed([], 12, "...") == []


@given(st.text(), st.integers(2, 60), st.integers(1, 6), st.sampled_from([ASCII.ellipsis, UNICODE.ellipsis]))
def test_no_line_is_wider_than_it_may_be(text: str, width: int, lines_maximum: int, ellipsis: str) -> None:
    lines = broken(text, width, lines_maximum, ellipsis)
    assert 1 <= len(lines) <= lines_maximum
    assert max(map(cell_len, lines)) <= width


def test_every_sign_is_one_cell_wide_and_all_states_of_one_look_have_a_sign() -> None:
    for signs in (ASCII, UNICODE):
        single = [*signs.states.values(), *signs.stretches.values(), signs.rule, signs.tick, signs.now, signs.chain]
        assert {cell_len(sign) for sign in single} == {1}
        assert len({*signs.stretches.values()}) == len(signs.stretches)
        assert {cell_len(part) for part in (signs.branch, signs.last_branch, signs.beside)} == {3}
    assert "".join([*ASCII.states.values(), *ASCII.stretches.values(), ASCII.branch, ASCII.last_branch]).isascii()
