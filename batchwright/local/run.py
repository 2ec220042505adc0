"""One run on a local AWS: what it needs is created, the app's own functions start it, and it is followed to its end.

Owns the following and the cancelling. The display is progress.py's, the engine runs in the local AWS's worker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batchwright.interrupts import Interrupts
from batchwright.local.functions import Functions
from batchwright.local.isolation import client
from batchwright.local.queues import create_queues, definition_for, max_vcpus
from batchwright.progress import Progress
from batchwright.runview import RunView, view_run, with_children
from chalicelib.core.errors import UnknownRun, UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.job import job_request
from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.plan import Plan
from chalicelib.core.records import JobResult
from chalicelib.core.states import TaskState
from chalicelib.ports import Store

_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
_SILENCE_SECONDS = 5.0
_TASK = "${task."
_VARYING = ("${run.", "${task.attempt}")
"""What is not known before the run, or changes in it."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A workflow as it was pushed for a run: its version, and its plan with the job definitions as they are here."""

    version: int
    plan: Plan


@dataclass(frozen=True)
class LocalRun:
    """A run that was started on a local AWS. `batch` is a client of its Batch."""

    run_id: str
    plan: Plan
    store: Store
    functions: Functions
    batch: Any = None

    def view(self) -> RunView:
        run = self.store.run(self.run_id)
        if run is None:
            raise UnknownRun(f"there is no run '{self.run_id}'")
        view = view_run(self.store, run, self.plan)
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

        The display reads the table; the run itself needs nobody to look. `still_there` raises when the local AWS is
        gone. When nothing has changed for a while, the display is told what was lost.
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
            if interrupts.wait(max(_PAUSE_SECONDS, 4 * (time.process_time() - work_seconds))):
                return view

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

    def _array_jobs(self, view: RunView) -> list[dict[str, Any]]:
        """The array jobs under way, as Batch tells them; the engine has no need of their children's states."""
        ids = [row.job_id for row in view.rows if row.job_id and row.is_array and not row.state.ended]
        return self._described(ids)

    def _lost(self, view: RunView) -> list[str]:
        """The tasks that the run takes for alive though their jobs have ended: the events of that were lost."""
        alive = [row for row in view.rows if not row.state.ended and row.state is not TaskState.WAITING]
        open_tasks = {row.job_id: row.name for row in alive if row.job_id}
        ended = [job["jobId"] for job in self._described(list(open_tasks)) if job["status"] in ("SUCCEEDED", "FAILED")]
        return [open_tasks[job_id] for job_id in ended]

    def _described(self, ids: list[str]) -> list[dict[str, Any]]:
        """As much as one call gives: a display shows no more."""
        if self.batch is None or not ids:
            return []
        jobs: list[dict[str, Any]] = self.batch.describe_jobs(jobs=ids[:DESCRIBE_IDS])["jobs"]
        return jobs


def prepare(
    environment: Mapping[str, str],
    store: Store,
    definition: Mapping[str, Any],
    plan: Plan,
    params: Mapping[str, Any],
    folder: Path,
) -> Pushed:
    """Create the queues and job definitions that the plan names and that are not there, and push the workflow.

    `folder` becomes the image of new job definitions. `params` are complete and checked.
    """
    wanted: dict[tuple[str, str, int], int] = {}
    for index in range(len(plan.tasks)):
        wanted.setdefault(_place(plan, index), index)
    names: dict[tuple[str, str, int], tuple[str, str]] = {}
    for place, index in wanted.items():
        request = job_request(plan, Attempt("local", 0, index, 1), params=params)
        names[place] = (request.queue, request.job_definition)
    _check_capacity(environment, plan, params)
    create_queues(environment, [*(queue for queue, _ in names.values()), *_retry_queues(plan, params)])
    made = {name: definition_for(environment, name, folder) for name in {name for _, name in names.values()}}
    tasks = [
        task
        if any(varies in task.job.job_definition for varies in _VARYING)
        else replace(task, job=replace(task.job, job_definition=made[names[_place(plan, index)][1]]))
        for index, task in enumerate(plan.tasks)
    ]
    pinned = replace(plan, tasks=tuple(tasks))
    version = store.push(plan.workflow, definition, pinned, time.time_ns() // 1_000_000)
    return Pushed(version.version, pinned)


def _retry_queues(plan: Plan, params: Mapping[str, Any]) -> list[str]:
    """The queues that a failure may send a task's next attempt to."""
    wanted: dict[tuple[str, int], tuple[int, FailureClass]] = {}
    for index, task in enumerate(plan.tasks):
        for one in task.retry.on:
            if one.queue is not None:
                wanted.setdefault((one.queue, index if _TASK in one.queue else -1), (index, one.failure))
    found = []
    for index, failure in wanted.values():
        failed = JobResult("", succeeded=False, failure=failure)
        found.append(job_request(plan, Attempt("local", 0, index, 2), params=params, past=(failed,)).queue)
    return found


def _check_capacity(environment: Mapping[str, str], plan: Plan, params: Mapping[str, Any]) -> None:
    """Raises UserMistake for the first task that wants more vCPUs than there are: its job would wait for ever."""
    there_are = max_vcpus(environment)
    for index, task in enumerate(plan.tasks):
        wanted = task.job.vcpus
        if isinstance(wanted, str):
            wanted = job_request(plan, Attempt("local", 0, index, 1), params=params).vcpus
        if wanted is not None and wanted > there_are:
            raise UserMistake(
                f"task '{task.name}' wants {wanted:g} vCPUs, and the local AWS has {there_are}; "
                f"start it with --vcpus={math.ceil(wanted)}"
            )


def start(
    store: Store,
    functions: Functions,
    plan: Plan,
    params: Mapping[str, Any],
    version: int | None = None,
    batch: Any = None,
) -> LocalRun:
    """Start a run of a pushed workflow through the app's own function."""
    started = functions.invoke("start", {"workflow": plan.workflow, "params": dict(params), "version": version})
    return LocalRun(started["run_id"], plan, store, functions, batch)


def put_file(environment: Mapping[str, str], key: str, path: Path) -> None:
    """Put a file into the local bucket."""
    client("s3", environment).upload_file(str(path), environment["BATCHWRIGHT_BUCKET"], key)


def _place(plan: Plan, index: int) -> tuple[str, str, int]:
    """What decides a task's queue and job definition: both as written, and the task if its name is part of them."""
    job = plan.tasks[index].job
    return job.queue, job.job_definition, index if _TASK in job.queue + job.job_definition else -1
