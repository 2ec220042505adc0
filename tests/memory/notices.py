"""The notices port in memory: what was published, in order."""

from __future__ import annotations

from chalicelib.core.errors import TryAgain
from chalicelib.core.notices import Notice


class MemoryNotices:
    """Keeps what was published. `failing = True` makes every publication raise TryAgain."""

    def __init__(self) -> None:
        self.published: list[Notice] = []
        self.failing = False

    def publish(self, notice: Notice) -> None:
        if self.failing:
            raise TryAgain("the notices were told to fail")
        self.published.append(notice)

    @property
    def ids(self) -> list[str]:
        return [notice.notice_id for notice in self.published]
