"""What happened in a simulated world, one readable line after the other; kept only when somebody will read it."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.notice.model import Notice
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.core.plan.model import Plan
from chalicelib.core.run.records import Claim, Run, Tally, TaskRecord, WorkflowVersion
from chalicelib.core.states import ENDINGS
from tests.memory.clock import EPOCH_MS, HandClock

_LONG = 160
_EVENT = re.compile(r'"jobId": "([^"]*)", "jobName": "([^"]*)", "status": "([A-Z]*)"')
_IDS = re.compile(r"00000000-0000-4000-8000-0*(\d+)")


class Story:
    """The lines so far. `is_told` spares the making of lines that nobody reads."""

    def __init__(self, clock: HandClock, *, is_told: bool) -> None:
        self.is_told = is_told
        self.lines: list[str] = []
        self._clock = clock

    def add(self, line: str) -> None:
        if self.is_told:
            seconds = (self._clock.now_ms() - EPOCH_MS) / 1000
            self.lines.append(f"{seconds:12.3f}  {_IDS.sub(_job, line)}")

    def call(self, who: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], outcome: object) -> None:
        """A call of a port and what came of it."""
        if self.is_told:
            given = [shown(arg) for arg in args] + [f"{key}={shown(value)}" for key, value in kwargs.items()]
            self.add(f"{who} {name}({', '.join(given)}) -> {shown(outcome)}")

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()


def _job(match: re.Match[str]) -> str:
    return f"job-{match[1]}"


def shown(value: Any) -> str:
    """A value in short: what tells it from others of its kind."""
    match value:
        case str():
            return _message(value)
        case Plan() | WorkflowVersion():
            return type(value).__name__.lower()
        case Attempt():
            return f"{value.run_id[-4:]}/t{value.index}#{value.number}"
        case Run() | Notice() | JobRequest():
            return str(getattr(value, {Run: "state", Notice: "notice_id", JobRequest: "name"}[type(value)]))
        case Claim():
            return f"{value.owner} until {(value.lease_until_ms - EPOCH_MS) / 1000:.3f}"
        case JobResult():
            return f"{'good' if value.succeeded else 'bad'} end of {value.job_id}"
        case TaskRecord():
            words = [shown(value.attempt), value.state, value.job_id, value.cancel_requested and "cancel requested"]
            return "<" + " ".join(str(word) for word in words if word) + ">"
        case Tally():
            words = [f"{ending}={value.mask(ending):b}" for ending in ENDINGS if value.mask(ending)]
            return "tally " + (" ".join(words) or "empty") + " halt" * value.halt
        case Mapping():
            return "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(shown, value)) + "]"
        case frozenset() | set():
            return "{" + ", ".join(sorted(map(shown, value))) + "}"
    return str(value)


def _message(text: str) -> str:
    """A message's body in short, or the text as it is."""
    event = _EVENT.search(text)
    if event:
        return f"event {event[3]} of {event[1]} ({event[2]})"
    return text if len(text) <= _LONG else text[:_LONG] + "..."


class Refused(Exception):
    """What a service raises that refuses us for good: the engine complains of it, and is right to."""


class Complaints(logging.Handler):
    """What the engine logs: it belongs to the story, and an exception among it is one that it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[str] = []
        self.story: Story | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], Refused):
            self.errors.append(f"{record.getMessage()}: {record.exc_info[1]!r}")
        if self.story is not None and self.story.is_told:
            self.story.add(f"   log: {record.getMessage()}")
