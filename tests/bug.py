"""A bug put into the engine on purpose, to see whether what should catch it does.

A bug is a piece of a function's source, replaced. A piece that is not there any more is an error, so that no bug
outlives the code that it was made for.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Bug:
    """In a function of `place` (a module of the engine, or the store in memory), each key is replaced by its value."""

    place: Any
    function: str
    swaps: Mapping[str, str]

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        function = getattr(self.place, self.function)
        source = textwrap.dedent(inspect.getsource(function))
        for right, wrong in self.swaps.items():
            assert source.count(right) == 1, f"{self.function} has not exactly one {right!r}"
            source = source.replace(right, wrong)
        made: dict[str, Any] = {}
        exec("from __future__ import annotations\n" + source, function.__globals__, made)
        # The code is exchanged, not the name, for other modules may have imported the function.
        monkeypatch.setattr(function, "__code__", made[self.function].__code__)
