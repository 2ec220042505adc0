"""What the pages say of commands and the HTTP API is what the commands do."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.api.http.openapi import document

ROOT = Path(__file__).parents[2]


def never_over_an_api() -> set[str]:
    """The commands that ask for a stage or a local AWS, because no route does what they do."""
    sources = "".join(path.read_text() for path in (ROOT / "batchwright/cli").glob("*.py"))
    return {name.split()[0] for name in re.findall(r'needed_aws\("([^"]+)"', sources)}


def test_the_pages_name_the_commands_that_no_route_serves() -> None:
    first_lines = (ROOT / "docs/http-api.md").read_text().partition("```")[0]
    rows = [line for line in (ROOT / "docs/cli.md").read_text().splitlines() if "Not over an API" in line]
    assert never_over_an_api()
    assert set(re.findall(r"`(\w[\w-]*)`", first_lines)) - {"batchwright"} == never_over_an_api()
    assert {re.findall(r"`([\w-]+)", row)[0] for row in rows} == never_over_an_api()


def test_the_page_says_of_the_idempotency_key_that_it_is_needed() -> None:
    (header,) = document()["paths"]["/runs"]["post"]["parameters"]
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)
    page = (ROOT / "docs/http-api.md").read_text()
    assert "needs the header `Idempotency-Key`" in page
