"""A run in all its states, for the tests of what is shown of runs. Times count from noon."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.api.runview import RunView, TaskRow
from chalicelib.core.failure import FailureClass
from chalicelib.core.records import JobResult, PastEpoch, Redrive, Run, Scope
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
) -> JobResult:
    started, stopped = (None, None) if seconds is None else (NOON_MS + int(1000 * second) for second in seconds)
    return JobResult("job", succeeded, exit_code, reason, log_stream, started, stopped, failure)


def row(index: int, name: str, state: TaskState, attempt: int = 1, allowed: int = 1, **more: object) -> TaskRow:
    return TaskRow(index, name, state, attempt, allowed, **more)  # type: ignore[arg-type]


def ended(index: int, name: str, state: TaskState, how: JobResult, attempt: int = 1, allowed: int = 1) -> TaskRow:
    times = {"started_at_ms": how.started_at_ms, "stopped_at_ms": how.stopped_at_ms}
    return row(index, name, state, attempt, allowed, job_id="job", result=how, **times)


def view(*rows: TaskRow, state: RunState = RunState.RUNNING, lasted_seconds: float | None = None) -> RunView:
    ended_at_ms = None if lasted_seconds is None else NOON_MS + int(1000 * lasted_seconds)
    run = Run("films-abc", "films", 1, "digest", {}, state, NOON_MS, "request", ended_at_ms=ended_at_ms)
    return RunView(run, rows)


FAILURE = result(False, exit_code=3, failure=FailureClass.APPLICATION)
KILLED = result(False, exit_code=137, reason="OutOfMemoryError: killed", failure=FailureClass.OUT_OF_MEMORY)
NO_START = result(False, reason="Array Child Job failed", seconds=None, failure=FailureClass.DEPENDENCY)
EVERY_STATE = view(
    ended(0, "fetch", TaskState.SUCCEEDED, result(True, exit_code=0)),
    row(1, "import-with-quite-a-long-name-of-its-own", TaskState.PENDING, 2, 3, past=(FAILURE,),
        is_array=True, children=1_000, children_ended=250, started_at_ms=NOON_MS),
    row(2, "flaky", TaskState.WAITING, 1, 2, past=(KILLED,), retry_at_ms=NOON_MS + 95_000,
        started_at_ms=NOON_MS + 1_000, stopped_at_ms=NOON_MS + 3_000),
    ended(3, "broken", TaskState.FAILED, FAILURE, 2, 2),
    row(4, "never-started", TaskState.FAILED, result=NO_START),
    row(5, "running", TaskState.RUNNING, started_at_ms=NOON_MS + 20_000),
    row(6, "claimed", TaskState.CLAIMED),
    row(7, "[bold]after[/]", TaskState.UPSTREAM_FAILED, 0, 2),
    row(8, "waits", TaskState.WAITING, 0, 2),
    row(9, "skipped", TaskState.SKIPPED, 0),
)  # fmt: skip
REDRIVEN_ROWS = (
    replace(ended(0, "fetch", TaskState.SUCCEEDED, result(True, exit_code=0), 2, 3), kept_from=0, past=(FAILURE,)),
    ended(1, "import", TaskState.SUCCEEDED, result(True, exit_code=0, seconds=(100, 107)), 2, 3),
    replace(ended(2, "count", TaskState.FAILED, FAILURE), second_jobs=("job-a", "job-b")),
    row(3, "report", TaskState.UPSTREAM_FAILED, 0),
)


def redriven(state: RunState = RunState.FAILED) -> RunView:
    """A run in its third epoch, which began 100 seconds after the first and lasted 12.4 seconds."""
    shown = view(*REDRIVEN_ROWS, state=state, lasted_seconds=112.4)
    past = (
        PastEpoch(1, "digest", RunState.FAILED, NOON_MS + 5_000),
        PastEpoch(1, "digest", RunState.CANCELLED, NOON_MS + 9_000),
    )
    redrive = Redrive(Scope.TASKS, ("count", "import"), prepared=True)
    rows = tuple(
        one if one.kept_from is not None else replace(one, claimed_at_ms=NOON_MS + 100_000) for one in shown.rows
    )
    return RunView(replace(shown.run, epoch=2, version=3, past=past, redrive=redrive), rows)
