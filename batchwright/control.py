"""What a person asks of a run that is there: cancel, pause, resume, redrive; and what happens then, in a sentence.

Owns the sentences and the mistakes that only show once the run is looked at. The procedures are the engine's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batchwright.runview import RunView, view_run
from batchwright.summary import number_of
from chalicelib.core.errors import UserMistake
from chalicelib.core.plan import Plan
from chalicelib.core.records import Run, in_epoch
from chalicelib.core.redrive import kept_endings
from chalicelib.core.states import RunState, TaskState
from chalicelib.ports import Store
from chalicelib.wiring import Wired


@dataclass(frozen=True)
class Control:
    """The control of one app, in the name of one invocation."""

    wired: Wired

    def cancel(self, run: Run, reason: str) -> str:
        """Ask for the run to be cancelled. Raises UserMistake when it ended otherwise."""
        if run.state in (RunState.SUCCEEDED, RunState.FAILED):
            raise UserMistake(f"run '{run.run_id}' has ended already, it {run.state}; there is nothing to cancel")
        self._ask(self.wired.cancel_run, {"run_id": run.run_id, "reason": reason})
        return cancel_sentence(self._view(run))

    def pause(self, run: Run) -> str:
        """Let the run start nothing more. Raises UserMistake when it does not go on."""
        news: bool = self._ask(self.wired.pause_run, {"run_id": run.run_id})
        return pause_sentence(self._view(run), news)

    def resume(self, run: Run) -> str:
        """Let the run go on. Raises UserMistake when it is not paused."""
        if run.state is RunState.RUNNING:
            raise UserMistake(f"run '{run.run_id}' is {run.state}; only a paused run can be resumed")
        self._ask(self.wired.resume_run, {"run_id": run.run_id})
        return resume_sentence(self._view(run))

    def redrive(self, run: Run, asked: Mapping[str, Any]) -> str:
        """Run the ended run again; `asked` has scope, tasks and version as `redrive` in app.py takes them. Raises
        UserMistake when that makes no sense."""
        payload = {**asked, "run_id": run.run_id, "epoch": run.epoch}
        redriven: Run = self._ask(self.wired.redrive_run, payload)
        plan = self.wired.world.store.plan(redriven.plan_digest)
        return redrive_sentence(redriven, len(plan.tasks), kept_count(self.wired.world.store, redriven, plan))

    def _ask(self, function: Callable[[object, str], Any], payload: Mapping[str, Any]) -> Any:
        return function(dict(payload), str(uuid.uuid4()))

    def _view(self, run: Run) -> RunView:
        store = self.wired.world.store
        return view_run(store, store.run(run.run_id) or run)


def check_has_ended(run: Run) -> None:
    """Raises UserMistake when the run goes on and so cannot be redriven."""
    if not run.state.ended:
        raise UserMistake(f"run '{run.run_id}' is {run.state}; only a run that has ended can be redriven")


def kept_count(store: Store, run: Run, plan: Plan) -> int:
    """How many endings a redriven run's epoch keeps of the one before."""
    assert run.redrive is not None, "a run that was redriven has its redrive"
    before = in_epoch(run, run.epoch - 1)
    old = store.plan(before.plan_digest)
    tallies = {shard: store.read_tally(run.run_id, before.epoch, shard) for shard in range(old.shard_count)}
    kept = kept_endings(old, tallies, plan, run.redrive)
    return sum(mask.bit_count() for of_shard in kept.values() for mask in of_shard.values())


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


def resume_sentence(view: RunView) -> str:
    """What a run has before it that was resumed."""
    run_id, waiting = view.run.run_id, view.counts()[TaskState.WAITING]
    return (
        f"Run {run_id} goes on: {_jobs(view)} under way, {number_of(waiting, 'task')} "
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
