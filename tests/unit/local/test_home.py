"""Where a local AWS is looked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from batchwright.local import home


def is_up_in(folder: Path) -> None:
    """Say that this process is a local AWS of that folder."""
    me = psutil.Process()
    state = {"pid": me.pid, "process_started_at": me.create_time(), "environment": {}, "options": []}
    (folder / ".batchwright").mkdir(parents=True)
    (folder / ".batchwright" / "local.json").write_text(json.dumps(state))


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands are given."""
    monkeypatch.delenv("BATCHWRIGHT_HOME", raising=False)
    folder = tmp_path / "project" / "sub" / "folder"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_what_is_up_in_a_folder_above_is_found(below: Path) -> None:
    assert (home.running(), home.home()) == (None, below / ".batchwright")
    is_up_in(below.parents[1])
    assert home.running() is not None
    assert home.home() == below.parents[1] / ".batchwright"
    is_up_in(below)
    assert home.home() == below / ".batchwright"


def test_a_folder_above_to_which_anybody_may_write_is_not_looked_in(below: Path) -> None:
    is_up_in(below.parents[1])
    below.parents[1].chmod(0o1777)
    assert home.running() is None
    os.chdir(below.parents[1])
    assert home.running() is not None


def test_a_home_that_is_named_goes_before_every_folder(
    below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_up_in(below)
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(tmp_path / "named"))
    assert (home.running(), home.looked()) == (None, f"in {tmp_path / 'named'} (BATCHWRIGHT_HOME)")


def test_the_variables_of_one_that_is_up_name_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(tmp_path))
    home.write_state({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, [])
    state = home.running()
    assert state is not None
    assert state.environment == {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "BATCHWRIGHT_HOME": str(tmp_path)}
