"""Files that people write: from a path to a workflow, or to every problem of the file with its place.

Owns reading (encoding, size, which language) and the problems' form, also for monitor files (`monitor_file.py`). The
two languages are `yaml_text.py`'s and `json_text.py`'s, what is wrong with a definition is
`chalicelib/core/definition/check.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from batchwright.files.json_text import read_json
from batchwright.files.positions import Document, Spot, Unreadable
from batchwright.files.yaml_text import read_yaml
from chalicelib.core.definition.check import check_definition
from chalicelib.core.definition.lint import warnings_of
from chalicelib.core.definition.model import Workflow
from chalicelib.core.errors import UserMistake
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.mistakes import Mistake
from chalicelib.core.schedule.clock_changes import clock_warnings
from chalicelib.core.schedule.model import schedules_of

FILE_BYTES_MAXIMUM = 200_000_000


class Severity(StrEnum):
    """What a problem means for its file."""

    ERROR = "error"
    """The file is refused."""
    WARNING = "warning"
    """The file is taken, and probably does not say what its author means."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong with a file. Line and column count from 1; both are 0 when it is about the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        said = f"warning: {self.message}" if self.severity is Severity.WARNING else self.message
        return f"{place}: {said}; {self.suggestion}" if self.suggestion else f"{place}: {said}"


class BadFile(UserMistake):
    """Refuse: a file has problems; the text has a line for each, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems), key=_place)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow as read from a file: the checked model, the definition as it was written, and warnings."""

    workflow: Workflow
    definition: dict[str, Any]
    warnings: tuple[Problem, ...] = ()


def load_workflow(path: str | Path) -> WorkflowFile:
    """Read and check a workflow file (YAML or JSON). Raises BadFile with every problem of the file."""
    with collector_paused():
        return workflow_in(path, read_document(path))


def workflow_in(path: str | Path, document: Document) -> WorkflowFile:
    """The workflow of a file that was read. Raises BadFile with every problem of the file."""
    definition = document.data()
    if holds_monitors(definition):
        place = document.place_of(["monitors"], at_key=True)
        hint = "`batchwright monitors` takes it"
        raise BadFile([Problem(str(path), *place, "this file holds monitors, and no workflow", hint)])
    checked = check_definition(definition)
    if checked.workflow is None or document.spots:
        raise BadFile([*at_spots(path, document.spots), *at_places(path, document, checked.mistakes)])
    warnings = [*warnings_of(checked.workflow), *clock_warnings(schedules_of(definition), now_ms())]
    return WorkflowFile(checked.workflow, definition, tuple(at_places(path, document, warnings, Severity.WARNING)))


def now_ms() -> int:
    """The time, by which the next change of clocks is told."""
    return int(time.time() * 1000)


def holds_monitors(definition: Any) -> bool:
    """Whether a definition is one of monitors, be it a right one or not."""
    return isinstance(definition, dict) and "monitors" in definition and "tasks" not in definition


def holds_a_workflow(definition: Any) -> bool:
    """Whether a definition is one of a workflow, be it a right one or not."""
    return isinstance(definition, dict) and "tasks" in definition and "monitors" not in definition


def problems_of(path: str | Path) -> list[Problem]:
    """Every problem of a workflow file, sorted by place."""
    try:
        load_workflow(path)
    except BadFile as bad:
        return bad.problems
    return []


def load_mapping(path: str | Path) -> tuple[dict[str, Any], Document]:
    """The mapping that a YAML or JSON file holds, and where its parts stand. Raises BadFile."""
    document = read_document(path)
    data = document.data()
    if document.spots:
        raise BadFile(at_spots(path, document.spots))
    if not isinstance(data, dict):
        spot = Spot(document.root.line, document.root.column, "the file must hold a mapping of names to values")
        raise BadFile(at_spots(path, [spot]))
    return data, document


def read_document(path: str | Path) -> Document:
    """The tree of a YAML or JSON file. Raises BadFile when there is none.

    A file that is called .json, or begins like JSON and is JSON, is read as JSON; anything else as YAML.
    """
    text = _text_of(path)
    if not text.strip("\ufeff \t\r\n"):
        raise BadFile([Problem(str(path), 0, 0, "the file is empty")])
    text = text.removeprefix("\ufeff")
    try:
        if Path(path).suffix.lower() == ".json":
            return read_json(text)
        if text.lstrip()[:1] in ("{", "["):
            try:
                return read_json(text)
            except Unreadable as unreadable:
                if not unreadable.spot.message.startswith("not valid JSON"):
                    raise
        return read_yaml(text)
    except Unreadable as unreadable:
        raise BadFile(at_spots(path, [unreadable.spot])) from None


def _text_of(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_BYTES_MAXIMUM + 1)
    except FileNotFoundError:
        raise BadFile([Problem(str(path), 0, 0, "there is no such file")]) from None
    except IsADirectoryError:
        raise BadFile([Problem(str(path), 0, 0, "this is a directory", "name a file in it")]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadFile([Problem(str(path), 0, 0, f"the file cannot be read: {reason}")]) from None
    if len(content) > FILE_BYTES_MAXIMUM:
        raise BadFile([Problem(str(path), 0, 0, f"the file has more than {FILE_BYTES_MAXIMUM:,} bytes")])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise BadFile([Problem(str(path), line, column, message, "save the file as UTF-8")]) from None


def at_spots(path: str | Path, spots: Iterable[Spot]) -> list[Problem]:
    """What stopped or disturbed the reading of a file, as problems of it."""
    return [Problem(str(path), spot.line, spot.column, spot.message, spot.suggestion) for spot in spots]


def at_places(
    path: str | Path, document: Document, mistakes: Iterable[Mistake], severity: Severity = Severity.ERROR
) -> list[Problem]:
    """What is wrong with a definition, as problems of its file."""
    return [
        Problem(str(path), *document.place_of(one.path, at_key=one.at_key), one.message(), one.suggestion, severity)
        for one in mistakes
    ]


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.message
