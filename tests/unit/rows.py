"""A run in all its states, for the tests of what is shown of runs. Times count from noon."""

from __future__ import annotations

from typing import Any

from batchwright.runs.view import RunView
from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.run.records import Scope
from chalicelib.core.states import RunState, TaskState

NOON_MS = 1_800_014_400_000


def result(
    succeeded: bool,
    *,
    exit_code: int | None = None,
    reason: str | None = "Essential container in task exited",
    seconds: tuple[float, float] | None = (1, 3),
    log_stream: str | None = "shell/default/1",
    failure: FailureClass | None = None,
) -> m.Attempt:
    started, stopped = (None, None) if seconds is None else (NOON_MS + int(1000 * second) for second in seconds)
    return m.Attempt(
        job_id="job",
        succeeded=succeeded,
        exit_code=exit_code,
        reason=reason,
        log_stream=log_stream,
        started_at_ms=started,
        stopped_at_ms=stopped,
        failure=failure,
    )


def row(index: int, name: str, state: TaskState, attempt: int = 1, allowed: int = 1, **more: Any) -> m.Task:
    return m.Task(
        index=index,
        name=name,
        state=state,
        epoch=0,
        attempt=attempt,
        attempts_allowed=allowed,
        **{"attempts": []} | more,
    )


def ended(index: int, name: str, state: TaskState, how: m.Attempt, attempt: int = 1, allowed: int = 1) -> m.Task:
    """A task whose last attempt ended so, and whose earlier ones failed."""
    times = {"started_at_ms": how.started_at_ms, "stopped_at_ms": how.stopped_at_ms}
    return row(index, name, state, attempt, allowed, job_id="job", attempts=[*[FAILURE] * (attempt - 1), how], **times)


def view(*rows: m.Task, state: RunState = RunState.RUNNING, lasted_seconds: float | None = None) -> RunView:
    ended_at_ms = None if lasted_seconds is None else NOON_MS + int(1000 * lasted_seconds)
    run = m.Run(
        run_id="films-abc",
        workflow="films",
        version=1,
        state=state,
        epoch=0,
        params={},
        created_at_ms=NOON_MS,
        ended_at_ms=ended_at_ms,
    )
    return RunView(run, rows)


FAILURE = result(False, exit_code=3, failure=FailureClass.APPLICATION)
KILLED = result(False, exit_code=137, reason="OutOfMemoryError: killed", failure=FailureClass.OUT_OF_MEMORY)
NO_START = result(False, reason="Array Child Job failed", seconds=None, failure=FailureClass.DEPENDENCY)
EVERY_STATE = view(
    ended(0, "fetch", TaskState.SUCCEEDED, result(True, exit_code=0)),
    row(1, "import-with-quite-a-long-name-of-its-own", TaskState.PENDING, 2, 3, attempts=[FAILURE],
        is_array=True, children=1_000, children_ended=250, started_at_ms=NOON_MS),
    row(2, "flaky", TaskState.WAITING, 1, 2, attempts=[KILLED], retry_at_ms=NOON_MS + 95_000,
        started_at_ms=NOON_MS + 1_000, stopped_at_ms=NOON_MS + 3_000),
    ended(3, "broken", TaskState.FAILED, FAILURE, 2, 2),
    row(4, "never-started", TaskState.FAILED, attempts=[NO_START]),
    row(5, "running", TaskState.RUNNING, started_at_ms=NOON_MS + 20_000),
    row(6, "claimed", TaskState.CLAIMED),
    row(7, "[bold]after[/]", TaskState.UPSTREAM_FAILED, 0, 2),
    row(8, "waits", TaskState.WAITING, 0, 2),
    row(9, "skipped", TaskState.SKIPPED, 0),
)  # fmt: skip
REDRIVEN_TASKS = (
    ended(0, "fetch", TaskState.SUCCEEDED, result(True, exit_code=0), 2, 3).model_copy(update={"kept": True}),
    ended(1, "import", TaskState.SUCCEEDED, result(True, exit_code=0, seconds=(100, 107)), 2, 3),
    ended(2, "count", TaskState.FAILED, FAILURE).model_copy(update={"second_jobs": ["job-a", "job-b"]}),
    row(3, "report", TaskState.UPSTREAM_FAILED, 0),
)


def redriven(state: RunState = RunState.FAILED) -> RunView:
    """A run in its third epoch, which began 100 seconds after the first and lasted 12.4 seconds."""
    shown = view(*REDRIVEN_TASKS, state=state, lasted_seconds=112.4)
    past = [
        m.PastEpoch(epoch=0, version=1, state=RunState.FAILED, ended_at_ms=NOON_MS + 5_000),
        m.PastEpoch(epoch=1, version=1, state=RunState.CANCELLED, ended_at_ms=NOON_MS + 9_000),
    ]
    redrive = m.Redriven(scope=Scope.TASKS, tasks=["count", "import"])
    fresh = {"epoch": 2, "claimed_at_ms": NOON_MS + 100_000}
    tasks = tuple(one if one.kept else one.model_copy(update=fresh) for one in shown.tasks)
    fields = {"epoch": 2, "version": 3, "past": past, "redrive": redrive, "began_at_ms": NOON_MS + 100_000}
    run = shown.run.model_copy(update=fields)
    return RunView(run, tasks)
