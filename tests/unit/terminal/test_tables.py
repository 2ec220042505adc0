"""What a table does when there is little room: names are shortened, columns go and are named, rows become blocks."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from batchwright.terminal.fitting import cut_in_the_middle
from batchwright.terminal.tables import Column, Short, table_lines

ID = "3f0c2a9e-5b1d-4c55-9d0e-000000000007"
NAME = "a-very-long-name-that-somebody-thought-was-a-good-idea-001"
ROWS = [
    Column("id", [ID, "b"]),
    Column("name", [NAME, "train"], least=12, goes=3),
    Column("state", [Text("FAILED", style="red"), "SUCCEEDED"]),
    Column("age", ["5 min", "12 s"], goes=2, right=True),
    Column("by", ["somebody", ""], goes=1),
]


def printed(width: int | None, columns: list[Column] = ROWS) -> list[str]:
    return [line.plain for line in table_lines(columns, width)]


def test_names_are_shortened_in_the_middle_before_a_column_goes() -> None:
    assert printed(90) == [
        "id                                    name                      state        age  by",
        f"{ID}  a-very-long-…od-idea-001  FAILED     5 min  somebody",
        "b                                     train                     SUCCEEDED   12 s",
    ]


def test_columns_go_the_least_important_first_and_are_named() -> None:
    assert printed(70) == [
        "id                                    name            state        age",
        f"{ID}  a-very-…ea-001  FAILED     5 min",
        "b                                     train           SUCCEEDED   12 s",
        "No room for by: --json or 78 columns show it.",
    ]
    assert printed(62)[0].split() == ["id", "name", "state"]
    assert printed(52) == [
        "id                                    state",
        f"{ID}  FAILED",
        "b                                     SUCCEEDED",
        "No room for name, age and by: --json or 78 columns",
        "show them.",
    ]


def test_where_not_even_those_fit_that_stay_a_row_is_a_block_in_which_nothing_is_shortened() -> None:
    assert printed(40) == [
        f"id     {ID}",
        f"name   {NAME}",
        "state  FAILED",
        "age    5 min",
        "by     somebody",
        "",
        "id     b",
        "name   train",
        "state  SUCCEEDED",
        "age    12 s",
    ]


def test_what_is_no_terminal_gets_everything() -> None:
    wide = [Column("id", ["x" * 2_000]), Column("why", ["y", ""]), Column("name", ["z" * 2_000], least=5, goes=1)]
    (_, line) = printed(None, [Column(one.title, one.cells[:1], one.least, one.goes) for one in wide])
    assert line == f"{'x' * 2_000}  y    {'z' * 2_000}"


def test_sentences_are_broken_between_words_and_each_line_stands_below_its_title() -> None:
    columns = [Column("id", ["1", "2"]), Column("why", ["exit code 137, out of memory", "-"], 11, short=Short.LINES)]
    assert printed(15, columns) == ["id  why", "1   exit code", "    137, out of", "    memory", "2   -"]


def test_lines_in_between_stand_where_they_belong_also_between_blocks() -> None:
    between = {0: [Text("first wave")], 1: [Text("second wave")], 2: [Text("and more")]}
    columns = [Column("task", ["a", "bc"]), Column("queue", ["default", "gpu"])]
    assert [line.plain for line in table_lines(columns, 20, indent=2, between=between)] == [
        *("  task  queue", "first wave", "  a     default", "second wave", "  bc    gpu", "and more"),
    ]
    blocks = [line.plain for line in table_lines(columns, 8, indent=2, between=between)]
    assert blocks[:3] == ["first wave", "  task   a", "  queue  default"]
    assert blocks[3:] == ["second wave", "  task   bc", "  queue  gpu", "and more"]


@pytest.mark.parametrize(
    ("text", "width", "said"),
    [("short", 5, "short"), ("longer-name", 7, "lon…ame"), ("longer-name", 6, "lon…me"), ("焦げたパン", 7, "焦…ン")],
)
def test_a_name_is_cut_in_its_middle(text: str, width: int, said: str) -> None:
    assert cut_in_the_middle(text, width, "…") == said


@given(st.text(), st.integers(0, 40), st.sampled_from(["…", "..."]))
def test_a_cut_name_is_no_wider_than_it_may_be(text: str, width: int, ellipsis: str) -> None:
    assert cell_len(cut_in_the_middle(text, width, ellipsis)) <= width


@given(st.lists(st.tuples(st.text(max_size=50), st.text(max_size=90)), min_size=1), st.integers(20, 120))
def test_a_table_fits_and_no_line_ends_in_a_space(rows: list[tuple[str, str]], width: int) -> None:
    names, whys = zip(*rows, strict=True)
    columns = [Column("name", names, least=8), Column("why", whys, least=8, short=Short.LINES)]
    for line in table_lines(columns, width):
        assert cell_len(line.plain) <= width
        assert line.plain == line.plain.rstrip(" ")
    assert all(line.plain == line.plain.rstrip(" ") for line in table_lines(columns, None))


def test_a_piped_plan_is_not_narrowed_and_a_plan_on_a_narrow_terminal_says_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from batchwright.cli.group import main
    from tests.unit.cli.conftest import GOLDEN

    monkeypatch.chdir(GOLDEN)
    words = ["plan", "diamond.yaml", "--param", "parts=12"]
    piped = CliRunner().invoke(main, words, env={"COLUMNS": "40"}).stdout
    assert "trigger rule            in  out" in piped
    narrow = CliRunner().invoke(main, words, env={"COLUMNS": "80", "FORCE_COLOR": "1", "TERM": "dumb"}).stdout
    assert "No room for tries, in and out: --json or" in narrow
    assert "default" in narrow
