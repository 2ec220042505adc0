"""The scripts of the example import each other by bare name, as they do when they run; so do their tests."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "statemachines" / "movie_ratings"
sys.path.insert(0, str(FOLDER))


@pytest.fixture(scope="session")
def archive_csv() -> bytes:
    """The shipped archive's CSV file."""
    with zipfile.ZipFile(FOLDER / "movies.zip") as archive:
        return archive.read("movies.csv")


@pytest.fixture(scope="session")
def archive_rows(archive_csv: bytes) -> list[dict[str, str]]:
    """The archive's rows as plain text by column, read without any code of the example."""
    return list(csv.DictReader(io.StringIO(archive_csv.decode("utf-8"), newline="")))
