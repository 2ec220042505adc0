"""What a job wrote, line by line with its time, in batches that CloudWatch Logs accepts.

Owns: splitting bytes into lines and lines into batches. Does not own the sending (publisher.py).
Limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.batch.log_location import LOG_GROUP

AWSLOGS = "awslogs"
LINE_BYTES = 250_000
BATCH_EVENTS = 10_000
BATCH_BYTES = 1_000_000
EVENT_OVERHEAD_BYTES = 26


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `size_bytes` is what it counts towards a batch."""

    at_ms: int
    text: str
    size_bytes: int


def log_group(container: Mapping[str, Any]) -> str:
    """The log group that a job's lines go to: the one that its definition names, or Batch's own."""
    return str(_options(container).get("awslogs-group", LOG_GROUP))


def stream_name(
    container: Mapping[str, Any], definition_name: str, task_id: str, container_name: str = "default"
) -> str:
    """Batch's name of an attempt's log stream. The definition may name its beginning."""
    prefix = _options(container).get("awslogs-stream-prefix", definition_name[:200])
    return f"{prefix}/{container_name}/{task_id}"


def _options(container: Mapping[str, Any]) -> Mapping[str, str]:
    configuration = container.get("logConfiguration", {})
    options: Mapping[str, str] = configuration.get("options", {}) if configuration.get("logDriver") == AWSLOGS else {}
    return options


class LineBuffer:
    """Collects the output of one attempt. Empty lines are dropped, as the container's log driver does."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._lines: list[LogLine] = []
        self._rest = b""

    def feed(self, data: bytes, at_ms: int) -> None:
        """Add raw output. A line longer than the limit is cut into several."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._add(line, at_ms)
        while len(self._rest) > LINE_BYTES:
            self._add(self._rest[:LINE_BYTES], at_ms)
            self._rest = self._rest[LINE_BYTES:]

    def finish(self, at_ms: int) -> None:
        """The output ended: a last line without a line end counts too."""
        self._add(self._rest, at_ms)
        self._rest = b""

    def take(self) -> list[list[LogLine]]:
        """Everything collected so far, in batches; the buffer is empty afterwards."""
        batches: list[list[LogLine]] = []
        size = BATCH_BYTES
        for line in self._lines:
            if size + line.size_bytes > BATCH_BYTES or len(batches[-1]) == BATCH_EVENTS:
                batches.append([])
                size = 0
            batches[-1].append(line)
            size += line.size_bytes
        self._lines = []
        self.size_bytes = 0
        return batches

    def _add(self, line: bytes, at_ms: int) -> None:
        line = line.rstrip(b"\r")
        for start in range(0, len(line), LINE_BYTES):
            piece = line[start : start + LINE_BYTES]
            entry = LogLine(at_ms, piece.decode("utf-8", errors="replace"), len(piece) + EVENT_OVERHEAD_BYTES)
            self._lines.append(entry)
            self.size_bytes += entry.size_bytes
