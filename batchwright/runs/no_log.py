"""What is said of a task that wrote no log: that it never had a job, that it waits, that its job could not start, or
that it wrote nothing; a sentence each.

Owns the words. Reads the whole run only of a task that a failure took along, to name that failure.
"""

from __future__ import annotations

from batchwright.runs.progress import why
from batchwright.runs.tree import causes, tree_of
from batchwright.runs.view import load_view
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.states import TaskState

_NEVER = {
    TaskState.SKIPPED: "it was skipped",
    TaskState.UPSTREAM_FAILED: "a task before it failed",
    TaskState.CANCELLED: "the run was cancelled first",
}
"""By its state: why a task never had a job."""


def silence_sentence(
    api: Api,
    run_id: str,
    task: m.Task,
    *,
    attempt: int | None = None,
    job_try: int | None = None,
    child: int | None = None,
    epoch: int | None = None,
) -> str:
    """Why there is nothing to read of the task, of one of its attempts or tries, or of a child of its array."""
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
            because = _cause(api, run_id, task, epoch) or because
        return f"{whose} never had a job, because {because}."
    if number > len(task.attempts):
        it = "it" if child is None else "the task"
        return f"{whose} has written nothing so far: {it} is {task.state}."
    if job_try is not None:
        return f"{whose} wrote nothing."
    result: m.Attempt | m.FailedChild | None = task.attempts[number - 1]
    if child is not None:
        result = _failed_child(api, run_id, task, child, epoch) if number == len(task.attempts) else None
    if result is not None and not _succeeded(result) and result.started_at_ms is None:
        return f"{whose} wrote nothing, because its job never started: {why(result) or 'no reason told'}"
    return f"{whose} wrote nothing."


def _succeeded(result: m.Attempt | m.FailedChild) -> bool:
    return isinstance(result, m.Attempt) and result.succeeded


def _failed_child(api: Api, run_id: str, task: m.Task, child: int, epoch: int | None) -> m.FailedChild | None:
    """The child of the task's array as Batch tells it, if it is among the first that failed."""
    found = api.task(run_id, task.name, epoch).failed_children
    return next((one for one in found if one.index == child), None)


def _cause(api: Api, run_id: str, task: m.Task, epoch: int | None) -> str | None:
    """The failure that took the task along."""
    view = load_view(api, run_id, epoch)
    tree = tree_of(view.tasks)
    found = {view.tasks[place].name: cause for place, cause in causes(tree).items()}
    if task.name not in found:
        return None
    place, others = found[task.name]
    return f"{view.tasks[place].name}{f' and {others:,} more' if others else ''} failed"
