"""A run as a person looks at it: the run and all its tasks, as the API tells them, and what is read off them.

Owns the reading of all pages. What is said of it is progress.py's and summary.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.api import models as m
from chalicelib.api.inprocess.run_view import signs_of_life
from chalicelib.api.port import Api
from chalicelib.core.limits import SHARD_SIZE
from chalicelib.core.states import TaskState

T = TypeVar("T")
_TASKS_A_PAGE = 3 * SHARD_SIZE
"""Whole shards, so that none is read for two pages."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run and its tasks, in the order of its plan."""

    run: m.Run
    tasks: tuple[m.Task, ...]

    def counts(self) -> Counter[TaskState]:
        return Counter(task.state for task in self.tasks)

    def with_state(self, *states: TaskState) -> list[m.Task]:
        return [task for task in self.tasks if task.state in states]


def load_view(api: Api, run_id: str, epoch: int | None = None) -> RunView:
    """The run as it is now, or as it ended in an earlier epoch. Raises UnknownRun, UnknownEpoch."""
    run = api.run(run_id, epoch)
    tasks = every(lambda page: api.tasks(run_id, epoch=run.epoch, limit=_TASKS_A_PAGE, page=page))
    return RunView(run, tuple(tasks))


def every(ask: Callable[[str | None], m.Page[T]]) -> Iterator[T]:
    """What all pages of a list hold. `ask(page)` gives one; without a page the first."""
    page = None
    while True:
        part = ask(page)
        yield from part.items
        page = part.next
        if page is None:
            return


def began_ms(view: RunView) -> int | None:
    """When the run, or its epoch that is looked at, began. Of an earlier epoch that a redrive began nobody noted it: it
    is the first that is known to have happened in it, or None."""
    run = view.run
    if run.began_at_ms is not None:
        return run.began_at_ms
    if not run.epoch:
        return run.created_at_ms
    return min((at_ms for task in view.tasks if not task.kept for at_ms in signs_of_life(task)), default=None)


def result_of(task: m.Task) -> m.Attempt | None:
    """How the last attempt of an ended task ended; None while that is not written yet, and of one without attempts."""
    return task.attempts[-1] if task.state.ended and len(task.attempts) >= max(1, task.attempt) else None


def past_of(task: m.Task) -> list[m.Attempt]:
    """The attempts that another followed, or is to follow; oldest first."""
    return task.attempts if result_of(task) is None else task.attempts[:-1]


def is_held_back(task: m.Task) -> bool:
    """Whether its retry is due and could not be started yet: the run is paused, or Batch takes no more for now."""
    return task.state is TaskState.WAITING and bool(task.attempts) and task.retry_at_ms is None


def duration_ms(task: m.Task, now_ms: int) -> int | None:
    """How long its current or last attempt ran; None before it started, and when nobody told its end."""
    if task.started_at_ms is None or (task.stopped_at_ms is None and task.state.ended):
        return None
    end_ms = task.stopped_at_ms if task.stopped_at_ms is not None else now_ms
    return max(0, end_ms - task.started_at_ms)


def changed(before: Sequence[m.Task], after: Sequence[m.Task]) -> list[m.Task]:
    """The tasks of `after` whose state or attempt is another than in `before`."""
    known = {task.index: (task.state, task.attempt) for task in before}
    return [task for task in after if known.get(task.index, (TaskState.WAITING, 0)) != (task.state, task.attempt)]


def child_title(child: m.FailedChild) -> str:
    """`child 3`, or `child 3 (south)`."""
    return f"child {child.index:,}" + ("" if child.label is None else f" ({child.label})")
