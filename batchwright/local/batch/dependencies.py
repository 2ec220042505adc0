"""Who waits for whom: dependsOn, N_TO_N and SEQUENTIAL.

Owns the counting of unmet dependencies and what an ending means for those who waited. It changes only `unmet` and
`dependents`; moving jobs is the lifecycle's. An array waits for its plain dependencies once, at the parent, and
its children wait for the parent; so ten thousand children cost no more registrations than one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from batchwright.local.batch.errors import ClientError, refused
from batchwright.local.batch.jobs import FAILED, SUCCEEDED, Job

N_TO_N = "N_TO_N"
SEQUENTIAL = "SEQUENTIAL"

FindJob = Callable[[str], Job | None]


def check_dependencies(depends_on: Sequence[Mapping[str, str]], array_size: int | None, find_job: FindJob) -> None:
    """Refuse what Batch refuses at SubmitJob; raises ClientError."""
    for entry in depends_on:
        kind, job_id = entry.get("type"), entry.get("jobId")
        if kind is not None and array_size is None:
            raise refused(f"Dependency type {kind} is only for array jobs.")
        if kind == SEQUENTIAL and job_id is None:
            continue
        if not job_id:
            raise refused("A dependency needs a jobId, unless its type is SEQUENTIAL.")
        found = find_job(job_id)
        if found is None:
            raise refused(f"Job {job_id} in dependsOn does not exist.")
        if kind == N_TO_N:
            _check_same_size(found, array_size)


def _check_same_size(found: Job, array_size: int | None) -> None:
    size = None if found.children is None else len(found.children)
    if size != array_size:
        raise ClientError(
            f"Error executing request, Exception : N_TO_N needs two arrays of one size: {found.spec.job_id} has"
            f" {size if size is not None else 'no'} children and this job {array_size}."
        )


def register(job: Job, find_job: FindJob) -> list[Job]:
    """Count what `job` (with its children) waits for. Returns those whose dependency has failed already."""
    doomed: list[Job] = []
    for entry in job.spec.depends_on:
        kind, job_id = entry.get("type"), entry.get("jobId")
        if kind == SEQUENTIAL:
            _wait_in_sequence(job.children or [])
        if job_id is None:
            continue
        found = find_job(job_id)
        assert found is not None, "check_dependencies has seen it"
        if kind == N_TO_N and found.children is not None and job.children is not None:
            for child, counterpart in zip(job.children, found.children, strict=True):
                _wait_for(child, counterpart, doomed)
        else:
            _wait_for(job, found, doomed)
    if job.unmet:
        for child in job.children or ():
            child.unmet += 1
    return doomed


def met(waiter: Job) -> list[Job]:
    """One dependency of `waiter` succeeded. Returns the jobs that wait for nothing any more (never an array)."""
    waiter.unmet -= 1
    if waiter.unmet:
        return []
    if waiter.children is None:
        return [waiter]
    free: list[Job] = []
    for child in waiter.children:
        child.unmet -= 1
        if not child.unmet:
            free.append(child)
    return free


def _wait_in_sequence(children: Sequence[Job]) -> None:
    for before, after in itertools.pairwise(children):
        before.dependents.append(after)
        after.unmet += 1


def _wait_for(waiter: Job, found: Job, doomed: list[Job]) -> None:
    if found.status == SUCCEEDED:
        return
    waiter.unmet += 1
    if found.status == FAILED:
        doomed.append(waiter)
    else:
        found.dependents.append(waiter)
