"""A run that is under way, followed to its end by looking at the table again and again.

Owns the looking. The display is progress.py's, what is looked at runview.py's; the run itself needs nobody to look.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchwright.interrupts import Interrupts
from batchwright.progress import Progress
from chalicelib.api.runview import RunView, view_run, with_children
from chalicelib.core.errors import UnknownRun
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.records import in_epoch
from chalicelib.core.states import TaskState
from chalicelib.ports import Store

PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
_SILENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Followed:
    """A run to be looked at. `batch` is a client of its Batch, or None; `pause_seconds` lie between two looks."""

    run_id: str
    store: Store
    batch: Any = None
    pause_seconds: float = PAUSE_SECONDS

    def view(self, epoch: int | None = None) -> RunView:
        """The run as it is now, or as it ended in one of its earlier epochs. Raises UnknownRun."""
        run = self.store.run(self.run_id)
        if run is None:
            raise UnknownRun(f"there is no run '{self.run_id}'")
        if epoch is not None and epoch != run.epoch:
            # What that epoch ran again of the one before is not kept.
            run = replace(in_epoch(run, epoch), redrive=None)
        view = view_run(self.store, run)
        return view if self.batch is None else with_children(view, self._array_jobs(view))

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
            if (now := [(row.state, row.attempt, row.children_ended) for row in view.rows]) != before:
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
            late = [row for row in view.rows if row.attempt and row.state is not TaskState.CANCELLED and not row.result]
            if not late or time.monotonic() > deadline:
                return view
            time.sleep(self.pause_seconds / 4)

    def _array_jobs(self, view: RunView) -> list[dict[str, Any]]:
        """The array jobs under way, as Batch tells them; the engine has no need of their children's states."""
        return self._described([row.job_id for row in view.rows if row.job_id and row.is_array and not row.state.ended])

    def _lost(self, view: RunView) -> list[str]:
        """The tasks that the run takes for alive though their jobs have ended: no event of that has come yet."""
        alive = [row for row in view.rows if not row.state.ended and row.state is not TaskState.WAITING]
        open_tasks = {row.job_id: row.name for row in alive if row.job_id}
        ended = [job["jobId"] for job in self._described(list(open_tasks)) if job["status"] in ("SUCCEEDED", "FAILED")]
        return [open_tasks[job_id] for job_id in ended]

    def _described(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """As much as one call gives: a display shows no more."""
        if self.batch is None or not ids:
            return []
        jobs: list[dict[str, Any]] = self.batch.describe_jobs(jobs=list(ids[:DESCRIBE_IDS]))["jobs"]
        return jobs
