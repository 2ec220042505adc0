"""The demonstration from its archive to its report: one real run of all films, watched from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.isolation import client
from tests.functional.commands import Terminal
from tests.functional.movie_ratings import ARCHIVE, Rows, expected, films_in, rows_of


@dataclass(frozen=True)
class Demonstration:
    """What `batchwright demo` printed, and the local AWS that holds what it did."""

    exit_code: int
    printed: str
    run_id: str
    environment: Mapping[str, str]
    home: Path

    def client(self, service: str) -> Any:
        return client(service, self.environment)

    def stored(self, name: str) -> bytes:
        key = f"runs/{self.run_id}/{name}"
        body: bytes = (
            self.client("s3").get_object(Bucket=self.environment["BATCHWRIGHT_BUCKET"], Key=key)["Body"].read()
        )
        return body

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs of the account, but for children."""
        batch = self.client("batch")
        named = [{"name": "JOB_NAME", "values": ["*"]}]
        pages = batch.get_paginator("list_jobs").paginate(jobQueue="default", filters=named)
        return [job for page in pages for job in page["jobSummaryList"]]


@pytest.fixture(scope="module")
def demonstration(
    user_variables: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demo")
    terminal = Terminal(folder, user_variables)
    assert terminal.give("local", "up").returncode == 0
    done = terminal.begin("demo")
    code = done.end(within_seconds=300)
    found = re.search(r"run (movie-ratings-\w+)", done.printed)
    assert found, done.printed
    environment = json.loads(terminal.give("local", "env", "--json").stdout)
    yield Demonstration(code, done.printed, found[1], environment, folder / ".batchwright")
    assert terminal.give("local", "down").returncode == 0


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of(ARCHIVE.read_bytes())


def test_it_succeeds_and_shows_the_retry_and_the_figures(demonstration: Demonstration) -> None:
    assert demonstration.exit_code == 0, demonstration.printed
    assert re.search(r"import failed \(attempt 1 of 2, .*Array Child Job failed", demonstration.printed)
    assert re.search(r"import \[\d+\] +succeeded +.* attempt 2 of 2$", demonstration.printed, re.MULTILINE)
    assert " succeeded after " in demonstration.printed
    assert "6 tasks, 7 attempts, 1 of them failed and retried." in demonstration.printed
    assert "58,788 films, " in demonstration.printed


def test_the_table_holds_every_row_of_the_archive_and_every_field_of_it(
    demonstration: Demonstration, rows: Rows
) -> None:
    films = films_in(demonstration.client("dynamodb"), f"movie-ratings-{demonstration.run_id}")
    wanted = expected(rows)
    assert len(wanted) == 58788
    different = [film for film in films.keys() | wanted.keys() if films.get(film) != wanted.get(film)]
    assert [(films.get(film), wanted.get(film)) for film in sorted(different)[:3]] == []


def test_each_task_was_submitted_once_and_the_import_twice(demonstration: Demonstration) -> None:
    statuses = sorted(job["status"] for job in demonstration.jobs())
    assert statuses == ["FAILED"] + 6 * ["SUCCEEDED"]
    assert len({job["jobName"] for job in demonstration.jobs()}) == 7


def test_the_report_joins_both_statistics_and_the_count(demonstration: Demonstration, rows: Rows) -> None:
    report = json.loads(demonstration.stored("report.json"))
    assert report["films_counted"] == report["overall"]["films"] == len(rows)
    assert report["overall"]["votes"] == sum(int(row["votes"]) for row in rows)
    assert sum(group["films"] for group in report["by_decade"]) == len(rows)
    without_genre = [group["films"] for group in report["by_genre"] if group["name"] == "no genre"]
    assert without_genre == [sum(row["genres"] == "" for row in rows)]
    assert report["overall"]["most_voted"]["title"] == "Lord of the Rings: The Fellowship of the Ring, The"


def test_the_report_lies_where_the_command_said(demonstration: Demonstration) -> None:
    assert "The report with its charts: .batchwright/demo/report.html\n" in demonstration.printed
    page = demonstration.home / "demo" / "report.html"
    assert page.read_bytes() == demonstration.stored("report.html")
    assert "<h1>Movie ratings, 1893 to 2005</h1>" in page.read_text(encoding="utf-8")
