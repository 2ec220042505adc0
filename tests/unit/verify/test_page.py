"""docs/reference/checks.md names every verdict; its rows are made from the table."""

from __future__ import annotations

import re

from batchwright.stage.project import PROJECT_FOLDER
from batchwright.verify.verdict import Verdict

PAGE = (PROJECT_FOLDER / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")


def test_the_page_says_what_each_verdict_means() -> None:
    below = PAGE.partition("## Verdicts of verify\n")[2].partition("\n## ")[0]
    assert re.findall(r"^- `([\w ]+)`: ", below, re.MULTILINE) == [verdict.value for verdict in Verdict]
