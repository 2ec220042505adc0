from __future__ import annotations

from pathlib import Path

import pytest

from batchwright.runs.table import run_columns
from batchwright.terminal.tables import table_lines
from chalicelib.api import models as m
from chalicelib.core.states import RunState
from tests.unit.rows import NOON_MS, redriven, view

GOLDEN = Path(__file__).parents[2] / "golden"


def run(name: str, number: int, state: RunState = RunState.SUCCEEDED, lasted_seconds: int | None = 75) -> m.Run:
    shown = view(state=state, lasted_seconds=lasted_seconds).run
    ended_at_ms = None if shown.ended_at_ms is None else shown.ended_at_ms + number * 1_000
    times = {"created_at_ms": NOON_MS + number * 1_000, "ended_at_ms": ended_at_ms}
    return shown.model_copy(update={"run_id": f"{name}-{number:012}", "workflow": name, **times})


def printed(runs: list[m.Run], width: int) -> str:
    return "".join(f"{line.plain}\n" for line in table_lines(run_columns(runs, NOON_MS + 99_000), width))


FILMS = [run("films", 9, RunState.RUNNING, None), run("films", 5, RunState.FAILED), run("films", 1)]
SEVERAL = [
    FILMS[0],
    redriven().run.model_copy(update={"run_id": "train-000000000007", "workflow": "train"}),
    FILMS[2],
]


@pytest.mark.parametrize(
    ("name", "runs", "width"),
    [("all", SEVERAL, 100), ("all.60", SEVERAL, 60), ("all.30", SEVERAL, 30), ("workflow", FILMS, 100)],
)
def test_runs_are_listed_as_in_the_golden_file(name: str, runs: list[m.Run], width: int) -> None:
    text = printed(runs, width)
    assert text == (GOLDEN / f"runs.{name}.txt").read_text()
    assert max(map(len, text.splitlines())) <= width


def test_a_schedule_is_a_column_where_one_started_a_run() -> None:
    scheduled = FILMS[0].model_copy(update={"schedule": "nightly"})
    assert "schedule" not in printed(FILMS, 100)
    lines = printed([scheduled, FILMS[1]], 100).splitlines()
    assert "schedule" in lines[0]
    assert [line.split()[-1] == "nightly" for line in lines[1:]] == [True, False]
