"""What is still to be told of a run: noted in its record by the write that makes it so, taken out once it was told.

So it is known whatever became of the message that brought it about. What an earlier version wrote notes nothing, and
counts as told.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Untold(StrEnum):
    """What may happen to an epoch of a run that somebody is told of, in the order in which it is told."""

    STARTED = "started"
    PAUSED = "paused"
    RUNNING = "running"
    """It goes on after a pause."""
    LATE = "late"
    CANCELLING = "cancelling"
    ENDED = "ended"


_ORDER = {what: place for place, what in enumerate(Untold)}


def untold(epoch: int, what: Untold) -> str:
    """As the run's record has it."""
    return f"{epoch}/{what}"


def in_order(items: Iterable[str]) -> list[tuple[str, int, Untold]]:
    """Items of a record in the order in which they are to be told, each with its epoch and what it is."""
    found = []
    for item in items:
        epoch, _, what = item.partition("/")
        found.append((item, int(epoch), Untold(what)))
    return sorted(found, key=lambda one: (one[1], _ORDER[one[2]]))
