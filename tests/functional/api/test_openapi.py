"""The API against its own OpenAPI document: whatever fits it or not, no answer is undocumented and none is a 5xx."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchwright.local.isolation import past_proxies
from chalicelib.api.http.handlers import OPERATIONS
from chalicelib.api.http.openapi import document
from chalicelib.api.http.route_table import ROUTES
from tests.functional.api.schemathesis_hooks import OWN
from tests.functional.api.service import SCHEDULES, Service

ROOT = Path(__file__).parents[3]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 2


def test_the_document_has_every_route_and_every_route_an_operation() -> None:
    told = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES}
    assert {route.operation for route in ROUTES} == set(OPERATIONS)


def test_the_document_is_served_as_it_is(service: Service) -> None:
    assert service.ask("GET", "/openapi.json", "read").json == document()


@pytest.mark.long
def test_no_answer_is_undocumented_and_none_is_a_5xx(service: Service, tmp_path: Path) -> None:
    service.push("films", schedules=SCHEDULES)
    service.start("films", "schemathesis")
    header = service.credentials["admin"]["Authorization"]
    own_ids = " ".join(one["Authorization"].split("_")[1] for one in service.credentials.values() if "_" in str(one))
    command = [str(Path(sys.executable).with_name("schemathesis")), f"--config-file={CONFIG}", "run"]
    done = subprocess.run(
        [
            *(*command, f"{service.address}/openapi.json", f"--header=Authorization: {header}"),
            *("--checks=all", f"--max-examples={EXAMPLES}", "--seed=1", "--no-color"),
        ],
        cwd=tmp_path,
        env={**os.environ, **past_proxies(os.environ), "PYTHONPATH": str(ROOT), OWN: own_ids},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
