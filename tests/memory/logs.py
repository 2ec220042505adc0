"""The logs port in memory."""

from __future__ import annotations

from chalicelib.core.errors import UserMistake
from chalicelib.ports.services import LogLines, WrittenLine


class MemoryLogs:
    """Log streams by name. `write` adds a line to one."""

    def __init__(self) -> None:
        self._streams: dict[str, list[WrittenLine]] = {}

    def write(self, stream: str, *texts: str, at_ms: int = 0) -> None:
        self._streams.setdefault(stream, []).extend(WrittenLine(at_ms, text) for text in texts)

    def read(self, stream: str, limit: int, *, token: str | None = None) -> LogLines:
        written = self._streams.get(stream)
        if written is None:
            return LogLines((), token)
        first = 0
        if token is not None:
            kind, _, number = token.partition("/")
            if kind != "f" or not (number.isascii() and number.isdigit()):
                raise UserMistake("that is no token of this log")
            first = int(number)
        lines = tuple(written[first : first + limit])
        return LogLines(lines, f"f/{first + len(lines)}")

    def tail(self, stream: str, lines: int) -> LogLines:
        written = self._streams.get(stream)
        return LogLines((), None) if written is None else LogLines(tuple(written[-lines:]), f"f/{len(written)}")
