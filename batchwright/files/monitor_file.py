"""Monitor files: from a path to a definition of monitors, or to every problem of the file with its place.

Reading a file, and the form of problems, are `workflow_file.py`'s; what is wrong with a definition is
`chalicelib/core/monitor/check.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchwright.files.positions import Document
from batchwright.files.workflow_file import (
    BadFile,
    Problem,
    WorkflowFile,
    at_places,
    at_spots,
    holds_a_workflow,
    holds_monitors,
    read_document,
    workflow_in,
)
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.monitor.check import monitor_mistakes

SHIPPED = "monitors.yaml"
"""The name of the monitor file in `statemachines/`."""


@dataclass(frozen=True, slots=True)
class MonitorFile:
    """A checked definition of monitors, as it was written."""

    definition: dict[str, Any]


def load_monitors(path: str | Path) -> MonitorFile:
    """Read and check a monitor file (YAML or JSON). Raises BadFile with every problem of the file."""
    return _monitors_in(path, read_document(path))


def load_file(path: str | Path) -> WorkflowFile | MonitorFile:
    """Read and check a file of either kind: what holds `monitors` and no `tasks` is a monitor file. Raises BadFile."""
    with collector_paused():
        document = read_document(path)
        if holds_monitors(document.data()):
            return _monitors_in(path, document)
        return workflow_in(path, document)


def _monitors_in(path: str | Path, document: Document) -> MonitorFile:
    definition = document.data()
    if holds_a_workflow(definition):
        place = document.place_of(["tasks"], at_key=True)
        hint = "`batchwright validate` and `batchwright workflows push` take it"
        raise BadFile([Problem(str(path), *place, "this file holds a workflow, and no monitors", hint)])
    mistakes = monitor_mistakes(definition)
    if mistakes or document.spots:
        raise BadFile([*at_spots(path, document.spots), *at_places(path, document, mistakes)])
    return MonitorFile(definition)
