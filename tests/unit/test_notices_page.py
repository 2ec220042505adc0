"""docs/how-to/get-notices.md shows what the code makes: its example is a golden file."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "get-notices.md").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "golden" / "notices"


def test_the_examples_are_what_the_code_makes() -> None:
    examples = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)\n```", PAGE, re.DOTALL)
    assert examples
    for name, text in examples:
        assert text == (GOLDEN / name).read_text(encoding="utf-8").rstrip("\n"), name
