"""What the jobs of a workflow need on a local AWS before it is pushed: queues, job definitions, files in the bucket.

The push itself is the API's, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batchwright.local.isolation import client
from batchwright.local.queues import create_queues, definition_for, max_vcpus
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.params import Declaration, ParamType, complete_params
from chalicelib.core.plan.job_request import job_request
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import name_before_a_run
from chalicelib.core.plan.stage_values import at_stage
from chalicelib.wiring import stage_values

_TASK = "${task."
_SAMPLES = {
    ParamType.STRING: "x",
    ParamType.INTEGER: 2,
    ParamType.NUMBER: 1,
    ParamType.BOOLEAN: True,
    ParamType.LIST: [],
    ParamType.OBJECT: {},
}


def sample_params(declared: Mapping[str, Declaration]) -> dict[str, Any]:
    """Params that a run may have: the defaults, and a sample of what must be given."""
    given = {
        name: one.enum[0] if one.enum else _SAMPLES[one.type]
        for name, one in declared.items()
        if one.default is None and one.required
    }
    return complete_params(declared, given)


def prepare(environment: Mapping[str, str], plan: Plan, params: Mapping[str, Any], folder: Path) -> list[str]:
    """Create the queues and job definitions that the plan names and that are not there. Returns the revisions of job
    definitions to push the workflow with.

    `folder` becomes the image of new job definitions. `params` are complete and checked.
    """
    plan = at_stage(plan, stage_values(environment, environment["BATCHWRIGHT_STAGE"]))
    wanted: dict[tuple[str, str, int], int] = {}
    for index in range(len(plan.tasks)):
        wanted.setdefault(_place(plan, index), index)
    names: dict[tuple[str, str, int], tuple[str, str]] = {}
    for place, index in wanted.items():
        request = job_request(plan, Attempt("local", 0, index, 1), params=params)
        names[place] = (request.queue, request.job_definition)
    _check_capacity(environment, plan, params)
    create_queues(environment, [*(queue for queue, _ in names.values()), *_retry_queues(plan, params)])
    fixed = {
        name_before_a_run(plan.tasks[index].job.job_definition, plan.tasks[index].name) for index in wanted.values()
    }
    # What a push cannot fix is submitted by its name, which means the newest revision.
    made = {
        name: definition_for(environment, name, folder, newest=name not in fixed)
        for name in {name for _, name in names.values()}
    }
    return sorted(revision for name, revision in made.items() if revision != name)


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


def put_file(environment: Mapping[str, str], key: str, path: Path) -> None:
    """Put a file into the local bucket."""
    client("s3", environment).upload_file(str(path), environment["BATCHWRIGHT_BUCKET"], key)


def _place(plan: Plan, index: int) -> tuple[str, str, int]:
    """What decides a task's queue and job definition: both as written, and the task if its name is part of them."""
    job = plan.tasks[index].job
    return job.queue, job.job_definition, index if _TASK in job.queue + job.job_definition else -1
