"""Why a task wrote no log: it never had a job, it waits, its job could not start, or it wrote nothing.

Owns the sentences.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.core.failure import failure_words
from chalicelib.core.run.task_view import EndedView, TaskView
from chalicelib.core.states import TaskState

_NEVER = {
    TaskState.SKIPPED: "it was skipped",
    TaskState.UPSTREAM_FAILED: "a task before it failed",
    TaskState.CANCELLED: "the run was cancelled first",
}
"""By its state: why a task never had a job."""


def no_log_sentence(
    task: TaskView,
    *,
    attempt: int | None = None,
    job_try: int | None = None,
    child: int | None = None,
    failed_child: EndedView | None = None,
    cause: Callable[[], str | None] = lambda: None,
) -> str:
    """Why there is nothing to read of the task, of one of its attempts or tries, or of a child of its array.

    `failed_child` is how that child ended, if it failed. `cause` names the tasks whose failure kept this one from
    running (`cause_words`); it is asked for only then, because finding it reads the whole run.
    """
    number = attempt or task.attempt
    whose = f"task {task.name}" if child is None else f"child {child} of task {task.name}"
    whose = f"attempt {attempt} of {whose}" if attempt is not None and task.attempts_allowed > 1 else whose
    whose = whose if job_try is None else f"try {job_try} of {whose}"
    whose = whose[0].upper() + whose[1:]
    if not number:
        if not task.state.ended:
            return f"{whose} has written nothing so far: it has no job yet, it is {task.state}."
        because = _NEVER.get(task.state, f"it is {task.state}")
        if task.state is TaskState.UPSTREAM_FAILED:
            because = cause() or because
        return f"{whose} never had a job, because {because}."
    if number > len(task.attempts):
        it = "it" if child is None else "the task"
        return f"{whose} has written nothing so far: {it} is {task.state}."
    result = _failure_of(task, number, failed_child) if child is None or failed_child else None
    if job_try is None and result is not None and result.started_at_ms is None:
        words = failure_words(result.failure, result.exit_code, result.reason)
        return f"{whose} wrote nothing, because its job never started: {words or 'no reason is known'}"
    return f"{whose} wrote nothing."


def _failure_of(task: TaskView, number: int, failed_child: EndedView | None) -> EndedView | None:
    """How what was asked about failed; None if it did not."""
    if failed_child is not None:
        return failed_child
    result = task.attempts[number - 1]
    return None if result.succeeded else result


def cause_words(name: str, others: int) -> str:
    """`clean failed`, or `clean and 2 more failed`."""
    return f"{name}{f' and {others:,} more' if others else ''} failed"
