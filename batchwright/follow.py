"""A run that is under way, followed to its end by looking at it again and again.

Owns the looking. The display is progress.py's, what is looked at view.py's; the run itself needs nobody to look.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchwright.interrupts import Interrupts
from batchwright.progress import Progress
from batchwright.view import RunView, load_view, result_of
from chalicelib.api import models as m
from chalicelib.api.port import Api
from chalicelib.core.states import TaskState

_PATIENCE_SECONDS = 5.0
_SILENCE_SECONDS = 3.0
"""Shorter than it takes the sweep of a local AWS to find what was lost, so that it is named before."""

EndedJobs = Callable[[Sequence[str]], set[str]]
"""Which of these jobs have ended, as Batch says."""


@dataclass(frozen=True)
class Followed:
    """A run to be looked at, with `pause_seconds` between two looks. `ended_jobs` is None where Batch cannot be
    asked."""

    api: Api
    run_id: str
    pause_seconds: float
    ended_jobs: EndedJobs | None = None

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
        told what was lost.
        """
        silent_since, before = time.monotonic(), None
        while True:
            begun, work_seconds = time.monotonic(), time.process_time()
            still_there()
            view = self.view()
            if (now := [(one.state, one.attempt, one.children_ended) for one in view.tasks]) != before:
                silent_since, before = begun, now
            if view.run.state.ended or begun > until_seconds:
                return view
            progress.show(view)
            if begun - silent_since > _SILENCE_SECONDS:
                progress.say_lost(self._lost(view))
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

    def _lost(self, view: RunView) -> list[str]:
        """The tasks that the run takes for alive though their jobs have ended: no event of that has come yet."""
        if self.ended_jobs is None:
            return []
        alive = [task for task in view.tasks if not task.state.ended and task.state is not TaskState.WAITING]
        open_tasks = {task.job_id: task.name for task in alive if task.job_id}
        ended = self.ended_jobs(list(open_tasks)) if open_tasks else set()
        return [name for job_id, name in open_tasks.items() if job_id in ended]


def _lacks_its_result(task: m.Task) -> bool:
    return bool(task.attempt) and task.state is not TaskState.CANCELLED and result_of(task) is None
