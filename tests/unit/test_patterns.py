"""Patterns of whole texts: no code leaves the end of a text to `$`, which Python fulfils before a last line end too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("chalicelib", "batchwright", "statemachines", "app.py", ".ci")
ANCHORED_IN = "anchored"
"""The one function that writes a `$`: for JSON Schema, where it is the end of the text."""


def modules() -> list[Path]:
    found = [path for room in ROOMS for path in (ROOT / room, *(ROOT / room).rglob("*"))]
    return sorted(path for path in found if path.suffix == ".py")


def dollars(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and text of each string that ends in `$`, as a pattern does that leaves the end to it; f-strings too."""
    for node in ast.walk(tree):
        last = node.values[-1] if isinstance(node, ast.JoinedStr) and node.values else node
        if isinstance(last, ast.Constant) and isinstance(last.value, (str, bytes)):
            text = last.value if isinstance(last.value, str) else last.value.decode("latin-1")
            if (text != "$" or last is not node) and re.search(r"(?:^|[^\\$])\$\)*\Z", text):
                yield last.lineno, text


def anchored(tree: ast.AST) -> set[int]:
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == ANCHORED_IN
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def test_no_pattern_leaves_the_end_of_a_text_to_a_dollar() -> None:
    found = []
    for path in modules():
        tree = ast.parse(path.read_text())
        allowed = anchored(tree)
        found += [
            f"{path.relative_to(ROOT)}, line {line}: {text!r}" for line, text in dollars(tree) if line not in allowed
        ]
    assert found == [], "hold the text to the pattern with fullmatch; for a JSON Schema, rules.anchored writes the ends"


@pytest.mark.parametrize(
    "source", [r're.compile(r"^[a-z]+$")', r'rf"^{NAME}$"', r're.search("(Z|[+-][0-9]{2})$", value)', r'b"^a$"']
)
def test_a_pattern_that_ends_in_a_dollar_is_found(source: str) -> None:
    assert list(dollars(ast.parse(source)))


@pytest.mark.parametrize("source", [r'"costs 5\\$"', '"${"', '"$"', '"$HOME"', r're.compile(r"a\Z")'])
def test_a_dollar_that_ends_no_pattern_is_left_alone(source: str) -> None:
    assert not list(dollars(ast.parse(source)))
