"""Fixtures shared by the whole suite: one MiniStack a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchwright.local.ministack import MiniStack


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """A running MiniStack; tests keep apart by the names of what they create in it."""
    with MiniStack(tmp_path_factory.mktemp("ministack") / "ministack.log") as stack:
        yield stack
