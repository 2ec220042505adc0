"""What a person is told who asked something of a run: cancel, pause, resume, redrive; a sentence each."""

from __future__ import annotations

from batchwright.runs.view import RunView
from batchwright.terminal.words import number_of
from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import TaskState


def cancel_sentence(view: RunView, news: bool) -> str:
    """What becomes of a run whose cancelling was asked for. `news`: it was not being cancelled before."""
    run_id, was_so = view.run.run_id, "" if news else " already"
    if view.run.state.ended:
        return f"Run {run_id} is {view.run.state}."
    under_way, cancelled = _under_way(view), view.with_state(TaskState.CANCELLED)
    ended = sum(map(_had_its_job_ended, cancelled))
    never = view.counts()[TaskState.WAITING] + len(cancelled) - ended
    gone = f"{number_of(ended, 'job')} {_verb(ended, 'was', 'were')} ended" if ended else ""
    jobs = f"{_jobs(view)} under way {_verb(under_way, 'is', 'are')} being ended" if under_way else ""
    rest = f"{number_of(never, 'task')} will not start" if never else ""
    parts = ", ".join(filter(None, (gone, jobs, rest)))
    begin = f"Run {run_id} is being cancelled{was_so}{': ' if parts else ''}{parts}"
    return f"{begin}; `batchwright watch {run_id}` follows it."


def pause_sentence(view: RunView, news: bool) -> str:
    """What a paused run still does. `news`: it was not paused before."""
    run_id, waiting = view.run.run_id, view.counts()[TaskState.WAITING]
    going_on, was_so = _under_way(view), "" if news else " already"
    jobs = f"{_jobs(view)} under way {_verb(going_on, 'goes', 'go')} on" if going_on else "no job is under way"
    return (
        f"Run {run_id} is paused{was_so}: {jobs}, "
        f"{number_of(waiting, 'task')} {_verb(waiting, 'waits', 'wait')}; `batchwright resume {run_id}` lets it go on."
    )


def resume_sentence(view: RunView, news: bool) -> str:
    """What a run has before it that was resumed. `news`: it was paused before."""
    run_id, waiting, was_so = view.run.run_id, view.counts()[TaskState.WAITING], "" if news else " already"
    jobs = _jobs(view) if _under_way(view) else "no job"
    return (
        f"Run {run_id} goes on{was_so}: {jobs} under way, {number_of(waiting, 'task')} "
        f"{_verb(waiting, 'waits', 'wait')}; `batchwright watch {run_id}` follows it."
    )


def redrive_sentence(run: m.Run, tasks: int, kept: int) -> str:
    """What a redrive runs again, and what it keeps."""
    again = tasks - kept
    return (
        f"Run {run.run_id} goes on in epoch {run.epoch}, with version {run.version}: {number_of(again, 'task')} "
        f"{_verb(again, 'runs', 'run')} again, {kept:,} {_verb(kept, 'keeps its ending', 'keep their ending')}; "
        f"`batchwright watch {run.run_id}` follows it."
    )


def _had_its_job_ended(task: m.Task) -> bool:
    """Whether a cancelled task had a job; of one that waited for its retry, the job had failed before."""
    return task.attempt > len(task.attempts) or any(one.failure is FailureClass.CANCELLED for one in task.attempts)


def _under_way(view: RunView) -> int:
    return sum(not task.state.ended and task.state is not TaskState.WAITING for task in view.tasks)


def _jobs(view: RunView) -> str:
    return number_of(_under_way(view), "job")


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
