from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from batchwright.runlist import Runs, runs_document, runs_table
from chalicelib.aws.dynamodb_items import run_attributes, run_key
from chalicelib.aws.dynamodb_table import to_wire
from chalicelib.core.errors import UnknownRun, UnknownWorkflow, UserMistake
from chalicelib.core.records import Run
from chalicelib.core.states import RunState
from tests.memory.store import MemoryStore
from tests.unit.rows import NOON_MS, redriven, view

GOLDEN = Path(__file__).parents[1] / "golden"


def run(name: str, number: int, state: RunState = RunState.SUCCEEDED, lasted_seconds: int | None = 75) -> Run:
    shown = view(state=state, lasted_seconds=lasted_seconds).run
    at_ms = NOON_MS + number * 1_000
    ended_at_ms = None if shown.ended_at_ms is None else shown.ended_at_ms + number * 1_000
    return replace(shown, run_id=f"{name}-{number:012}", workflow=name, created_at_ms=at_ms, ended_at_ms=ended_at_ms)


class Index:
    """The index of runs as DynamoDB scans it, two runs a page; `calls` counts the pages."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs
        self.calls = 0

    def scan(self, *, TableName: str, IndexName: str, ExclusiveStartKey: Any = None) -> dict[str, Any]:
        assert (TableName, IndexName) == ("table", "runs-by-workflow")
        self.calls += 1
        start = 0 if ExclusiveStartKey is None else ExclusiveStartKey["place"]
        page = self._runs[start : start + 2]
        rest = {"LastEvaluatedKey": {"place": start + 2}} if start + 2 < len(self._runs) else {}
        return {"Items": [_item(one) for one in page], **rest}


def _item(one: Run) -> dict[str, Any]:
    pk, sk = run_key(one.run_id)
    given = {name: value for name, value in run_attributes(one).items() if value is not None}
    return {name: to_wire(value) for name, value in {**given, "pk": pk, "sk": sk}.items()}


def runs_of(*known: Run) -> Runs:
    store = MemoryStore()
    for one in known:
        store.create_run(one)
    return Runs(store, Index(list(known)), "table")


@pytest.mark.parametrize("name", ["all", "workflow"])
def test_runs_are_listed_as_in_the_golden_file(name: str) -> None:
    listed = [run("films", 9, RunState.RUNNING, None), run("films", 5, RunState.FAILED), run("films", 1)]
    if name == "all":
        listed = [listed[0], replace(redriven().run, run_id="train-000000000007", workflow="train"), listed[2]]
    console = Console(file=io.StringIO(), width=100)
    console.print(runs_table(listed, NOON_MS + 99_000))
    assert isinstance(console.file, io.StringIO)
    text = "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())
    assert text == (GOLDEN / f"runs.{name}.txt").read_text()


def test_the_newest_of_all_workflows_come_first_and_no_more_than_asked_for() -> None:
    known = [run("a", 1), run("b", 3), run("a", 2), run("c", 4)]
    assert [one.created_at_ms for one in runs_of(*known).newest(3)] == [
        NOON_MS + second * 1_000 for second in (4, 3, 2)
    ]


def test_too_many_to_look_through_are_a_mistake_that_names_workflows() -> None:
    runs = runs_of(*(run(f"w{number % 3}", number) for number in range(9)))
    with pytest.raises(UserMistake) as raised:
        runs.newest(5)
    assert str(raised.value) == (
        "there are more runs than the 8 that were looked through; "
        "name a workflow with --workflow, for example one of w0, w1, w2"
    )
    assert runs.dynamodb.calls == 4


def test_a_wrong_id_or_name_suggests_the_nearest() -> None:
    runs = runs_of(run("films", 12), run("train", 3))
    with pytest.raises(UnknownRun, match=r"^there is no run 'films-00000000001'; did you mean 'films-000000000012'\?$"):
        runs.run("films-00000000001")
    with pytest.raises(UnknownRun, match=r"^there is no run 'xyz'$"):
        runs.run("xyz")
    with pytest.raises(UnknownWorkflow, match=r"^no workflow 'film' was pushed; did you mean 'films'\?$"):
        runs.of_workflow("film", 5)


def test_who_names_a_run_or_a_workflow_looks_through_nothing() -> None:
    runs = runs_of(run("films", 12), run("films", 13))
    assert runs.run("films-000000000012") == run("films", 12)
    assert runs.of_workflow("films", 1) == [run("films", 13)]
    assert runs.dynamodb.calls == 0


def test_the_document_has_the_epoch_and_the_times_of_each_run() -> None:
    assert runs_document([redriven().run]) == [
        {
            "run_id": "films-abc",
            "workflow": "films",
            "version": 3,
            "state": "failed",
            "epoch": 2,
            "created_at_ms": NOON_MS,
            "ended_at_ms": NOON_MS + 112_400,
        }
    ]
