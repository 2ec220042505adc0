"""Text of strangers, on one line and with nothing to obey."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright.terminal import printable
from chalicelib.core.cleantext import clean, clean_lines, cut


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m and \x1b]0;title\x07after", "red and after"),
        ("two\nlines\r\nand three", "two lines and three"),
        ("10%\r50%\r100%\r", "100%"),
        ("a\tb", "a    b"),
        ("bell\x07 null\x00", "bell� null�"),
        ("right\u202eleft", "right�left"),
        ("right\u061cleft", "right�left"),
        ("half \ud800 a letter", "half � a letter"),
        ("Amélie 映画 🎬", "Amélie 映画 🎬"),
        ("", ""),
    ],
)
def test_what_a_reader_would_obey_is_taken_out_and_letters_stay(text: str, shown: str) -> None:
    assert clean(text, 100) == shown


@pytest.mark.parametrize("letter", [*"\u061c\u200e\u200f", *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))])
def test_what_turns_the_direction_of_text_reaches_neither_a_notice_nor_a_terminal(letter: str) -> None:
    assert unicodedata.category(letter) == "Cf"
    assert clean(f"a{letter}b", 9) == printable(f"a{letter}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_long_text_is_cut_where_it_says_so() -> None:
    assert cut("x" * 11, 10) == "xxxxxxx..."
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("xxxx", 2) == ".."


@given(st.text(), st.integers(0, 50))
def test_any_text_becomes_one_line_of_so_many_characters_that_can_be_sent(text: str, characters: int) -> None:
    shown = clean(text, characters)
    assert len(shown) <= characters
    assert shown.encode("utf-8").decode() == shown
    assert all(letter.isprintable() or letter == "�" or not letter.isascii() for letter in shown)
    assert "\n" not in "".join(clean_lines(text))
