"""What the pages say of commands and the HTTP API is what the commands do."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.api.http.openapi import document

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def never_over_an_api() -> set[str]:
    """The commands that ask for a stage or a local AWS, because no route does what they do."""
    sources = "".join(path.read_text() for path in (ROOT / "batchwright/cli").glob("*.py"))
    return {name.split()[0] for name in re.findall(r'needed_aws\("([^"]+)"', sources)}


def test_the_pages_name_the_commands_that_no_route_serves() -> None:
    [in_reference] = re.findall(r"(?<=a mistake\. )([^.]*) do not work over an API", page("reference/cli.md"))
    [in_how_to] = re.findall(r"commands use the API, too, except ([^.]*)\.", page("how-to/use-the-http-api.md"))
    assert never_over_an_api()
    for sentence in (in_reference, in_how_to):
        assert set(re.findall(r"`([\w-]+)`", sentence)) == never_over_an_api()


def test_the_page_says_of_the_idempotency_key_that_it_is_needed() -> None:
    (header,) = document()["paths"]["/runs"]["post"]["parameters"]
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)
    assert "needs the header `Idempotency-Key`" in page("how-to/use-the-http-api.md")
    assert "`Idempotency-Key`: Required on `POST /runs`" in page("reference/http-api.md")
