from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from batchwright.cli.group import main
from batchwright.cli.workflows import workflows_table
from chalicelib.api import models as m
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
    console = Console(file=io.StringIO(), width=width)
    console.print(workflows_table(WORKFLOWS, width))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
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
