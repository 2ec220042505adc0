"""The movie ratings example against MiniStack: the commands of its workflow file, as real processes, in order.

Stands in for Batch in the simplest way: fills in the expressions of the file's commands and starts each as a
process in `statemachines/`, over a few films. A run of the file, with all films, is in tests/e2e.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from batchwright.local.ministack import MiniStack
from tests.functional.movie_ratings import STATEMACHINES, Film, expected, films_in, rows_of, zipped

pytestmark = pytest.mark.long

WORKFLOW = yaml.safe_load((STATEMACHINES / "movie_ratings.yaml").read_text(encoding="utf-8"))
BUCKET = "movie-ratings-scripts"
AT_A_TIME = 2  # children of the array job

AWKWARD_TITLES = [
    "Fabuleux destin d'Amélie Poulain, Le",
    'The "Quoted", and the Unquoted',
    '"',
    ",",
    "Ночной дозор 😀",
    "Two\nlines\r\nand a third",
    "=1+1",
    " spaces around ",
]


@dataclass(frozen=True)
class Ended:
    """How one process ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass
class Example:
    """Runs tasks of the workflow file for one run, and looks at what they left."""

    ministack: MiniStack
    run: str
    params: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        settings = self.ministack.environment()
        return boto3.client(
            service,
            endpoint_url=settings["AWS_ENDPOINT_URL"],
            region_name=settings["AWS_DEFAULT_REGION"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        )

    def put_archive(self, archive: bytes, key: str) -> None:
        s3 = self.client("s3")
        if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=archive)

    def task(self, name: str, attempt: int = 1, index: int | None = None) -> Ended:
        """Run the command of one task, or of one child of it, until it ends."""
        # `python3` of the workflow is the one that runs these tests, for it has boto3.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **self.ministack.environment(), "PATH": path}
        if index is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(index)
        command = [self._filled_in(str(word), name, attempt) for word in WORKFLOW["tasks"][name]["command"]]
        done = subprocess.run(command, cwd=STATEMACHINES, env=environment, capture_output=True, text=True, timeout=300)
        return Ended(done.returncode, done.stdout, done.stderr)

    def array(self, name: str, attempt: int = 1) -> list[Ended]:
        size = int(self._filled_in(WORKFLOW["tasks"][name]["array"]["size"], name, attempt))
        with ThreadPoolExecutor(AT_A_TIME) as children:
            return list(children.map(lambda index: self.task(name, attempt, index), range(size)))

    def table(self, table: str) -> dict[int, Film]:
        return films_in(self.client("dynamodb"), table)

    def count(self, table: str) -> int:
        """How many films the table holds now; quicker than reading them all."""
        paginator = self.client("dynamodb").get_paginator("scan")
        pages = paginator.paginate(TableName=table, Select="COUNT", ConsistentRead=True)
        return sum(page["Count"] for page in pages)

    def stored(self, name: str) -> bytes:
        found = self.client("s3").get_object(Bucket=BUCKET, Key=f"runs/{self.run}/{name}")
        body: bytes = found["Body"].read()
        return body

    def _filled_in(self, text: str, task: str, attempt: int) -> str:
        known = {"run.id": self.run, "task.name": task, "task.attempt": attempt}
        for name, param in WORKFLOW["params"].items():
            known[f"params.{name}"] = self.params.get(name, param.get("default"))
        return re.sub(r"\$\{([^}]*)\}", lambda found: str(known[found[1]]), text)


def small_archive() -> bytes:
    genres = ["", "Drama", "Comedy|Short"]
    return zipped(
        [
            [number, title, 1900 + 9 * number, 90, "6.5", 4 + number, genres[number % 3]]
            for number, title in enumerate(AWKWARD_TITLES, start=1)
        ]
    )


def small_example(ministack: MiniStack, run: str, **params: Any) -> Example:
    example = Example(ministack, run, {"bucket": BUCKET, "archive": f"{run}.zip", "parts": 2, **params})
    example.put_archive(small_archive(), f"{run}.zip")
    return example


@dataclass(frozen=True)
class WholeRun:
    """All tasks in order over a small archive, with the deliberate failure of part 1 and its redo."""

    example: Example
    first_import: list[Ended]
    second_import: list[Ended]
    others: dict[str, Ended]
    rows_after_the_failure: int


@pytest.fixture(scope="module")
def whole_run(ministack: MiniStack) -> WholeRun:
    example = small_example(ministack, "whole-run", fail_first_attempt_of_part=1)
    others = {"split": example.task("split")}
    first = example.array("import", attempt=1)
    after_the_failure = example.count("movie-ratings-whole-run")
    second = example.array("import", attempt=2)
    for name in ("statistics-by-decade", "statistics-by-genre", "check", "report"):
        others[name] = example.task(name)
    return WholeRun(example, first, second, others, after_the_failure)


def test_every_task_of_the_whole_run_succeeds(whole_run: WholeRun) -> None:
    ended = {**whole_run.others, **dict(zip("01", whole_run.second_import, strict=True))}
    assert {name: (end.exit_code, end.stderr) for name, end in ended.items()} == dict.fromkeys(ended, (0, ""))


