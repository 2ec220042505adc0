"""docs/verify.md tells of every row, and of nothing else."""

from __future__ import annotations

import re

from batchwright.stage.project import PROJECT_FOLDER
from batchwright.verify.assumptions import ASSUMPTIONS
from batchwright.verify.verdict import Verdict

PAGE = (PROJECT_FOLDER / "docs" / "verify.md").read_text(encoding="utf-8")


def first_column(heading: str) -> list[str]:
    """The first cells of the table below a heading, or after a text."""
    below = PAGE.partition(heading)[2]
    table = re.search(r"\| --- .*\n((?:\|.*\n)+)", below)
    assert table
    return [line.split("|")[1].strip() for line in table[1].splitlines()]


def test_the_page_tells_what_each_row_means_in_their_order() -> None:
    assert first_column("## The rows") == [f"`{one.key}`" for one in ASSUMPTIONS]


def test_the_page_tells_what_each_verdict_means() -> None:
    assert first_column("answer.\n") == [verdict.value for verdict in Verdict]
