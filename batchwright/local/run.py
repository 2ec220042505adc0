"""What a run on a local AWS needs: queues and job definitions are created, it is pushed, the app's function starts it.

What it looks like from then on is runs/follow.py's; the engine runs in the local AWS's worker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchwright.local.functions import Functions
from batchwright.local.isolation import client
from batchwright.local.queues import create_queues, definition_for, max_vcpus
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.job_request import job_request
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.stage_values import at_stage
from chalicelib.ports.store import Store
from chalicelib.wiring import stage_values

_TASK = "${task."
_PARAM = "${params."
_VARYING = ("${run.", "${task.attempt}")
"""What is not known before the run, or changes in it."""


def prepare(
    environment: Mapping[str, str],
    store: Store,
    definition: Mapping[str, Any],
    plan: Plan,
    params: Mapping[str, Any],
    folder: Path,
    *,
    params_may_change: bool = False,
) -> int:
    """Create the queues and job definitions that the plan names and that are not there, and push the workflow with its
    job definitions as they are here; the version that it became.

    `folder` becomes the image of new job definitions. `params` are complete and checked. If runs will have others
    (`params_may_change`), a job definition that they name is left to be named.
    """
    plan = at_stage(plan, stage_values(environment, environment["BATCHWRIGHT_STAGE"]))
    varying = (*_VARYING, _PARAM) if params_may_change else _VARYING
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
        if any(varies in task.job.job_definition for varies in varying)
        else replace(task, job=replace(task.job, job_definition=made[names[_place(plan, index)][1]]))
        for index, task in enumerate(plan.tasks)
    ]
    pinned = replace(plan, tasks=tuple(tasks))
    return store.push(plan.workflow, definition, pinned, time.time_ns() // 1_000_000).version


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


def start(functions: Functions, workflow: str, params: Mapping[str, Any], version: int | None = None) -> str:
    """Start a run of a pushed workflow through the app's own function; its id."""
    started = functions.invoke("start", {"workflow": workflow, "params": dict(params), "version": version})
    run_id: str = started["run_id"]
    return run_id


def put_file(environment: Mapping[str, str], key: str, path: Path) -> None:
    """Put a file into the local bucket."""
    client("s3", environment).upload_file(str(path), environment["BATCHWRIGHT_BUCKET"], key)


def _place(plan: Plan, index: int) -> tuple[str, str, int]:
    """What decides a task's queue and job definition: both as written, and the task if its name is part of them."""
    job = plan.tasks[index].job
    return job.queue, job.job_definition, index if _TASK in job.queue + job.job_definition else -1
