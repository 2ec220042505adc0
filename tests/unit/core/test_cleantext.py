"""Text of strangers, on one line and with nothing to obey."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright.terminal.terminal import printable
from chalicelib.core.cleantext import clean, clean_lines, cut, folded


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m and \x1b]0;title\x07after", "red and after"),
        ("\x1b(B\x1b[mreset", "reset"),
        ("\x1b(Bbold\x1b[1mer\x1b(0qq\x1b#8", "bolderqq"),
        ("\x1bPq#0;2;0;0;0~-\x1b\\after", "after"),
        ("\x1bXsos\x1b\\\x1b^pm\x1b\\\x1b_apc\x1b\\after", "after"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x07 after", "link after"),
        ("\x1bPtmux;\x1b\x1b]0;title\x07\x1b\\after", "after"),
        ("\x9b31mred\x9b0m \x9d0;title\x9cafter \x90dcs\x9c\x8f\x84", "red after"),
        ("\x1b7\x1b8\x1b=\x1b>\x1bc\x1bM\x1bN\x1bO\x1b~after", "after"),
        ("\x1b]0;without an end\nnext line\nand the next", "next line and the next"),
        ("\x1b]0;without an end\rwritten over", "written over"),
        ("\x1bPwithout an end\x1b[1mbold", "bold"),
        ("cut off \x1b[38;5", "cut off"),
        ("cut off \x1b", "cut off"),
        ("\x1b[3\nnext", "next"),
        ("\x1b\x1b[31mred", "red"),
        ("\x1b é", "é"),
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


_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Cn")), min_size=1, max_size=8)
_ENDED_STRING = st.builds(
    lambda begin, body, end: begin + body + end,
    st.sampled_from([*(f"\x1b{letter}" for letter in "PX]^_"), *"\x90\x98\x9d\x9e\x9f"]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20),
    st.sampled_from(["\x1b\\", "\x9c", "\x07"]),
)
_SEQUENCE = (
    st.from_regex(r"(?:\x1b\[|\x9b)[0-?]{0,6}[ -/]{0,2}[@-~]", fullmatch=True)
    | st.from_regex(r"\x1b[ -/]{1,2}[0-~]", fullmatch=True)
    | st.from_regex(r"\x1b[0-OQ-WYZ\\`-~]", fullmatch=True)
    | st.sampled_from(sorted({chr(code) for code in range(0x80, 0xA0)} - set("\x85\x90\x98\x9b\x9d\x9e\x9f")))
    | _ENDED_STRING
)


@given(st.lists(_TEXT | _SEQUENCE.map(lambda one: ("sequence", one)), max_size=8))
def test_of_whole_sequences_nothing_stays_and_of_the_text_between_them_all(parts: list[str | tuple[str, str]]) -> None:
    written = "".join(part if isinstance(part, str) else part[1] for part in parts)
    assert clean_lines(written) == ["".join(part for part in parts if isinstance(part, str))]


@given(st.lists(st.lists(_TEXT | _SEQUENCE, max_size=4).map("".join), min_size=1, max_size=4), st.data())
def test_a_sequence_that_is_cut_off_takes_nothing_of_another_line(lines: list[str], data: st.DataObject) -> None:
    cut_off = [line[: data.draw(st.integers(0, len(line)))] for line in lines]
    assert clean_lines("\n".join(cut_off)) == [clean_lines(line)[0] for line in cut_off]


@given(st.text(st.characters(exclude_categories=("Cs",))), st.integers(4, 30))
def test_a_folded_line_has_short_lines_and_all_that_was_in_it_but_spaces(line: str, octets: int) -> None:
    lines = folded(line, octets)
    assert all(len(one.encode()) <= octets for one in lines)
    assert "".join(lines).replace(" ", "") == line.replace(" ", "")
    assert len(line.encode()) > octets or lines == [line]


def test_a_line_is_folded_between_words_and_never_within_a_character() -> None:
    assert folded("one two three four", 9) == ["one two", "three", "four"]
    assert folded("  indented words", 11) == ["  indented", "words"]
    assert folded("映画映画", 7) == ["映画", "映画"]
    assert folded("xe\u0301e\u0301", 4) == ["xe\u0301", "e\u0301"]
    assert folded("xe\u0301", 3) == ["x", "e\u0301"]


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
