"""What the functions write to their logs: one JSON object a line in Lambda, plain text with the same ids anywhere else.

Owns the form of a line, and which invocation it is of. What is told is its caller's: `ids` of a record are those that
engine/world/telemetry.py gives it. Nothing is added that a caller did not name: no event, no environment, no local
variable.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.engine.world.telemetry import IDS

LOG_LEVEL = "BATCHWRIGHT_LOG_LEVEL"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"
"""Set by Lambda, and by nothing else."""
OURS = "chalicelib"
"""The logger of all that is ours."""

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_cold_start: ContextVar[bool] = ContextVar("cold_start", default=False)


class JsonLines(logging.Formatter):
    """A record as one line of JSON. Fields that are not known are left out."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            # To the microsecond, so that the lines of one invocation can be put in their order again.
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "function": self._function,
            # Lambda gives the one of the invocation to its own handler alone.
            "request_id": _request_id.get(),
            "cold_start": _cold_start.get(),
            **getattr(record, IDS, {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        known = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(known, separators=(",", ":"), ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """A record as text, with the ids of what it is about behind it: `job failed  run_id=films-abc task=train`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        found: Mapping[str, Any] = getattr(record, IDS, {})
        ids = " ".join(f"{name}={_as_text(value)}" for name, value in found.items() if value is not None)
        return super().formatMessage(record) + (f"  {ids}" if ids else "")


def _as_text(value: Any) -> str:
    """The value, in quotes where one could not see where it ends."""
    text = str(value)
    plain = text.isprintable() and not any(sign in text for sign in ' "=') and text
    return text if plain else json.dumps(text, ensure_ascii=False)


def level_of(environment: Mapping[str, str]) -> str | None:
    """The level that the environment asks for, None when it asks for none. Raises UserMistake."""
    given = environment.get(LOG_LEVEL, "").strip().upper()
    if given and given not in LEVELS:
        raise UserMistake(f"{LOG_LEVEL} must be one of {', '.join(LEVELS)}, not '{given}'; leave it out for INFO")
    return given or None


def open_journal(environment: Mapping[str, str]) -> None:
    """Have everything that is logged written as this module says. Raises UserMistake."""
    level, function = level_of(environment), environment.get(FUNCTION)
    if function:
        lines = logging.StreamHandler(sys.stdout)
        lines.setFormatter(JsonLines(function))
        # In place of Lambda's own handler, whose lines are text.
        logging.getLogger().handlers[:] = [lines]
    if level or function:
        logging.getLogger(OURS).setLevel(level or "INFO")


class _Process:
    """Whether this process has had an invocation."""

    is_cold = True


@contextmanager
def of_invocation(request_id: str) -> Iterator[None]:
    """Lines that are written meanwhile are of this invocation."""
    request, cold = _request_id.set(request_id), _cold_start.set(_Process.is_cold)
    _Process.is_cold = False
    try:
        yield
    finally:
        _request_id.reset(request)
        _cold_start.reset(cold)
