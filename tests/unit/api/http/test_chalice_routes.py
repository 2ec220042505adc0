"""The app's routes as Chalice has them: none is open, whoever is trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.api.http.route_table import ROUTES
from chalicelib.wiring import API_AUTH

ROOT = Path(__file__).parents[4]
PROGRAM = """
import json
from app import app
entries = [entry for methods in app.routes.values() for entry in methods.values()]
print(json.dumps({
    "routes": sorted(f"{entry.method} {entry.uri_pattern}" for entry in entries),
    "authorizers": sorted({type(entry.authorizer).__name__ for entry in entries}),
    "kept_seconds": [handler.ttl_seconds for handler in app.builtin_auth_handlers],
}))
"""


def imported(auth: str) -> subprocess.CompletedProcess[str]:
    """The app's routes, imported in a process of its own with that choice of who may ask."""
    variables = {**os.environ, API_AUTH: auth}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("auth", "authorizers", "kept_seconds"),
    [("", ["ChaliceAuthorizer"], [0]), ("token", ["ChaliceAuthorizer"], [0]), ("iam", ["IAMAuthorizer"], [])],
)
def test_every_route_is_closed_and_no_answer_of_the_authorizer_is_kept(
    auth: str, authorizers: list[str], kept_seconds: list[int]
) -> None:
    told = json.loads(imported(auth).stdout)
    assert told["routes"] == sorted(f"{route.method} {route.path}" for route in ROUTES)
    assert (told["authorizers"], told["kept_seconds"]) == (authorizers, kept_seconds)


def test_a_choice_that_is_none_closes_the_app() -> None:
    done = imported("none")
    assert done.returncode != 0
    assert f"{API_AUTH} must be token or iam, not 'none'; leave it out for token" in done.stderr
