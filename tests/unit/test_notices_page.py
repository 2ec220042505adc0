"""docs/notices.md says what the code does: its examples are the golden files, its table the kinds."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "notices.md").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "golden" / "notices"


def test_the_examples_are_what_the_code_makes() -> None:
    examples = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)\n```", PAGE, re.DOTALL)
    assert {name.rpartition(".")[2] for name, _ in examples} == {"txt", "json"}
    for name, text in examples:
        assert text == (GOLDEN / name).read_text(encoding="utf-8").rstrip("\n"), name


def test_the_table_has_every_kind_with_its_severity() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert {NoticeKind(kind): severity for kind, severity in rows} == {
        kind: row.severity for kind, row in KIND_ROWS.items()
    }
