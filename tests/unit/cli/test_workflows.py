from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from batchwright.cli.group import main
from batchwright.cli.workflows import push_all, workflow_columns
from batchwright.files.workflow_file import WorkflowFile, load_workflow
from batchwright.terminal.tables import table_lines
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.errors import SchedulesNotPlaced, TryAgain, UnknownWorkflow
from tests.unit.rows import NOON_MS

GOLDEN = Path(__file__).parents[2] / "golden"
WORKFLOWS = [
    m.WorkflowSummary(
        name="films", version=12, description="Import films.\nThen report.", tasks=4, pushed_at_ms=NOON_MS
    ),
    m.WorkflowSummary(name="nightly-import-of-all", version=1, tasks=100_000, pushed_at_ms=NOON_MS + 60_000),
    m.WorkflowSummary(name="train", version=3, description="[bold]" + "long " * 40, tasks=1, pushed_at_ms=NOON_MS),
]


@pytest.mark.parametrize("width", [100, 82, 60])
def test_workflows_are_listed_as_in_the_golden_file(width: int) -> None:
    lines = [line.plain for line in table_lines(workflow_columns(WORKFLOWS), width)]
    assert lines == (GOLDEN / f"workflows.{width}.txt").read_text().splitlines()
    assert max(map(len, lines)) <= width


def test_all_files_are_checked_before_any_is_pushed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("name: x\ntasks: {}\n")
    done = CliRunner().invoke(main, ["workflows", "push", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert done.exit_code == 2
    assert {line.partition(":")[0] for line in done.stderr.splitlines()} == {
        str(tmp_path / "a.yaml"),
        str(tmp_path / "b.yaml"),
    }


def test_two_files_of_one_workflow_are_not_pushed_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("name: x\ntasks: {t: {job_definition: d, queue: q}}\n")
    done = CliRunner().invoke(main, ["workflows", "push", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert (done.exit_code, done.stderr) == (
        2,
        f"{tmp_path / 'a.yaml'} and {tmp_path / 'b.yaml'} both describe workflow 'x'; push one of them\n",
    )


def pushed_with(folder: Path, failing: dict[str, Exception]) -> tuple[list[str], Exception | None]:
    """What is said to be pushed of three files of which some fail, and what is raised in the end."""

    class NothingYet:
        def workflow(self, name: str) -> m.Workflow:
            raise UnknownWorkflow(name)

    def push_one(loaded: WorkflowFile, folder: Path) -> m.Workflow:
        name = loaded.workflow.name
        if name in failing:
            raise failing[name]
        return m.Workflow(name=name, version=1, etag="e", pushed_at_ms=NOON_MS, definition={})

    said: list[str] = []
    files = [loaded_of(name, folder) for name in ("a", "b", "c")]
    try:
        push_all(cast(Api, NothingYet()), files, push_one, lambda pushed: said.extend(one.name for one, _ in pushed))
    except TryAgain as failure:
        return said, failure
    return said, None


def loaded_of(name: str, folder: Path) -> tuple[Path, WorkflowFile]:
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\ntasks: {{t: {{job_definition: d, queue: q}}}}\n")
    return file, load_workflow(file)


def test_a_file_whose_schedules_find_no_place_keeps_no_other_from_being_pushed(tmp_path: Path) -> None:
    said, failure = pushed_with(
        tmp_path, {"a": SchedulesNotPlaced("a: no role"), "b": SchedulesNotPlaced("b: no role")}
    )
    assert said == ["c"]
    assert isinstance(failure, SchedulesNotPlaced)
    assert str(failure) == "a: no role\nb: no role"


def test_what_was_pushed_before_a_failure_is_said(tmp_path: Path) -> None:
    said, failure = pushed_with(tmp_path, {"b": TryAgain("the API cannot be reached")})
    assert said == ["a"]
    assert str(failure) == "the API cannot be reached"
