"""What docs/reference/http-api.md says of every route and every credential.

The page has the least scope of a route, and what a token for another workflow gets. The rest it says in a sentence.
"""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.core.tokens import TokenScope
from tests.functional.api.service import KINDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "http-api.md"


def documented() -> dict[tuple[str, str], str]:
    """What a request comes to by route and credential: a refusal's status, `yes`, or `own` for what is of the token's
    workflow."""
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^- `([A-Z]+ \S+)` \((\w+), (\w+); [\d ]+\): ", text, re.MULTILINE)
    return {(name, kind): _cell(kind, TokenScope(scope), another) for name, scope, another in rows for kind in KINDS}


def _cell(kind: str, scope: TokenScope, another: str) -> str:
    match kind:
        case "none":
            return "401"
        case "malformed" | "wrong" | "expired" | "revoked":
            return "403"
        case "IAM":
            return "yes"
        case "another":
            return another
    return "yes" if TokenScope(kind).allows(scope) else "403"
