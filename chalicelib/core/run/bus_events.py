"""Changes of runs and tasks, as EventBridge events of our own: others follow a run by a rule and never ask us.

Owns their shape. They differ from notices: they are for programs, and every change has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from chalicelib.core.batch.result import JobResult
from chalicelib.core.documents import Described, document_of
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Run
from chalicelib.core.states import RunState, TaskState

VERSION = "1"
SOURCE = "batchwright"


class ChangeType(StrEnum):
    """What changed; EventBridge's `detail-type`."""

    RUN = "Batchwright Run State Change"
    TASK = "Batchwright Task State Change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A run, or a task of it, is in another state."""

    change_id: Annotated[str, Described("The same whenever the change is repeated.", key="id")]
    change_type: ChangeType
    stage: Annotated[str, Described("The stage that published it.")]
    workflow: Annotated[str, Described("The run's workflow.")]
    run_id: Annotated[str, Described("The run.")]
    epoch: Annotated[int, Described("How often the run was redriven.", minimum=0)]
    state: Annotated[str, Described("State of the run, or of the task.")]
    at_ms: Annotated[int, Described("When it changed.")]
    task: Annotated[str | None, Described("Name of the task.")] = None
    attempt: Annotated[int | None, Described("Attempt of the task, from 1.", minimum=1)] = None
    job_id: Annotated[str | None, Described("Batch's id of the job.")] = None
    failure: Annotated[str | None, Described("Class of the failure.")] = None
    exit_code: Annotated[int | None, Described("Exit code of the program.")] = None

    def document(self) -> dict[str, Any]:
        """The event's `detail`. Within a version fields are only added. What is not known is left out."""
        return {"version": VERSION, **document_of(self)}


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
