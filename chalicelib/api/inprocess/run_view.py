"""A run as a caller sees it: its tasks, each from the table's record and its shard's tally.

Reads only. What it shows is as old as its reads; nothing is decided by it. Of a task whose ending a redrive kept, it
shows the attempts of the epoch in which the task last ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import models as m
from chalicelib.api.to_models import attempt_model
from chalicelib.core.ids import Attempt
from chalicelib.core.limits import SHARD_SIZE
from chalicelib.core.plan.job_request import array_size_of
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.plan.retry import attempts_allowed
from chalicelib.core.plan.task import RetryPolicy
from chalicelib.core.run.records import RELEASED, Run, TaskRecord, in_epoch
from chalicelib.core.run.requested import requested_of
from chalicelib.core.states import TaskState
from chalicelib.ports.store import Store


class RunLook:
    """A run in one of its epochs, looked at shard by shard."""

    def __init__(self, store: Store, run: Run) -> None:
        self.run = run
        self.plan = store.plan(run.plan_digest)
        self._store = store
        self._earlier = _Earlier(store, run)

    def all_tasks(self) -> list[m.Task]:
        return [task for shard in range(self.plan.shard_count) for task in self.tasks(shard)]

    def tasks(self, shard: int, state: TaskState | None = None) -> list[m.Task]:
        """A shard's tasks (in that state): one query and one read. Of a redriven run, also one query for each shard of
        earlier epochs that kept tasks ran in."""
        run, first = self.run, shard * SHARD_SIZE
        tally = self._store.read_tally(run.run_id, run.epoch, shard)
        if state is not None and state.ended and not tally.mask(state):
            return []
        records = {record.attempt.index: record for record in self._store.tasks(run.run_id, run.epoch, shard)}
        tasks: list[m.Task] = []
        for index in range(first, first + self.plan.shard_size(shard)):
            # The tally is written first and the record last, so of the two the tally knows more about endings.
            tasks.append(self._task(index, records.get(index), tally.ending_of(offset_of(index))))
        return [task for task in tasks if state in (None, task.state)]

    def task(self, index: int) -> m.Task:
        """One task."""
        run = self.run
        tally = self._store.read_tally(run.run_id, run.epoch, shard_of(index))
        record = self._store.task(run.run_id, run.epoch, index)
        return self._task(index, record, tally.ending_of(offset_of(index)))

    def _task(self, index: int, record: TaskRecord | None, ending: TaskState | None) -> m.Task:
        task = _task(self.plan, self.run, index, record, ending)
        return self._earlier.kept(task, ending) if record is None and ending else task


class _Earlier:
    """The epochs of a run before the one that is looked at; each of their shards is read at most once."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store = store
        self._run = run
        self._read: dict[tuple[int, int], dict[int, TaskRecord]] = {}

    def kept(self, task: m.Task, ending: TaskState) -> m.Task:
        """The task with the attempts that led to its ending, if they are an earlier epoch's; else as it is."""
        for epoch in reversed(range(self._run.epoch)):
            run = in_epoch(self._run, epoch)
            plan = self._store.plan(run.plan_digest)
            index = plan.index_of.get(task.name)
            record = None if index is None else self._records(epoch, shard_of(index)).get(index)
            if index is None or record is None:
                continue
            # What ran and then, in a later epoch, was skipped or cancelled before it started did not end by that run.
            if ending not in (TaskState.SUCCEEDED, TaskState.FAILED, record.state):
                return task
            then = _task(plan, run, index, record, ending)
            of_this_plan = {"index": task.index, "depends_on": task.depends_on}
            return then.model_copy(update={**of_this_plan, "allow_failure": task.allow_failure, "kept": True})
        return task

    def _records(self, epoch: int, shard: int) -> dict[int, TaskRecord]:
        if (epoch, shard) not in self._read:
            records = self._store.tasks(self._run.run_id, epoch, shard)
            self._read[epoch, shard] = {record.attempt.index: record for record in records}
        return self._read[epoch, shard]


def _task(plan: Plan, run: Run, index: int, record: TaskRecord | None, ending: TaskState | None) -> m.Task:
    planned = plan.tasks[index]
    children = _children(plan, run, index, record)
    task = m.Task(
        index=index,
        name=planned.name,
        state=ending or TaskState.WAITING,
        depends_on=[plan.tasks[parent].name for parent in plan.parents[index]],
        epoch=run.epoch,
        attempt=0,
        attempts_allowed=attempts_allowed(planned.retry, ()),
        is_array=children is not None,
        children=children,
        allow_failure=planned.allow_failure,
    )
    return task if record is None else _with_record(task, planned.retry, record, ending)


def _children(plan: Plan, run: Run, index: int, record: TaskRecord | None) -> int | None:
    """How many jobs the task's array has, or will have; None for a single job.

    What was asked of Batch stands in the record. Only a task without a record is judged by its definition.
    """
    if plan.tasks[index].job.array_size is None:
        return None
    if record is None:
        return array_size_of(plan, Attempt(run.run_id, run.epoch, index, 1), params=run.params)
    asked = requested_of(plan, record, run.params)
    return asked.array_size if asked else None


def _with_record(task: m.Task, retry: RetryPolicy, record: TaskRecord, ending: TaskState | None) -> m.Task:
    result = record.result
    failures = (*record.past, result) if result and not result.succeeded else record.past
    waits = record.state is TaskState.WAITING and ending is None
    # While it waits for its next attempt, the one to tell of is the last.
    told = record.past[-1] if waits and record.past else result
    # A claim that was given back, as in a run that is paused, submits nothing.
    given_back = record.claim is not None and record.claim.lease_until_ms == RELEASED and record.job_id is None
    started_at_ms = (told.started_at_ms if told else None) or record.started_at_ms
    if started_at_ms is None and task.is_array:
        # The parent of an array never runs.
        started_at_ms = record.claimed_at_ms
    known = {
        "state": ending or (TaskState.WAITING if given_back else record.state),
        "attempt": record.attempt.number - given_back,
        "attempts_allowed": attempts_allowed(retry, failures),
        "job_id": record.job_id,
        "job_tries": 0 if (ending or record.state).ended else record.job_tries,
        "claimed_at_ms": record.claimed_at_ms,
        "started_at_ms": started_at_ms,
        "stopped_at_ms": told.stopped_at_ms if told else None,
        "children_failed": result.failed_children if result and not result.succeeded else None,
        "retry_at_ms": record.retry_at_ms if waits else None,
        "second_jobs": sorted(record.second_jobs),
        "attempts": [attempt_model(one) for one in (*record.past, result) if one],
    }
    return task.model_copy(update=known)


def children_counted(task: m.Task, jobs: Mapping[str, Mapping[str, Any]]) -> m.Task:
    """The task with how far its array is, if its job is among these, by id, as DescribeJobs tells them."""
    array = jobs.get(task.job_id or "", {}).get("arrayProperties", {})
    if not array:
        return task
    summary = array.get("statusSummary", {})
    ended = summary.get("SUCCEEDED", 0) + summary.get("FAILED", 0)
    return task.model_copy(update={"children": array.get("size"), "children_ended": ended})
