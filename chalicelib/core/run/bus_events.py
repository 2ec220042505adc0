"""Changes of runs and tasks, as EventBridge events of our own: others follow a run by a rule and never ask us.

Owns their shape. Apart from notices: these are for programs, tell every change, and nobody reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Run
from chalicelib.core.states import RunState, TaskState

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


def run_change(run: Run, stage: str, state: RunState, at_ms: int, *, switches: int = 0) -> Change:
    """That the run is in this state now. `switches` counts its pauses and resumes, for it may be in it again."""
    again = f"/{switches}" if switches else ""
    return Change(
        change_id=f"{run.run_id}/{run.epoch}/{state}{again}",
        change_type=ChangeType.RUN,
        stage=stage,
        workflow=run.workflow,
        run_id=run.run_id,
        epoch=run.epoch,
        state=state.value,
        at_ms=at_ms,
    )


def task_change(
    workflow: str,
    stage: str,
    attempt: Attempt,
    task: str,
    state: TaskState,
    at_ms: int,
    job_id: str | None,
    result: JobResult | None = None,
) -> Change:
    """That the task, whose job this is, is in this state now."""
    return Change(
        change_id=f"{attempt.run_id}/{attempt.epoch}/{attempt.index}/{attempt.number}/{state}",
        change_type=ChangeType.TASK,
        stage=stage,
        workflow=workflow,
        run_id=attempt.run_id,
        epoch=attempt.epoch,
        state=state.value,
        at_ms=at_ms,
        task=task,
        attempt=attempt.number,
        job_id=job_id,
        failure=result.failure if result else None,
        exit_code=result.exit_code if result else None,
    )
