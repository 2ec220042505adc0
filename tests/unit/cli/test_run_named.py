"""Which run is meant by what was typed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from batchwright.cli.run_named import run_named
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.errors import UnknownRun, UserMistake
from tests.unit.rows import view

IDS = ["train-q3x7b2k4m5na", "train-q3y", "train-set-q3x", "films-abc"]
"""Newest first."""


class Known:
    def __init__(self, ids: list[str]) -> None:
        self._runs = [view().run.model_copy(update={"run_id": run_id}) for run_id in ids]

    def run(self, run_id: str) -> m.Run:
        for run in self._runs:
            if run.run_id == run_id:
                return run
        raise UnknownRun(f"there is no run '{run_id}'")

    def runs(self, *, workflow: str = "", limit: int) -> m.Page[m.Run]:
        found = [run for run in self._runs if not workflow or run.run_id.rpartition("-")[0] == workflow]
        return m.Page(items=found[:limit])

    def workflows(self, **_: Any) -> m.Page[m.WorkflowSummary]:
        names = sorted({run.run_id.rpartition("-")[0] for run in self._runs})
        return m.Page(items=[m.WorkflowSummary(name=name, version=1, tasks=1, pushed_at_ms=0) for name in names])


def named(text: str, ids: list[str] = IDS, *, may_be_latest: bool = True) -> str:
    return run_named(cast(Api, Known(ids)), text, may_be_latest=may_be_latest)


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        ("train-q3x7b2k4m5na", "train-q3x7b2k4m5na"),
        ("train-q3x", "train-q3x7b2k4m5na"),
        ("train-q3y", "train-q3y"),
        ("train-s", "train-set-q3x"),
        ("fil", "films-abc"),
        ("latest", "train-q3x7b2k4m5na"),
    ],
)
def test_an_id_or_a_beginning_that_no_other_has_names_a_run(text: str, run_id: str) -> None:
    assert named(text) == run_id


def test_a_beginning_of_several_ids_is_refused_with_some_of_them() -> None:
    with pytest.raises(UserMistake, match="several runs begin with 'train-q3': train-q3x7b2k4m5na, train-q3y;"):
        named("train-q3")


def test_what_no_run_begins_with_is_unknown() -> None:
    for text in ("train-z", "nightly", "latest-"):
        with pytest.raises(UnknownRun, match=f"there is no run '{text}'"):
            named(text)
    with pytest.raises(UnknownRun, match="there is no run 'latest'"):
        named("latest", may_be_latest=False)
    with pytest.raises(UnknownRun, match="there is no run yet"):
        named("latest", [])
