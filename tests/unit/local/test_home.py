"""Where a local AWS is looked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from batchwright.local import home
from batchwright.local.death import Death
from batchwright.local.stack import LocalAwsError
from batchwright.local.version import version_of_code
from chalicelib.core.errors import UserMistake


def is_up_in(folder: Path, **more: object) -> None:
    """Say that this process is a local AWS of that folder."""
    me = psutil.Process()
    state = {"pid": me.pid, "process_started_at": me.create_time(), "environment": {}, "options": [], **more}
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


KILLED = Death("worker", 12, "/no/such/worker.log", -9, 1_800_000_000.0, ["etl-1", "etl-2"])


def test_how_it_ended_is_known_from_every_folder_below(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.death() is None
    folder = below.parents[1] / ".batchwright"
    folder.mkdir()
    with monkeypatch.context() as there:
        there.setenv("BATCHWRIGHT_HOME", str(folder))
        home.write_state({}, [])
        state = home.running()
        home.write_death(KILLED)
        assert (home.running(), home.death()) == (None, KILLED)
    assert home.death() == KILLED
    with pytest.raises(UserMistake, match=r"nothing\.\nthe local AWS broke: its worker process \(12\) was killed by "):
        raise home.nothing_is_up("nothing.")
    assert state is not None
    with pytest.raises(LocalAwsError, match="2 runs that were under way: etl-1, etl-2"):
        state.check()
    is_up_in(below)
    assert home.death() is None


def test_a_supervisor_that_could_say_nothing_is_the_one_that_died(below: Path) -> None:
    is_up_in(below, process_started_at=1.0)
    found = home.death()
    assert found is not None
    assert (found.part, found.pid, found.log) == ("supervisor", os.getpid(), str(below / ".batchwright/supervisor.log"))
    assert found.sentence().startswith(f"the local AWS broke: its supervisor process ({os.getpid()}) is gone: ")
    assert home.down() is False
    assert home.death() is None


def test_what_another_version_wrote_of_a_death_is_read(below: Path) -> None:
    (below / ".batchwright").mkdir()
    told = {"part": "batch", "pid": 7, "log": "/a.log", "exit_code": 3, "of_a_later_version": True}
    (below / ".batchwright" / "died.json").write_text(json.dumps(told))
    assert home.death() == Death("batch", 7, "/a.log", 3)
    (below / ".batchwright" / "died.json").write_text("{")
    assert home.death() is None


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({}, "an older one"),
        ({"version": "0.0.1", "format": home.FORMAT}, "0.0.1"),
        ({"version": "9.9.9", "format": 99, "of_a_later_version": [1]}, "9.9.9"),
    ],
)
def test_one_of_another_version_is_up_and_is_not_spoken_to(said: dict[str, object], version: str, below: Path) -> None:
    is_up_in(below, **said)
    state = home.running()
    assert state is not None
    with pytest.raises(UserMistake) as refused:
        state.check_version()
    assert str(refused.value) == (
        f"the local AWS was started by another version of Batchwright ({version}, this is {version_of_code()}): "
        "batchwright local down, then local up"
    )


def test_one_of_the_same_version_in_another_format_is_not_spoken_to(below: Path) -> None:
    is_up_in(below, version=version_of_code(), format=home.FORMAT + 1)
    state = home.running()
    assert state is not None
    with pytest.raises(UserMistake, match="started by another version"):
        state.check_version()


def test_what_this_version_writes_is_of_this_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_HOME", str(tmp_path))
    home.write_state({}, [])
    state = home.running()
    assert state is not None
    state.check_version()
    assert (tmp_path / "local.json").stat().st_mode & 0o077 == 0
