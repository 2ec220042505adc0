"""The table in docs/explanation/security.md: every route by every credential, as the table of routes means it.

`python -m tests.functional.api.security_table` prints it.
"""

from __future__ import annotations

from pathlib import Path

from chalicelib.api.http.route_table import ROUTES, About, Route
from chalicelib.core.tokens import TokenScope
from tests.functional.api.service import KINDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "explanation" / "security.md"
HEAD = ("route", *KINDS)


def cell(route: Route, kind: str) -> str:
    """What a request of that kind comes to: a refusal's status, `yes`, or `own` for what is of the token's workflow."""
    if kind == "none":
        return "401"
    if kind in ("malformed", "wrong", "expired", "revoked"):
        return "403"
    if kind == "IAM":
        return "yes"
    if kind == "another":
        refused = {About.NAMED: "403", About.BODY: "403", About.ALL: "403", About.RUN: "404", About.LISTED: "own"}
        return refused.get(route.about, "yes")
    return "yes" if TokenScope(kind).allows(route.needs) else "403"


def lines() -> list[str]:
    """The table in Markdown."""
    rows = [[f"{route.method} {route.path}", *(cell(route, kind) for kind in KINDS)] for route in ROUTES]
    return [_line(HEAD), _line(["---"] * len(HEAD)), *(_line([f"`{row[0]}`", *row[1:]]) for row in rows)]


def documented() -> dict[tuple[str, str], str]:
    """The cells of the document's table, by route and credential."""
    found: dict[tuple[str, str], str] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [piece.strip() for piece in line.strip("|").split("|")]
        if len(cells) == len(HEAD) and cells[0].startswith("`"):
            found |= {(cells[0].strip("`"), kind): cell for kind, cell in zip(KINDS, cells[1:], strict=True)}
    return found


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(lines()))
