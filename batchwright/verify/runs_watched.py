"""The two runs of a call, step by step: one ends and is redriven, one is started by a schedule and cancelled.

Owns which step follows which. Each `step` looks once and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from batchwright.verify.here import Here
from batchwright.verify.jobs import RUN_TASK_AGAIN, SCHEDULE, scheduled_workflow_name, stamped
from batchwright.verify.observed import NOT_YET, Fired, Look, NotHere, RunSeen, Saw, Unseen
from batchwright.verify.stage_checks import SCHEDULE_SECONDS_MAXIMUM
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.errors import TryAgain, UnknownRun, UserMistake
from chalicelib.core.ids import scheduled_run_id
from chalicelib.core.states import RunState

T = TypeVar("T")

REASON = "batchwright verify cancels this run"


@dataclass(frozen=True, slots=True)
class Acting:
    """By which API something is asked of a run: by the stage's HTTP API if there is one, because that shows what its
    function may do; in the caller's own name where that fails, so that the rest is seen. `errors` keeps what failed."""

    api: Api
    own: Api
    errors: list[str]

    def do(self, what: str, ask: Callable[[Api], T]) -> T:
        if self.api is not self.own:
            try:
                return ask(self.api)
            except (TryAgain, UserMistake) as error:
                self.errors.append(f"the HTTP API did not {what}: {error}")
        return ask(self.own)


def seen(api: Api, run: m.Run, stamp: str) -> RunSeen:
    """A run as it is now, with its tasks in words."""
    tasks = api.tasks(run.run_id).items
    told = {task.name.removeprefix(f"{stamped(stamp)}-"): f"{task.state} ({task.attempt})" for task in tasks}
    return RunSeen(run.run_id, run.state.value, told)


@dataclass
class RunToTheEnd:
    """A run that was started: to its end, then one task of it again."""

    here: Here
    acting: Acting
    stamp: str
    run_id: str
    run: Look[RunSeen] = NOT_YET
    redrive: Look[RunSeen] = NOT_YET

    @property
    def is_over(self) -> bool:
        return NOT_YET not in (self.run, self.redrive)

    def step(self) -> str:
        """Look once, and do what follows; how far it is."""
        found = self.here.api.run(self.run_id)
        if self.is_over or not found.state.ended:
            return f"{self.run_id} is {found.state}" + (f", epoch {found.epoch}" if found.epoch else "")
        ended = Saw(seen(self.here.api, found, self.stamp))
        if found.epoch > 0:
            self.redrive = ended
        elif self.run == NOT_YET:
            self.run = ended
            if found.state is RunState.SUCCEEDED:
                request = m.Redrive(tasks=[f"{stamped(self.stamp)}-{RUN_TASK_AGAIN}"], epoch=0)
                self.acting.do("redrive a run", lambda api: api.redrive(self.run_id, request))
            else:
                self.redrive = Unseen("the run did not succeed, so nothing of it was run again")
        return f"{self.run_id} {found.state}"

    def give_up(self, after_seconds: float) -> None:
        """Say of what has not ended how far it is."""
        found = seen(self.here.api, self.here.api.run(self.run_id), self.stamp)
        late = Unseen(f"run {found.run_id} is {found.state} after {after_seconds:.0f} s: {found.tasks}")
        if self.run == NOT_YET:
            self.run = late
        if self.redrive == NOT_YET:
            self.redrive = late


@dataclass
class RunToCancel:
    """The run of the schedule: it is waited for, then cancelled once its job is there. If it never comes, a run of the
    same workflow is started instead, so that cancelling is seen in any case."""

    here: Here
    acting: Acting
    stamp: str
    due_ms: int
    now_ms: Callable[[], int]
    schedule: Look[Fired] = NOT_YET
    cancel: Look[RunSeen] = NOT_YET
    run_id: str | None = None
    _asked: bool = field(default=False)

    @property
    def is_over(self) -> bool:
        return NOT_YET not in (self.schedule, self.cancel)

    def step(self) -> str:
        """Look once, and do what follows; how far it is."""
        run_id = self.run_id
        if run_id is None:
            return self._wait_for_it()
        found = self.here.api.run(run_id)
        if found.state.ended:
            self.cancel = Saw(seen(self.here.api, found, self.stamp))
        elif not self._asked and any(task.job_id for task in self.here.api.tasks(run_id).items):
            self.acting.do("cancel a run", lambda api: api.cancel(run_id, m.Cancel(reason=REASON)))
            self._asked = True
        return f"{run_id} is {found.state}"

    def _wait_for_it(self) -> str:
        workflow = scheduled_workflow_name(self.stamp)
        run_id = scheduled_run_id(self.here.place.stage, workflow, SCHEDULE, self.due_ms)
        try:
            found = self.here.api.run(run_id)
        except UnknownRun:
            late_seconds = (self.now_ms() - self.due_ms) / 1000
            if late_seconds < SCHEDULE_SECONDS_MAXIMUM and not (self.never_fires and late_seconds > 0):
                return f"due at {datetime.fromtimestamp(self.due_ms // 1000, UTC):%H:%M:%S} UTC"
            self.schedule = (
                NotHere("this emulator keeps schedules and fires none")
                if self.never_fires
                else Saw(Fired(self.due_ms, None))
            )
            request = m.StartRun(workflow=workflow)
            started = self.acting.do("start a run", lambda api: api.start_run(request, stamped(self.stamp)))
            self.run_id = started.run_id
            return f"{self.run_id} was started by hand"
        self.run_id = run_id
        self.schedule = Saw(Fired(self.due_ms, found.created_at_ms))
        return f"{run_id} was started"

    @property
    def never_fires(self) -> bool:
        """Whether nothing here fires schedules."""
        return self.here.is_emulated and not self.here.is_local

    def give_up(self, after_seconds: float) -> None:
        """Say of what has not ended how far it is."""
        if self.schedule == NOT_YET:
            self.schedule = Unseen(f"no run of the schedule was there when {after_seconds:.0f} s were over")
        if self.cancel == NOT_YET:
            state = "not there" if self.run_id is None else self.here.api.run(self.run_id).state.value
            self.cancel = Unseen(f"the run is {state} after {after_seconds:.0f} s")
