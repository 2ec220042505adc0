"""What cannot be undone is asked about, and those who cannot be asked are told of --yes."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli import target as module
from batchwright.cli.group import main
from batchwright.cli.target import Target
from chalicelib.api import models as m

QUESTION = "Delete 1 monitor of here? [y/N]: "


class Api:
    """Has one monitor, until it is deleted."""

    deleted = False

    def monitors(self) -> m.Monitors:
        return m.Monitors(revision=1, etag="e", definition={"monitors": {"late": {}}})

    def delete_monitors(self, *, if_match: str) -> None:
        self.deleted = True


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()
    monkeypatch.setattr(module, "find_target", lambda where: Target("here", api, None, 0))  # type: ignore[arg-type]
    return api


def given(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(main, ["monitors", "delete", *words], **more)


def test_where_nobody_can_be_asked_the_way_without_a_question_is_named(api: Api) -> None:
    said = given(input="")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == f"{QUESTION}\nnothing was changed: there is nobody to ask; --yes does it unasked\n"
    assert not api.deleted


def test_with_json_nothing_is_asked(api: Api) -> None:
    said = given("--json", input="y\n")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "'Delete 1 monitor of here?' is not asked with --json; give --yes with it\n"
    assert not api.deleted
    done = given("--json", "--yes")
    assert (done.exit_code, done.stderr, api.deleted) == (0, "", True)


def test_an_answer_counts_also_from_a_pipe(api: Api) -> None:
    assert given(input="n\n").exit_code == 130
    assert not api.deleted
    assert given(input="y\n").exit_code == 0
    assert api.deleted
