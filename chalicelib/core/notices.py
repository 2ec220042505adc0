"""What is told to people and programs: notices with a stable id, made of listed fields only.

A Batch event's `container.environment` holds secrets in clear, so nothing here is copied from an event whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.core.records import Run
from chalicelib.core.states import RunState

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth telling. `notice_id` is the same whenever the same thing is told again."""

    notice_id: str
    kind: str
    run_id: str
    workflow: str
    subject: str
    at_ms: int

    def document(self) -> dict[str, Any]:
        """The JSON that programs receive; its fields are only ever added to within a version."""
        return {
            "version": VERSION,
            "id": self.notice_id,
            "kind": self.kind,
            "run_id": self.run_id,
            "workflow": self.workflow,
            "subject": self.subject,
            "at_ms": self.at_ms,
        }


def run_ended(run: Run, ending: RunState, at_ms: int) -> Notice:
    """The notice that a run ended so."""
    return Notice(
        notice_id=f"{run.run_id}/{run.epoch}/{ending}",
        kind=f"run_{ending}",
        run_id=run.run_id,
        workflow=run.workflow,
        subject=f"{run.workflow}: run {run.run_id} {ending}",
        at_ms=at_ms,
    )
