"""A run as a person looks at it: the run and all its tasks, read page by page.

Owns the reading of all pages. What is read off a task is core/run/task_view.py's, and what is said of it progress.py's
and summary.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.api import models as m
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


def changed(before: Sequence[m.Task], after: Sequence[m.Task]) -> list[m.Task]:
    """The tasks of `after` whose state or attempt is another than in `before`."""
    known = {task.index: (task.state, task.attempt) for task in before}
    return [task for task in after if known.get(task.index, (TaskState.WAITING, 0)) != (task.state, task.attempt)]


def child_title(child: m.FailedChild) -> str:
    """`child 3`, or `child 3 (south)`."""
    return f"child {child.index:,}" + ("" if child.label is None else f" ({child.label})")
