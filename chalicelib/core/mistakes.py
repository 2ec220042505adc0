"""A mistake in a definition that people write: what is wrong, and the path of the value that is.

A path is the keys and indexes that lead to a value from the top. A file turns it into line and column
(batchwright/files/positions.py); without a file the text alone has to say where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.core.rules import Broken
from chalicelib.core.suggest import visible

Path = tuple[str | int, ...]

_ONE_OF = {"tasks": "task", "params": "param", "schedules": "schedule", "monitors": "monitor"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """`text` begins with the name of what is wrong. `at_key`: it is the key at the end of the path, not its value."""

    path: Path
    text: str
    suggestion: str | None = None
    at_key: bool = False

    def message(self) -> str:
        """The mistake with the task or param it is in, without the suggestion."""
        place = place_of(self.path)
        return f"{place}: {self.text}" if place else self.text

    def line(self) -> str:
        """The mistake on one line, suggestion included."""
        return f"{self.message()}; {self.suggestion}" if self.suggestion else self.message()


def broken_at(path: Path, broken: Broken) -> Mistake:
    """The mistake of a value that breaks a rule."""
    return Mistake(path, f"{label_of(path)} {broken.text}".lstrip(), broken.suggestion)


def place_of(path: Path) -> str:
    """`task 'train'`, `param 'year'`, `schedule 'nightly'`, `monitor 'imports'`, `defaults`, or nothing for the top."""
    if len(path) > 1 and path[0] in _ONE_OF:
        return f"{_ONE_OF[str(path[0])]} '{visible(str(path[1]))}'"
    return "defaults" if len(path) > 1 and path[0] == "defaults" else ""


def label_of(path: Path) -> str:
    """The value within its task, param or defaults: `vcpus`, `command[2]`, `environment.LANG`; "" for all of it."""
    skipped = 2 if len(path) > 1 and path[0] in _ONE_OF else 1 if len(path) > 1 and path[0] == "defaults" else 0
    return joined(path[skipped:])


def joined(path: Sequence[str | int]) -> str:
    """Keys joined by dots, indexes in brackets."""
    text = ""
    for piece in path:
        if isinstance(piece, int):
            text += f"[{piece}]"
        else:
            text += f".{visible(piece)}" if text else visible(piece)
    return text
