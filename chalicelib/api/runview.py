"""A run as a person wants to see it: one row a task, from the table's records and tallies.

Reads only. What it shows is as old as its reads; nothing is decided by it. Of a task whose ending a redrive kept, it
shows the attempts of the epoch in which the task last ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.core.limits import SHARD_SIZE
from chalicelib.core.plan import Plan, offset_of, shard_of
from chalicelib.core.records import RELEASED, JobResult, Run, TaskRecord, in_epoch
from chalicelib.core.retry import attempts_allowed
from chalicelib.core.states import TaskState
from chalicelib.ports import Store


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task of a run: its state, its attempt (0 before the first), and its times in milliseconds.

    `attempts_allowed` is how many there will be at most if it goes on to fail as it did last.

    An array's `started_at_ms` is when it was claimed, for its parent job never runs; `children_ended` of `children`
    is known while somebody asks Batch for it.

    `kept_from` is the epoch of the run that its attempts belong to, if a redrive kept its ending. `second_jobs` are
    jobs that were ended because their attempt had one already.
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
    kept_from: int | None = None
    second_jobs: tuple[str, ...] = ()

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


def view_run(store: Store, run: Run) -> RunView:
    """Read the whole run as it is in its epoch."""
    look = RunLook(store, run)
    return RunView(run, tuple(row for shard in range(look.plan.shard_count) for row in look.rows(shard)))


class RunLook:
    """A run in one of its epochs, looked at shard by shard."""

    def __init__(self, store: Store, run: Run) -> None:
        self.run = run
        self.plan = store.plan(run.plan_digest)
        self._store = store
        self._earlier = _Earlier(store, run)

    def rows(self, shard: int, state: TaskState | None = None) -> list[TaskRow]:
        """The rows of a shard's tasks (in that state): one query and one read. Of a redriven run, also one query for
        each shard of earlier epochs that kept tasks ran in."""
        run, first = self.run, shard * SHARD_SIZE
        tally = self._store.read_tally(run.run_id, run.epoch, shard)
        if state is not None and state.ended and not tally.mask(state):
            return []
        records = {record.attempt.index: record for record in self._store.tasks(run.run_id, run.epoch, shard)}
        rows: list[TaskRow] = []
        for index in range(first, first + self.plan.shard_size(shard)):
            # The tally is written first and the record last, so of the two the tally knows more about endings.
            rows.append(self._row(index, records.get(index), tally.ending_of(offset_of(index))))
        return [row for row in rows if state in (None, row.state)]

    def row(self, index: int) -> TaskRow:
        """The row of one task."""
        run = self.run
        tally = self._store.read_tally(run.run_id, run.epoch, shard_of(index))
        record = self._store.task(run.run_id, run.epoch, index)
        return self._row(index, record, tally.ending_of(offset_of(index)))

    def _row(self, index: int, record: TaskRecord | None, ending: TaskState | None) -> TaskRow:
        row = _row(self.plan, index, record, ending)
        return self._earlier.kept(row, ending) if record is None and ending else row


class _Earlier:
    """The epochs of a run before the one that is looked at; each of their shards is read at most once."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store = store
        self._run = run
        self._read: dict[tuple[int, int], dict[int, TaskRecord]] = {}

    def kept(self, row: TaskRow, ending: TaskState) -> TaskRow:
        """The row with the attempts that led to its ending, if they are an earlier epoch's; else as it is."""
        for epoch in reversed(range(self._run.epoch)):
            plan = self._store.plan(in_epoch(self._run, epoch).plan_digest)
            index = plan.index_of.get(row.name)
            record = None if index is None else self._records(epoch, shard_of(index)).get(index)
            if index is None or record is None:
                continue
            # What ran and then, in a later epoch, was skipped or cancelled before it started did not end by that run.
            if ending not in (TaskState.SUCCEEDED, TaskState.FAILED, record.state):
                return row
            return replace(_row(plan, index, record, ending), index=row.index, kept_from=epoch)
        return row

    def _records(self, epoch: int, shard: int) -> dict[int, TaskRecord]:
        if (epoch, shard) not in self._read:
            records = self._store.tasks(self._run.run_id, epoch, shard)
            self._read[epoch, shard] = {record.attempt.index: record for record in records}
        return self._read[epoch, shard]


def _row(plan: Plan, index: int, record: TaskRecord | None, ending: TaskState | None) -> TaskRow:
    task = plan.tasks[index]
    if record is None:
        return TaskRow(index, task.name, ending or TaskState.WAITING, attempts_allowed=attempts_allowed(task.retry, ()))
    result = record.result
    failures = (*record.past, result) if result and not result.succeeded else record.past
    waits = record.state is TaskState.WAITING and ending is None
    # While it waits for its next attempt, the one to tell of is the last.
    told = record.past[-1] if waits and record.past else result
    # A claim that was given back, as in a run that is paused, submits nothing.
    given_back = record.claim is not None and record.claim.lease_until_ms == RELEASED and record.job_id is None
    is_array = task.job.array_size is not None
    started_at_ms = (told.started_at_ms if told else None) or record.started_at_ms
    if started_at_ms is None and is_array:
        started_at_ms = record.claimed_at_ms
    return TaskRow(
        index=index,
        name=task.name,
        state=ending or (TaskState.WAITING if given_back else record.state),
        attempt=record.attempt.number - given_back,
        attempts_allowed=attempts_allowed(task.retry, failures),
        job_id=record.job_id,
        claimed_at_ms=record.claimed_at_ms,
        started_at_ms=started_at_ms,
        stopped_at_ms=told.stopped_at_ms if told else None,
        retry_at_ms=record.retry_at_ms if waits else None,
        result=result,
        past=record.past,
        is_array=is_array,
        second_jobs=tuple(sorted(record.second_jobs)),
    )


def with_children(view: RunView, jobs: Iterable[Mapping[str, Any]]) -> RunView:
    """The view with how far its arrays are, from their jobs as DescribeJobs tells them."""
    by_id = {job["jobId"]: job for job in jobs}
    return RunView(view.run, tuple(children_counted(row, by_id) for row in view.rows))


def children_counted(row: TaskRow, jobs: Mapping[str, Mapping[str, Any]]) -> TaskRow:
    """The row with how far its array is, if its job is among these, by id."""
    array = jobs.get(row.job_id or "", {}).get("arrayProperties", {})
    if not array:
        return row
    summary = array.get("statusSummary", {})
    ended = summary.get("SUCCEEDED", 0) + summary.get("FAILED", 0)
    return replace(row, children=array.get("size"), children_ended=ended)


def changed(before: Sequence[TaskRow], after: Sequence[TaskRow]) -> list[TaskRow]:
    """The rows of `after` whose state or attempt is another than in `before`."""
    known = {row.index: (row.state, row.attempt) for row in before}
    return [row for row in after if known.get(row.index, (TaskState.WAITING, 0)) != (row.state, row.attempt)]
