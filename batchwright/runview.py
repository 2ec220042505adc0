"""A run as a person wants to see it: one row a task, from the table's records and tallies.

Reads only. What it shows is as old as its reads; nothing is decided by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.core.plan import Plan, offset_of
from chalicelib.core.records import JobResult, Run, Tally, TaskRecord
from chalicelib.core.retry import attempts_allowed
from chalicelib.core.states import TaskState
from chalicelib.ports import Store


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task of a run: its state, its attempt (0 before the first), and its times in milliseconds.

    `attempts_allowed` is how many there will be at most if it goes on to fail as it did last.

    An array's `started_at_ms` is when it was claimed, for its parent job never runs; `children_ended` of `children`
    is known while somebody asks Batch for it.
    """

    index: int
    name: str
    state: TaskState
    attempt: int = 0
    attempts_allowed: int = 1
    job_id: str | None = None
    claimed_at_ms: int | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    retry_at_ms: int | None = None
    result: JobResult | None = None
    past: tuple[JobResult, ...] = ()
    is_array: bool = False
    children: int | None = None
    children_ended: int | None = None

    @property
    def last_result(self) -> JobResult | None:
        """How its latest ended attempt ended."""
        return self.result or (self.past[-1] if self.past else None)

    def duration_ms(self, now_ms: int) -> int | None:
        """How long its current or last attempt ran; None before it started, and when nobody told its end."""
        if self.started_at_ms is None or (self.stopped_at_ms is None and self.state.ended):
            return None
        end_ms = self.stopped_at_ms if self.stopped_at_ms is not None else now_ms
        return max(0, end_ms - self.started_at_ms)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run and its tasks, ascending by index."""

    run: Run
    rows: tuple[TaskRow, ...]

    def counts(self) -> Counter[TaskState]:
        return Counter(row.state for row in self.rows)

    def with_state(self, *states: TaskState) -> list[TaskRow]:
        return [row for row in self.rows if row.state in states]


def view_run(store: Store, run: Run, plan: Plan) -> RunView:
    """Read the whole run: one query and one read a shard."""
    rows: list[TaskRow] = []
    for shard in range(plan.shard_count):
        tally = store.read_tally(run.run_id, run.epoch, shard)
        records = {record.attempt.index: record for record in store.tasks(run.run_id, run.epoch, shard)}
        first = len(rows)
        rows += [_row(plan, index, records.get(index), tally) for index in range(first, first + plan.shard_size(shard))]
    return RunView(run, tuple(rows))


def _row(plan: Plan, index: int, record: TaskRecord | None, tally: Tally) -> TaskRow:
    task = plan.tasks[index]
    # The tally is written first and the record last, so of the two the tally knows more about endings.
    ended = tally.ending_of(offset_of(index))
    if record is None:
        return TaskRow(index, task.name, ended or TaskState.WAITING, attempts_allowed=attempts_allowed(task.retry, ()))
    result = record.result
    failures = (*record.past, result) if result and not result.succeeded else record.past
    waits = record.state is TaskState.WAITING and ended is None
    # While it waits for its next attempt, the one to tell of is the last.
    told = record.past[-1] if waits and record.past else result
    is_array = task.job.array_size is not None
    started_at_ms = (told.started_at_ms if told else None) or record.started_at_ms
    if started_at_ms is None and is_array:
        started_at_ms = record.claimed_at_ms
    return TaskRow(
        index=index,
        name=task.name,
        state=ended or record.state,
        attempt=record.attempt.number,
        attempts_allowed=attempts_allowed(task.retry, failures),
        job_id=record.job_id,
        claimed_at_ms=record.claimed_at_ms,
        started_at_ms=started_at_ms,
        stopped_at_ms=told.stopped_at_ms if told else None,
        retry_at_ms=record.retry_at_ms if waits else None,
        result=result,
        past=record.past,
        is_array=is_array,
    )


def with_children(view: RunView, jobs: Iterable[Mapping[str, Any]]) -> RunView:
    """The view with how far its arrays are, from their jobs as DescribeJobs tells them."""
    arrays = {job["jobId"]: job.get("arrayProperties", {}) for job in jobs}
    rows = []
    for row in view.rows:
        if array := arrays.get(row.job_id):
            summary = array.get("statusSummary", {})
            ended = summary.get("SUCCEEDED", 0) + summary.get("FAILED", 0)
            row = replace(row, children=array.get("size"), children_ended=ended)
        rows.append(row)
    return RunView(view.run, tuple(rows))


def changed(before: Sequence[TaskRow], after: Sequence[TaskRow]) -> list[TaskRow]:
    """The rows of `after` whose state or attempt is another than in `before`."""
    known = {row.index: (row.state, row.attempt) for row in before}
    return [row for row in after if known.get(row.index, (TaskState.WAITING, 0)) != (row.state, row.attempt)]
