"""One local AWS without a worker whose HTTP API the tests of this folder ask: nothing in it runs by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchwright.local.child import Child
from batchwright.local.stack import API, LocalAws
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.wiring import API_AUTH
from tests.functional.api.service import Service


@pytest.fixture(scope="session")
def api_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the logs of that local AWS are."""
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="session")
def service(api_folder: Path) -> Iterator[Service]:
    with LocalAws(api_folder, workers=0, serves_api=True) as aws:
        with pytest.MonkeyPatch.context() as patch:
            # Tests are no part of what is installed.
            patch.setenv("PYTHONPATH", str(PROJECT_FOLDER), prepend=os.pathsep)
            trusting = Child("tests.functional.api.signed", api_folder / "iam.log", answers=True)
        trusting.begin([], {**aws.environment, API_AUTH: "iam"})
        try:
            iam_address = json.loads(trusting.first_line(30))["endpoint_url"]
            yield Service(aws.environment[API], aws.environment, iam_address)
        finally:
            trusting.end()
