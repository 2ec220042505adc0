"""Runs as they happen, for the tests of how they are drawn. Times count from noon, in seconds."""

from __future__ import annotations

from typing import Any

from batchwright.runs.view import RunView
from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.run.records import Scope
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import NOON_MS, result, row, view


def at_ms(seconds: float) -> int:
    return NOON_MS + int(1_000 * seconds)


def ran(
    name: str,
    after: str,
    claimed: float,
    started: float,
    stopped: float | None,
    state: TaskState = TaskState.SUCCEEDED,
    how: m.Attempt | None = None,
    *past: m.Attempt,
    **more: Any,
) -> m.Task:
    """A task that was claimed, started and stopped at these times; one without `stopped` is still running. `after`
    names its parents, with spaces between."""
    attempts = list(past)
    if stopped is not None:
        seconds = (started, stopped)
        last = how or result(state is TaskState.SUCCEEDED, exit_code=0)
        attempts.append(
            last.model_copy(update={"started_at_ms": at_ms(seconds[0]), "stopped_at_ms": at_ms(seconds[1])})
        )
    return row(
        0, name, state, len(past) + 1, max(1, len(past) + 1), depends_on=after.split(), attempts=attempts,
        job_id="job", claimed_at_ms=at_ms(claimed), started_at_ms=at_ms(started),
        stopped_at_ms=None if stopped is None else at_ms(stopped),
    ).model_copy(update=more)  # fmt: skip


def idle(name: str, after: str, state: TaskState = TaskState.WAITING) -> m.Task:
    return row(0, name, state, 0, depends_on=after.split())


def numbered(*tasks: m.Task) -> tuple[m.Task, ...]:
    return tuple(task.model_copy(update={"index": index}) for index, task in enumerate(tasks))


SPOT = result(False, reason="Host EC2 (instance i-0a1b2c3d4e5f6a7b8) terminated.", seconds=(34, 71),
              failure=FailureClass.SPOT)  # fmt: skip
KILLED = result(False, exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage",
                failure=FailureClass.OUT_OF_MEMORY)  # fmt: skip
NIGHTLY = numbered(
    ran("fetch", "", 0, 4, 21),
    ran("prices", "fetch", 21, 25, 40),
    ran("train", "fetch", 82, 118, 171, TaskState.SUCCEEDED, None, SPOT, is_array=True, children=8),
    ran("evaluate", "train prices", 171, 174, 190, TaskState.FAILED, KILLED),
    idle("publish", "evaluate", TaskState.UPSTREAM_FAILED),
    idle("announce", "publish", TaskState.UPSTREAM_FAILED),
    ran("tidy", "announce fetch", 190, 192, 195),
    idle("rescue", "prices", TaskState.SKIPPED),
)
FAILED = view(*NIGHTLY, state=RunState.FAILED, lasted_seconds=195.4)
RUNNING = view(
    *numbered(
        ran("fetch", "", 0, 4, 21),
        ran("prices", "fetch", 21, 25, None, TaskState.RUNNING),
        ran("train", "fetch", 82, 82, None, TaskState.PENDING, None, SPOT, is_array=True, children=1_000,
            children_ended=250, attempts_allowed=3),
        row(0, "flaky", TaskState.WAITING, 1, 2, depends_on=["fetch"], attempts=[SPOT], started_at_ms=at_ms(34),
            stopped_at_ms=at_ms(71), retry_at_ms=at_ms(125)),
        row(0, "queued", TaskState.RUNNABLE, depends_on=["fetch"], claimed_at_ms=at_ms(22)),
        idle("evaluate", "train prices flaky"),
    )
)  # fmt: skip
RUNNING_NOW_MS = at_ms(100)


def redriven() -> RunView:
    """`FAILED` once more, an hour later, with what had succeeded kept."""
    kept = {"fetch", "prices", "train"}
    later = 3_600
    fresh = numbered(
        *(task.model_copy(update={"kept": True}) for task in NIGHTLY if task.name in kept),
        ran("evaluate", "train prices", later, later + 3, later + 20, epoch=1),
        ran("publish", "evaluate", later + 20, later + 21, later + 24, epoch=1),
        ran("announce", "publish", later + 24, later + 25, later + 26, epoch=1),
        ran("tidy", "announce fetch", later + 26, later + 27, later + 28, epoch=1),
        idle("rescue", "prices", TaskState.SKIPPED).model_copy(update={"epoch": 1}),
    )
    shown = view(*fresh, state=RunState.SUCCEEDED, lasted_seconds=later + 28.2)
    past = [m.PastEpoch(epoch=0, version=1, state=RunState.FAILED, ended_at_ms=at_ms(195.4))]
    redrive = m.Redriven(scope=Scope.FROM_FAILED)
    return RunView(shown.run.model_copy(update={"epoch": 1, "past": past, "redrive": redrive}), shown.tasks)


def large(branches: int = 5_000) -> RunView:
    """A task that splits, two tasks for each part of which some fail and some go on, and one that joins."""
    maps, sorts = [], []
    for part in range(branches):
        state = TaskState.RUNNING if part % 50 == 49 else TaskState.FAILED if part % 700 == 3 else TaskState.SUCCEEDED
        stopped = None if state is TaskState.RUNNING else 3 + part % 7
        how = result(False, exit_code=3, failure=FailureClass.APPLICATION) if state is TaskState.FAILED else None
        maps.append(ran(f"map-{part}", "split", 1, 2, stopped, state, how))
        if state is TaskState.SUCCEEDED:
            sorts.append(ran(f"sort-{part}", f"map-{part}", 11, 12, 15))
        else:
            waits = state is TaskState.RUNNING
            sorts.append(idle(f"sort-{part}", f"map-{part}", TaskState.WAITING if waits else TaskState.UPSTREAM_FAILED))
    join = idle("join", " ".join(task.name for task in sorts))
    return view(*numbered(ran("split", "", 0, 0.2, 1), *maps, *sorts, join))
