"""Markdown of the reference pages: one form of a page, of a line and of a table.

Owns how a page begins and how its parts look. Knows nothing of what it describes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MADE = "<!-- Made by `make docs` from {source}. -->"


def page(title: str, source: str, *parts: str) -> str:
    """A page. `source` names what it is made from."""
    return "\n\n".join([MADE.format(source=source), f"# {title}", *parts]) + "\n"


def section(title: str, *parts: str, level: int = 2) -> str:
    """A heading and what stands below it."""
    return "\n\n".join([f"{'#' * level} {title}", *filter(None, parts)])


def code(text: object) -> str:
    return f"`{text}`"


def codes(names: Iterable[object]) -> str:
    return " ".join(map(code, names))


def line(name: str, text: str, facts: str = "") -> str:
    """A definition: a name, facts about it in short, and a sentence."""
    return f"- `{name}`{f' ({facts})' if facts else ''}: {text}"


def lines(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(line(name, text) for name, text in rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def one_line(text: str) -> str:
    return " ".join(text.split())