def test_only_the_part_that_is_asked_to_fails_and_half_of_it_is_there_by_then(whole_run: WholeRun) -> None:
    assert [end.exit_code for end in whole_run.first_import] == [0, 1]
    assert whole_run.first_import[1].stderr == (
        "part 1 fails on purpose after 2 of its 4 films, as the param fail_first_attempt_of_part asks\n"
    )
    assert whole_run.rows_after_the_failure == len(AWKWARD_TITLES) - 4 + 2


def test_the_second_attempt_imports_the_failed_part_and_no_other(whole_run: WholeRun) -> None:
    for part, end in enumerate(whole_run.second_import):
        imported_anew = "imported 4 films into movie-ratings-whole-run" in end.stdout
        left_alone = "films are in the table since an earlier attempt" in end.stdout
        assert (imported_anew, left_alone) == (part == 1, part != 1)


def test_the_check_counts_every_film(whole_run: WholeRun) -> None:
    assert "holds 8 films, as many as the archive" in whole_run.others["check"].stdout
    assert json.loads(whole_run.example.stored("check.json")) == {"films_expected": 8, "films_counted": 8}


def test_quotes_accents_commas_and_line_ends_arrive_intact(ministack: MiniStack) -> None:
    example = small_example(ministack, "awkward")
    assert example.task("split").exit_code == 0
    assert [end.exit_code for end in example.array("import")] == [0, 0]
    films = example.table("movie-ratings-awkward")
    assert [films[number]["title"] for number in sorted(films)] == AWKWARD_TITLES
    assert films == expected(rows_of(small_archive()))


def test_the_check_fails_when_a_film_is_missing(ministack: MiniStack) -> None:
    example = small_example(ministack, "one-missing", table="movie-ratings-one-missing-table")
    example.task("split")
    example.array("import")
    example.client("dynamodb").delete_item(TableName="movie-ratings-one-missing-table", Key={"film": {"N": "4"}})
    ended = example.task("check")
    assert ended.exit_code == 1
    assert ended.stderr == (
        "the table movie-ratings-one-missing-table holds 7 films, but the archive has 8: 1 are missing\n"
    )


def test_into_a_table_made_anew_everything_is_imported_again(ministack: MiniStack) -> None:
    example = small_example(ministack, "made-anew")
    example.task("split")
    example.array("import")
    example.client("dynamodb").delete_table(TableName="movie-ratings-made-anew")
    assert example.task("split", attempt=2).exit_code == 0
    assert [end.exit_code for end in example.array("import", attempt=2)] == [0, 0]
    assert example.count("movie-ratings-made-anew") == len(AWKWARD_TITLES)


def test_after_another_split_the_parts_that_changed_are_imported_again(ministack: MiniStack) -> None:
    example = small_example(ministack, "changed")
    example.task("split")
    example.array("import")
    changed = zipped([[number, "New", 1990, 90, "5", 5, ""] for number in range(1, 9)])
    example.put_archive(changed, "changed.zip")
    example.task("split", attempt=2)
    example.array("import", attempt=2)
    assert {film["title"] for film in example.table("movie-ratings-changed").values()} == {"New"}


@pytest.mark.parametrize(
    ("params", "task", "sentence"),
    [
        ({"archive": "none.zip"}, "split", "there is no s3://movie-ratings-scripts/none.zip; put the archive"),
        ({"parts": 0}, "split", "parts must be 1 or more, not 0"),
        ({"table": "no spaces please"}, "split", "AWS refused or did not answer: "),
        ({}, "import", "there is no s3://movie-ratings-scripts/runs/refused/split.json; has the task"),
        ({}, "report", "there is no s3://movie-ratings-scripts/runs/refused/split.json; has the task"),
        ({"bucket": "not-there-at-all"}, "split", "there is no s3://not-there-at-all/refused.zip; put"),
    ],
)
def test_an_expected_error_is_one_sentence_and_exit_code_1(
    params: dict[str, Any], task: str, sentence: str, ministack: MiniStack
) -> None:
    example = small_example(ministack, "refused", **params)
    ended = example.task(task, index=0)
    assert ended.exit_code == 1
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1


def test_a_wrong_row_stops_the_split_and_names_its_line(ministack: MiniStack) -> None:
    example = small_example(ministack, "wrong-row")
    example.put_archive(
        zipped([[1, "Good", 1990, 90, "5", 5, ""], [2, "Bad", 1990, 90, "5", "many", ""]]), "wrong-row.zip"
    )
    ended = example.task("split")
    assert ended.exit_code == 1
    assert ended.stderr == ("movies.csv, line 3: the number of votes must be a whole number of 1 or more, not 'many'\n")


def test_a_part_to_fail_that_does_not_exist_is_refused(ministack: MiniStack) -> None:
    example = small_example(ministack, "no-such-part", fail_first_attempt_of_part=2)
    example.task("split")
    ended = example.task("import", index=0)
    assert (ended.exit_code, ended.stderr) == (
        1,
        "fail_first_attempt_of_part must be a part from 0 to 1, or -1 for none, not 2\n",
    )
