"""A run that is under way, followed to its end by looking at it again and again.

Owns the looking. The display is progress.py's, what is looked at view.py's; the run itself needs nobody to look.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batchwright.runs.progress import Progress
from batchwright.runs.view import RunView, load_view
from batchwright.terminal.interrupts import Interrupts
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.run.task_view import result_of
from chalicelib.core.states import TaskState

_PATIENCE_SECONDS = 5.0
SILENCE_SECONDS = 15.0
"""When nothing has changed for so long, Batch is asked. An event takes seconds at most, and so does the sweep of a
local AWS: what is told after that is late indeed."""

EndedJobs = Callable[[Sequence[str]], set[str]]
"""Which of these jobs have ended, as Batch says."""


@dataclass(frozen=True)
class Followed:
    """A run to be looked at, with `pause_seconds` between two looks. `ended_jobs` is None where Batch cannot be
    asked; it is, when nothing has changed for `silence_seconds`."""

    api: Api
    run_id: str
    pause_seconds: float
    ended_jobs: EndedJobs | None = None
    silence_seconds: float = SILENCE_SECONDS

    def view(self) -> RunView:
        """The run as it is now. Raises UnknownRun."""
        return load_view(self.api, self.run_id)

    def follow(
        self,
        progress: Progress,
        interrupts: Interrupts,
        *,
        still_there: Callable[[], None],
        until_seconds: float = math.inf,
    ) -> RunView:
        """Show the run until it has ended or an interrupt comes, or until that time of the monotonic clock. Returns
        the last look at it, which is not shown when it is that of the end.

        `still_there` raises when the AWS that it runs on is gone. When nothing has changed for a while, the display is
        told what was lost: jobs that had ended when Batch was asked before, and of which no event has come since.
        """
        silent_since, before = time.monotonic(), None
        ended: set[str] = set()
        while True:
            begun, work_seconds = time.monotonic(), time.process_time()
            still_there()
            view = self.view()
            if (now := [(one.state, one.attempt, one.children_ended) for one in view.tasks]) != before:
                silent_since, before = begun, now
                if ended:
                    progress.say_lost([])
                ended = set()
            if view.run.state.ended or begun > until_seconds:
                return view
            progress.show(view)
            if begun - silent_since > self.silence_seconds:
                open_jobs = self._open_jobs(view)
                ended_before, ended = ended, self._ended(open_jobs)
                # One that ends at this very moment has an event on its way.
                progress.say_lost([name for job_id, name in open_jobs.items() if job_id in ended & ended_before])
                silent_since = begun
            # A look at a large run is much work; the display never takes more than a fifth of the time.
            if interrupts.wait(max(self.pause_seconds, 4 * (time.process_time() - work_seconds))):
                return view

    def settled(self) -> RunView:
        """The ended run once its last records are written, which happens right after the run's own."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            view = self.view()
            if not any(map(_lacks_its_result, view.tasks)) or time.monotonic() > deadline:
                return view
            time.sleep(self.pause_seconds / 4)

    def _open_jobs(self, view: RunView) -> dict[str, str]:
        """The names of the tasks that the run takes for alive, by their jobs."""
        alive = [task for task in view.tasks if not task.state.ended and task.state is not TaskState.WAITING]
        return {task.job_id: task.name for task in alive if task.job_id}

    def _ended(self, open_jobs: Mapping[str, str]) -> set[str]:
        return self.ended_jobs(list(open_jobs)) if self.ended_jobs is not None and open_jobs else set()


def _lacks_its_result(task: m.Task) -> bool:
    return bool(task.attempt) and task.state is not TaskState.CANCELLED and result_of(task) is None
