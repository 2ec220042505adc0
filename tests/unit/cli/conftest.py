from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def batchwright(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command with these arguments, in the folder of the golden files."""
    monkeypatch.chdir(GOLDEN)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def golden() -> Callable[[str], str]:
    """The text of a golden file."""
    return lambda name: (GOLDEN / name).read_text()
