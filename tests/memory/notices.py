"""The notices port in memory: what was published, and what was sent to queues, in order."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.notice.model import Notice
from chalicelib.core.run.bus_events import Change


class MemoryNotices:
    """Keeps what was published. `failing = True` makes every publication raise TryAgain."""

    def __init__(self) -> None:
        self.published: list[Notice] = []
        self.sent: dict[str, list[Notice]] = {}
        self.gone: set[str] = set()
        """Queues that are not there."""
        self.failing = False

    def publish(self, notice: Notice) -> None:
        if self.failing:
            raise TryAgain("the notices were told to fail")
        self.published.append(notice)

    def send(self, notice: Notice, queue: str) -> None:
        if self.failing:
            raise TryAgain("the notices were told to fail")
        if queue in self.gone:
            raise UserMistake(f"there is no queue '{queue}'")
        self.sent.setdefault(queue, []).append(notice)

    @property
    def ids(self) -> list[str]:
        return [notice.notice_id for notice in self.published]

    def ids_sent(self, queue: str) -> list[str]:
        return [notice.notice_id for notice in self.sent.get(queue, ())]


class MemoryChanges:
    """The event bus in memory: keeps what it was told. `failing = True` makes it raise TryAgain."""

    def __init__(self) -> None:
        self.told: list[Change] = []
        self.failing = False

    def tell(self, changes: Sequence[Change]) -> None:
        if self.failing:
            raise TryAgain("the bus was told to fail")
        self.told.extend(changes)

    @property
    def ids(self) -> list[str]:
        return [change.change_id for change in self.told]
