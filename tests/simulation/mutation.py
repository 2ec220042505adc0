"""A bug put into the engine on purpose, with the seeds that are known to catch it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.bug import Planted
from tests.simulation.scope import WHOLE, Scope


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug, and seeds that are known to catch it, in that scope."""

    bug: Planted
    seeds: tuple[int, ...] = ()
    scope: Scope = WHOLE

    @contextmanager
    def applied(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            self.bug.put_in(monkeypatch)
            yield
