"""A run's tasks as somebody looks at them, and what is read off one of them.

Owns which fields of a task and of its attempts such readings need; the API's models have them. Nothing of the engine
is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from chalicelib.core.failure import FailureClass
from chalicelib.core.states import TaskState

A = TypeVar("A", covariant=True)


class EndedView(Protocol):
    """How a job ended: an attempt, or a child of an array. Times in milliseconds since the epoch."""

    @property
    def failure(self) -> FailureClass | None: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def started_at_ms(self) -> int | None: ...


class AttemptView(EndedView, Protocol):
    """An attempt that has ended."""

    @property
    def succeeded(self) -> bool: ...
    @property
    def stopped_at_ms(self) -> int | None: ...


class HasAttempts(Protocol[A]):
    """A task and its attempts that have ended, oldest first."""

    @property
    def state(self) -> TaskState: ...
    @property
    def attempt(self) -> int: ...
    @property
    def attempts(self) -> Sequence[A]: ...


class TaskView(HasAttempts[AttemptView], Protocol):
    """A task in one epoch of its run."""

    @property
    def name(self) -> str: ...
    @property
    def depends_on(self) -> Sequence[str]: ...
    @property
    def attempts_allowed(self) -> int: ...
    @property
    def claimed_at_ms(self) -> int | None: ...
    @property
    def started_at_ms(self) -> int | None: ...
    @property
    def stopped_at_ms(self) -> int | None: ...
    @property
    def retry_at_ms(self) -> int | None: ...
    @property
    def is_array(self) -> bool: ...
    @property
    def allow_failure(self) -> bool: ...
    @property
    def kept(self) -> bool: ...


class RunTimes(Protocol):
    """When a run, or the epoch of it that is looked at, was created, began and ended."""

    @property
    def epoch(self) -> int: ...
    @property
    def created_at_ms(self) -> int: ...
    @property
    def began_at_ms(self) -> int | None: ...
    @property
    def ended_at_ms(self) -> int | None: ...


def result_of(task: HasAttempts[A]) -> A | None:
    """How the last attempt of an ended task ended. None while its result is not written yet, and without attempts."""
    return task.attempts[-1] if task.state.ended and len(task.attempts) >= max(1, task.attempt) else None


def past_of(task: HasAttempts[A]) -> Sequence[A]:
    """The attempts that another one followed, or is to follow; oldest first."""
    return task.attempts if result_of(task) is None else task.attempts[:-1]


def is_held_back(task: TaskView) -> bool:
    """Whether its retry is due and could not be started yet: the run is paused, or Batch takes no more for now."""
    return task.state is TaskState.WAITING and bool(task.attempts) and task.retry_at_ms is None


def duration_ms(task: TaskView, now_ms: int) -> int | None:
    """How long its current or last attempt ran. None before it started, and when its end is not known."""
    if task.started_at_ms is None or (task.stopped_at_ms is None and task.state.ended):
        return None
    end_ms = task.stopped_at_ms if task.stopped_at_ms is not None else now_ms
    return max(0, end_ms - task.started_at_ms)


def signs_of_life(task: TaskView) -> list[int]:
    """When something is known to have happened to the task: its claim, starts and stops."""
    times = [task.claimed_at_ms, task.started_at_ms, task.stopped_at_ms]
    times += [at_ms for one in task.attempts for at_ms in (one.started_at_ms, one.stopped_at_ms)]
    return [at_ms for at_ms in times if at_ms is not None]


def began_ms(run: RunTimes, tasks: Iterable[TaskView]) -> int | None:
    """When the run, or its epoch that is looked at, began.

    The beginning of an earlier epoch that a redrive began is noted nowhere. It is the first thing that is known to have
    happened in it, or None.
    """
    if run.began_at_ms is not None:
        return run.began_at_ms
    if not run.epoch:
        return run.created_at_ms
    return min((at_ms for task in tasks if not task.kept for at_ms in signs_of_life(task)), default=None)


def parents_of(tasks: Sequence[TaskView]) -> list[list[int]]:
    """By place in the list, which is in the order of the plan: the places of a task's parents, all before its own."""
    place_of = {task.name: place for place, task in enumerate(tasks)}
    return [
        [place_of[name] for name in task.depends_on if place_of.get(name, place) < place]
        for place, task in enumerate(tasks)
    ]
