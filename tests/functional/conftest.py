"""What the tests of the commands share: surroundings of another AWS, and one local AWS that is kept up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.functional.commands import Terminal, Trap, surroundings


@pytest.fixture(scope="session")
def trap() -> Iterator[Trap]:
    """Where calls end that leave the local AWS. There must be none."""
    trap = Trap()
    yield trap
    trap.close()
    assert trap.caught == []


@pytest.fixture(scope="session")
def user_variables(trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return surroundings(trap, tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="session")
def kept_home(user_variables: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a local AWS that is up for the whole session."""
    home = tmp_path_factory.mktemp("kept")
    terminal = Terminal(home, {**user_variables, "BATCHWRIGHT_HOME": str(home)})
    up = terminal.give("local", "up")
    assert up.returncode == 0, up
    yield home
    down = terminal.give("local", "down")
    assert down.returncode == 0, down


@pytest.fixture
def kept(kept_home: Path, user_variables: Mapping[str, str], tmp_path: Path) -> Terminal:
    """A terminal in an empty folder, from which the local AWS that is kept up is used."""
    return Terminal(tmp_path, {**user_variables, "BATCHWRIGHT_HOME": str(kept_home)})


@pytest.fixture
def terminal(user_variables: Mapping[str, str], tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in an empty folder, with no local AWS up; one that is left up is stopped."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    terminal = Terminal(tmp_path, {**user_variables, "TMPDIR": str(temporary)})
    yield terminal
    if (tmp_path / ".batchwright").exists():
        terminal.give("local", "down")
