"""What is still to be told of a run, and to whom: noted in its record by the write that makes it so, each place by
itself, and taken out once that place was told.

So it is known whatever became of the message that brought it about, and a place that fails makes no other hear it
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Untold(StrEnum):
    """What may happen to an epoch of a run that somebody is told of, in the order in which it is told."""

    STARTED = "started"
    PAUSED = "paused"
    RUNNING = "running"
    """It goes on after a pause."""
    LATE = "late"
    TASKS = "tasks"
    """Changes of tasks of a shard that could not be told when they came."""
    FAILURES = "failures"
    """A digest of tasks that failed, which could not be told when its time came."""
    CANCELLING = "cancelling"
    ENDED = "ended"


class Place(StrEnum):
    """Who is told, in the order in which they are."""

    SCHEDULE = "schedule"
    """The schedule that started the run, which goes on once that has ended."""
    BUS = "bus"
    QUEUE = "queue"
    """The run's own queue."""
    TOPIC = "topic"


_ORDER = {what: number for number, what in enumerate(Untold)}
_PLACES = {place: number for number, place in enumerate(Place)}


@dataclass(frozen=True, slots=True)
class ToTell:
    """One thing that one place is still to be told; `shard` is there for TASKS alone."""

    epoch: int
    what: Untold
    place: Place
    shard: int | None = None

    @property
    def item(self) -> str:
        """As the run's record has it."""
        return f"{self.epoch}/{self.what}/{self.place}" + ("" if self.shard is None else f"/{self.shard}")

    @property
    def about(self) -> tuple[int, Untold, int | None]:
        """What it tells, whomever."""
        return self.epoch, self.what, self.shard


def untold(epoch: int, what: Untold, places: Iterable[Place]) -> frozenset[str]:
    """What these places are still to be told, as the run's record has it."""
    return frozenset(ToTell(epoch, what, place).item for place in places)


def untold_tasks(epoch: int, shards: Iterable[int]) -> frozenset[str]:
    """That the event bus is still to be told how tasks of these shards changed, as the run's record has it."""
    return frozenset(ToTell(epoch, Untold.TASKS, Place.BUS, shard).item for shard in shards)


def in_order(items: Iterable[str]) -> list[ToTell]:
    """Items of a record in the order in which they are to be told."""
    return sorted(map(_read, items), key=lambda one: (one.epoch, _ORDER[one.what], one.shard or 0, _PLACES[one.place]))


def _read(item: str) -> ToTell:
    epoch, what, place, *shard = item.split("/")
    return ToTell(int(epoch), Untold(what), Place(place), int(shard[0]) if shard else None)
