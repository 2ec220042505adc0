"""Changes of runs and tasks, as EventBridge events of our own: others follow a run by a rule and never ask us.

Owns their shape. Apart from notices: these are for programs, tell every change, and nobody reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

VERSION = "1"
SOURCE = "batchwright"


class ChangeType(StrEnum):
    """What changed; EventBridge's `detail-type`."""

    RUN = "Batchwright Run State Change"
    TASK = "Batchwright Task State Change"


@dataclass(frozen=True, slots=True)
class Change:
    """A run, or a task of it, is in another state. `change_id` is the same whenever the same change is told again."""

    change_id: str
    change_type: ChangeType
    stage: str
    workflow: str
    run_id: str
    epoch: int
    state: str
    at_ms: int
    task: str | None = None
    attempt: int | None = None
    job_id: str | None = None
    failure: str | None = None
    exit_code: int | None = None

    def document(self) -> dict[str, Any]:
        """The event's `detail`; its fields are only ever added to within a version. What is not known is left out."""
        fields = {
            "version": VERSION,
            "id": self.change_id,
            "stage": self.stage,
            "workflow": self.workflow,
            "run_id": self.run_id,
            "epoch": self.epoch,
            "state": self.state,
            "at_ms": self.at_ms,
            "task": self.task,
            "attempt": self.attempt,
            "job_id": self.job_id,
            "failure": self.failure,
            "exit_code": self.exit_code,
        }
        return {name: value for name, value in fields.items() if value is not None}
