"""What a person asks of a run that is there: cancel, pause, resume, redrive; and what happens then, in a sentence.

Owns the sentences and the mistakes that only show once the run is looked at. The procedures are the engine's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from batchwright.summary import number_of
from chalicelib.api import models as m
from chalicelib.api.direct import DirectApi
from chalicelib.api.runview import RunView, view_run
from chalicelib.core.errors import UserMistake
from chalicelib.core.records import Run
from chalicelib.core.states import TaskState
from chalicelib.wiring import Wired


@dataclass(frozen=True)
class Control:
    """The control of one app, in the name of one invocation."""

    wired: Wired

    def cancel(self, run: Run, reason: str) -> str:
        """Ask for the run to be cancelled. Raises UserMistake when it ended otherwise."""
        self._api.cancel(run.run_id, m.Cancel(reason=reason))
        return cancel_sentence(self._view(run))

    def pause(self, run: Run) -> str:
        """Let the run start nothing more. Raises UserMistake when it does not go on."""
        return pause_sentence(self._view(run), self._api.pause(run.run_id).changed)

    def resume(self, run: Run) -> str:
        """Let the run go on. Raises UserMistake when it has ended."""
        news = self._api.resume(run.run_id).changed
        return resume_sentence(self._view(run), news)

    def redrive(self, run: Run, asked: m.Redrive) -> str:
        """Run the ended run again. Raises UserMistake when that makes no sense."""
        acted = self._api.redrive(run.run_id, asked.model_copy(update={"epoch": run.epoch}))
        store = self.wired.world.store
        redriven = store.run(run.run_id)
        assert redriven is not None
        return redrive_sentence(redriven, len(store.plan(redriven.plan_digest).tasks), acted.kept or 0)

    @property
    def _api(self) -> DirectApi:
        return self.wired.api(str(uuid.uuid4()))

    def _view(self, run: Run) -> RunView:
        store = self.wired.world.store
        return view_run(store, store.run(run.run_id) or run)


def check_has_ended(run: Run) -> None:
    """Raises UserMistake when the run goes on and so cannot be redriven."""
    if not run.state.ended:
        raise UserMistake(f"run '{run.run_id}' is {run.state}; only a run that has ended can be redriven")


def cancel_sentence(view: RunView) -> str:
    """What becomes of a run whose cancelling was asked for."""
    run_id = view.run.run_id
    if view.run.state.ended:
        return f"Run {run_id} is {view.run.state}."
    under_way, counts = _under_way(view), view.counts()
    never = counts[TaskState.WAITING] + counts[TaskState.CANCELLED]
    jobs = f"{_jobs(view)} under way {_verb(under_way, 'is', 'are')} being ended" if under_way else ""
    rest = f"{number_of(never, 'task')} will not start" if never else ""
    parts = ", ".join(filter(None, (jobs, rest)))
    return f"Run {run_id} is being cancelled{': ' if parts else ''}{parts}; `batchwright watch {run_id}` follows it."


def pause_sentence(view: RunView, news: bool) -> str:
    """What a paused run still does. `news`: it was not paused before."""
    run_id, waiting = view.run.run_id, view.counts()[TaskState.WAITING]
    going_on, was_so = _under_way(view), "" if news else " already"
    return (
        f"Run {run_id} is paused{was_so}: {_jobs(view)} under way {_verb(going_on, 'goes', 'go')} on, "
        f"{number_of(waiting, 'task')} {_verb(waiting, 'waits', 'wait')}; `batchwright resume {run_id}` lets it go on."
    )


def resume_sentence(view: RunView, news: bool) -> str:
    """What a run has before it that was resumed. `news`: it was paused before."""
    run_id, waiting, was_so = view.run.run_id, view.counts()[TaskState.WAITING], "" if news else " already"
    return (
        f"Run {run_id} goes on{was_so}: {_jobs(view)} under way, {number_of(waiting, 'task')} "
        f"{_verb(waiting, 'waits', 'wait')}; `batchwright watch {run_id}` follows it."
    )


def redrive_sentence(run: Run, tasks: int, kept: int) -> str:
    """What a redrive runs again, and what it keeps."""
    again = tasks - kept
    return (
        f"Run {run.run_id} goes on in epoch {run.epoch}, with version {run.version}: {number_of(again, 'task')} "
        f"{_verb(again, 'runs', 'run')} again, {kept:,} {_verb(kept, 'keeps its ending', 'keep their ending')}; "
        f"`batchwright watch {run.run_id}` follows it."
    )


def _under_way(view: RunView) -> int:
    return sum(not row.state.ended and row.state is not TaskState.WAITING for row in view.rows)


def _jobs(view: RunView) -> str:
    return number_of(_under_way(view), "job")


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
