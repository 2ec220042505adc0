"""`batchwright runs`: which runs are asked for, and what is said of a list that is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli import target as module
from batchwright.cli.group import main
from batchwright.cli.target import Target
from chalicelib.api import models as m
from chalicelib.core.states import RunState
from tests.unit.rows import NOON_MS

STATES = [RunState.FAILED, RunState.RUNNING, RunState.SUCCEEDED] * 2


class Api:
    """Has six runs, one a second, and tells two of a page. The states it was asked for are noted."""

    def __init__(self) -> None:
        self.asked: set[RunState | None] = set()

    def runs(self, *, state: RunState | None, page: str | None, **_: Any) -> m.Page[m.Run]:
        self.asked.add(state)
        wanted = [run(number) for number in range(5, -1, -1) if state in (None, STATES[number])]
        at = int(page or 0)
        return m.Page(items=wanted[at : at + 2], next=str(at + 2) if at + 2 < len(wanted) else None)


def run(number: int) -> m.Run:
    return m.Run(
        run_id=f"films-{number:012}",
        workflow="films",
        version=1,
        state=STATES[number],
        epoch=0,
        params={},
        created_at_ms=NOON_MS + number * 1_000,
    )


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()
    monkeypatch.setattr(module, "find_target", lambda where: Target("here", api, None, 0))  # type: ignore[arg-type]
    return api


def given(*words: str) -> Result:
    return CliRunner().invoke(main, ["runs", *words])


def numbers(*words: str) -> list[int]:
    said = given(*words, "--json")
    assert said.exit_code == 0, said.output
    return [int(one["run_id"].removeprefix("films-")) for one in json.loads(said.stdout)]


def test_runs_of_several_states_are_one_list_newest_first(api: Api) -> None:
    assert numbers("--state", "failed", "--state", "running") == [4, 3, 1, 0]
    assert api.asked == {RunState.FAILED, RunState.RUNNING}
    assert numbers("--state", "failed", "--state", "failed") == [3, 0]
    assert numbers() == [5, 4, 3, 2, 1, 0]


def test_a_list_that_was_cut_says_so(api: Api) -> None:
    cut = given("--limit", "3", "--state", "failed", "--state", "running")
    assert cut.stderr == "These are the newest 3; there are more: --limit.\n"
    assert "films-000000000000" not in cut.stdout
    assert given("--limit", "6").stderr == given("--limit", "3", "--json").stderr == ""


@pytest.mark.parametrize("command", ["runs", "jobs"])
def test_a_span_that_holds_nothing_is_a_mistake(api: Api, command: str) -> None:
    said = CliRunner().invoke(main, [command, "--since", "2026-11-21", "--until", "2026-11-20"])
    assert (said.exit_code, said.stdout) == (2, "")
    assert (
        "--since is 2026-11-21 00:00:00 UTC and --until 2026-11-20 00:00:00 UTC, so nothing lies between" in said.stderr
    )
