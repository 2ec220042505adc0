"""The movie-ratings example has on a stage what its job definition in infra/batch.yaml fetches."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from batchwright.deploy.example import (
    ARCHIVE_KEY,
    DEFINITION_OUTPUT,
    QUEUE_OUTPUT,
    SCRIPTS_KEY,
    example_params,
    put_example,
    zipped_scripts,
)
from batchwright.deploy.stacks import _Loader
from batchwright.stage.project import PROJECT_FOLDER

STATEMACHINES = PROJECT_FOLDER / "statemachines"
TEMPLATE = yaml.load((PROJECT_FOLDER / "infra" / "batch.yaml").read_text(), Loader=_Loader)
WORKFLOW = yaml.safe_load((STATEMACHINES / "movie_ratings.yaml").read_text())


class Objects:
    """A bucket of S3, as far as this needs one."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.puts = 0

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.stored:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"Metadata": self.stored[Key][1]}

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str, Metadata: dict[str, str]) -> None:
        self.puts += 1
        self.stored[Key] = (Body, Metadata)


def test_a_deployment_puts_the_archive_and_every_script_into_the_bucket() -> None:
    s3 = Objects()
    assert put_example(s3, "b", STATEMACHINES)
    assert s3.stored[ARCHIVE_KEY][0] == (STATEMACHINES / "movie_ratings" / "movies.zip").read_bytes()
    names = set(zipfile.ZipFile(io.BytesIO(s3.stored[SCRIPTS_KEY][0])).namelist())
    assert {task["command"][3] for task in WORKFLOW["tasks"].values()} <= names
    assert names == {f"movie_ratings/{path.name}" for path in (STATEMACHINES / "movie_ratings").glob("*.py")}


def test_a_second_deployment_puts_only_what_changed(tmp_path: Path) -> None:
    folder = tmp_path / "movie_ratings"
    folder.mkdir()
    (folder / "movies.zip").write_bytes(b"films")
    (folder / "split.py").write_text("1")
    s3 = Objects()
    assert (put_example(s3, "b", tmp_path), s3.puts) == (True, 2)
    assert (put_example(s3, "b", tmp_path), s3.puts) == (False, 2)
    (folder / "split.py").write_text("2")
    assert (put_example(s3, "b", tmp_path), s3.puts) == (True, 3)


def test_a_project_without_the_example_puts_nothing(tmp_path: Path) -> None:
    s3 = Objects()
    assert (put_example(s3, "b", tmp_path), s3.puts) == (False, 0)


def test_the_scripts_come_out_the_same_whenever_they_are_zipped(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = zipped_scripts(tmp_path)
    (tmp_path / "a.py").touch()
    assert zipped_scripts(tmp_path) == first


def test_the_template_has_the_outputs_that_the_params_are_taken_from() -> None:
    outputs = {name: name.lower() for name in TEMPLATE["Outputs"]}
    params = example_params("b", outputs)
    assert params == {"bucket": "b", "queue": QUEUE_OUTPUT.lower(), "job_definition": DEFINITION_OUTPUT.lower()}
    assert set(params) <= set(WORKFLOW["params"])
    assert example_params("b", {}) == {"bucket": "b"}


def test_the_workflow_reads_the_archive_where_a_deployment_puts_it() -> None:
    assert WORKFLOW["params"]["archive"]["default"] == ARCHIVE_KEY


def test_the_job_definition_fetches_the_scripts_where_a_deployment_puts_them() -> None:
    container = TEMPLATE["Resources"]["MovieRatingsDefinition"]["Properties"]["ContainerProperties"]
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert f'"{SCRIPTS_KEY}"' in environment["FETCH_SCRIPTS"]
    assert all("FETCH_SCRIPTS" in task["command"][2] for task in WORKFLOW["tasks"].values())
