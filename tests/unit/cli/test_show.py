from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from batchwright.cli import show as module
from batchwright.cli.group import main
from batchwright.cli.target import Target
from batchwright.runs.summary import run_document
from chalicelib.api import models as m
from chalicelib.api.port import Api as ApiPort
from tests.unit.cli.test_completion import completed
from tests.unit.run_stories import FAILED


class Api:
    """Knows one run, which failed."""

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        return FAILED.run

    def tasks(self, run_id: str, **_: Any) -> m.Page[m.Task]:
        return m.Page(items=list(FAILED.tasks))

    def logs(self, *_: Any, **__: Any) -> m.LogPage:
        return m.LogPage(items=[])


class OnTarget:
    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Target:
        return Target("here", Api(), None, 0)  # type: ignore[arg-type]

    def __exit__(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "on_target", OnTarget)
    monkeypatch.setenv("COLUMNS", "80")


def given(*words: str, **variables: str) -> Result:
    return CliRunner().invoke(main, ["show", "films-abc", *words], env=variables)


def test_a_run_is_a_tree_and_with_timeline_a_chart() -> None:
    tree = given()
    head, *rest = tree.stdout.splitlines()
    assert (tree.exit_code, rest[0].split()[:3]) == (0, ["✓", "fetch", "succeeded"])
    assert re.fullmatch(r"Version \d+ of films, started [\d-]+ [\d:]+ UTC", head)
    assert "└─ ✗ evaluate" in tree.stdout
    shown_head, *chart = given("--timeline").stdout.splitlines()
    assert shown_head == head
    assert chart[0].split()[:2] == ["0", "30s"]
    assert chart[2].startswith("◆✓ fetch")
    assert max(map(len, chart[:-1])) <= 80
    for said in (tree.stdout, given("--timeline").stdout):
        assert said.splitlines()[-1].startswith("Run films-abc failed after 3 min 15 s: 8 tasks,")


def test_without_colours_nothing_is_lost() -> None:
    coloured = CliRunner().invoke(main, ["show", "films-abc"], env={"FORCE_COLOR": "1", "TERM": "xterm"}, color=True)
    plain = CliRunner().invoke(
        main, ["show", "films-abc"], env={"FORCE_COLOR": "1", "TERM": "xterm", "NO_COLOR": "1"}, color=True
    )
    assert "\x1b[32m" in coloured.stdout
    assert not any(f"\x1b[{code}m" in plain.stdout for code in ("31", "32", "1;31", "33", "35"))
    for word in ("succeeded", "failed", "upstream_failed", "skipped"):
        assert word in plain.stdout


def test_failed_is_short_for_two_states() -> None:
    assert given("--failed").stdout == given("--state", "failed", "--state", "upstream_failed").stdout
    assert "prices  " not in given("--failed").stdout
    assert "because evaluate failed" in given("--failed").stdout
    assert given("--state", "running").stdout.splitlines()[1] == "No task is running."


def test_the_document_is_the_whole_run_and_nothing_else_goes_with_it() -> None:
    assert json.loads(given("--json").stdout) == run_document(FAILED, cast(ApiPort, Api()))
    for words in (["--timeline"], ["--failed"], ["--state", "failed"], ["--all"]):
        refused = given("--json", *words)
        assert refused.exit_code == 2
        assert "--json prints the whole run: leave out --timeline, --state, --failed and --all" in refused.stderr


def test_options_and_states_are_completed_and_shown_with_examples() -> None:
    assert completed("batchwright show r --ti") == ["--timeline"]
    assert completed("batchwright show r --state up") == ["upstream_failed"]
    said = given("--help").stdout
    assert "batchwright show nightly-q3x7b2k4m5na --timeline" in said
    assert "batchwright show nightly-q3x --failed" in said
