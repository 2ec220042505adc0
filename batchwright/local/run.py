"""One run on a local AWS: what it needs is created, the app's own functions start it, and it is followed to its end.

Owns the following and the cancelling. The display is progress.py's, the engine runs in the local AWS's worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchwright.local.functions import Functions
from batchwright.local.stack import client, create_queues, register_definitions
from batchwright.progress import Progress
from batchwright.runview import RunView, view_run
from chalicelib.core.errors import UnknownRun
from chalicelib.core.ids import Attempt
from chalicelib.core.job import job_request
from chalicelib.core.plan import Plan
from chalicelib.core.states import TaskState
from chalicelib.ports import Store

_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run that was started on a local AWS."""

    run_id: str
    plan: Plan
    store: Store
    functions: Functions

    def view(self) -> RunView:
        run = self.store.run(self.run_id)
        if run is None:
            raise UnknownRun(f"there is no run '{self.run_id}'")
        return view_run(self.store, run, self.plan)

    def follow(self, progress: Progress, until: Callable[[], bool] = lambda: False) -> RunView:
        """Show the run until it has ended (or `until` says to stop), and return the last look at it.

        The display reads the table; the run itself needs nobody to look.
        """
        while True:
            begun = time.monotonic()
            view = self.view()
            progress.show(view)
            if view.run.state.ended or until():
                return view
            # A look at a large run takes long; the display never takes more than a fifth of the time.
            time.sleep(max(_PAUSE_SECONDS, 4 * (time.monotonic() - begun)))

    def settled(self) -> RunView:
        """The ended run once its last records are written, which happens right after the run's own."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            view = self.view()
            late = [row for row in view.rows if row.attempt and row.state is not TaskState.CANCELLED and not row.result]
            if not late or time.monotonic() > deadline:
                return view
            time.sleep(_PAUSE_SECONDS / 4)

    def cancel(self, reason: str) -> None:
        self.functions.invoke("cancel", {"run_id": self.run_id, "reason": reason})


def prepare(
    environment: Mapping[str, str],
    store: Store,
    definition: Mapping[str, Any],
    plan: Plan,
    params: Mapping[str, Any],
    folder: Path,
) -> None:
    """Create the queues and job definitions that the plan names and that are not there, and push the workflow.

    `folder` becomes the image of new job definitions. `params` are complete and checked.
    """
    requests = [job_request(plan, Attempt("local", 0, index, 1), params=params) for index in _distinct_jobs(plan)]
    create_queues(environment, [request.queue for request in requests])
    register_definitions(environment, [request.job_definition for request in requests], folder)
    store.push(plan.workflow, definition, plan, time.time_ns() // 1_000_000)


def start(store: Store, functions: Functions, plan: Plan, params: Mapping[str, Any]) -> LocalRun:
    """Start a run of a pushed workflow through the app's own function."""
    started = functions.invoke("start", {"workflow": plan.workflow, "params": dict(params)})
    return LocalRun(started["run_id"], plan, store, functions)


def put_file(environment: Mapping[str, str], key: str, path: Path) -> None:
    """Put a file into the local bucket."""
    client("s3", environment).upload_file(str(path), environment["BATCHWRIGHT_BUCKET"], key)


def _distinct_jobs(plan: Plan) -> list[int]:
    """One task index for each pair of queue and job definition as they are written."""
    found: dict[tuple[str, str], int] = {}
    for index, task in enumerate(plan.tasks):
        found.setdefault((task.job.queue, task.job.job_definition), index)
    return list(found.values())
