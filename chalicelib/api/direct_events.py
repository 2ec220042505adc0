"""The API in process: what happened in a run, told from its records.

Nothing is logged for it, so it knows what the records keep: of attempts before the last not when they were claimed, of
tasks that were skipped or cancelled before a job no time, of a redrive when the first task was claimed after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.api import models as m
from chalicelib.api.ground import Part, check_limit
from chalicelib.api.models import EventKind
from chalicelib.api.runview import RunLook, TaskRow
from chalicelib.core.pages import page_of, place_in
from chalicelib.core.records import JobResult, Run, in_epoch
from chalicelib.core.states import TaskState
from chalicelib.ports import Store

EVENTS_A_PAGE = 10_000
_KINDS = (
    EventKind.RUN_STARTED,
    EventKind.RUN_REDRIVEN,
    EventKind.TASK_CLAIMED,
    EventKind.ATTEMPT_STARTED,
    EventKind.ATTEMPT_ENDED,
    EventKind.RETRY_DUE,
    EventKind.TASK_ENDED,
    EventKind.RUN_ENDED,
)
"""In the order in which they happen within one millisecond."""
_Key = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Told:
    """An event with its place in the list: time, epoch, kind, task, attempt."""

    key: _Key
    event: m.Event


class DirectEvents(Part):
    """What the protocol says of events."""

    def events(self, run_id: str, *, limit: int = 1000, page: str | None = None) -> m.Page[m.Event]:
        check_limit(limit, EVENTS_A_PAGE)
        of_list = ("events", run_id)
        after: _Key | None = None if page is None else tuple(place_in(of_list, page)["after"])
        run = self._ground.run(run_id)
        told = (one for one in _events(self._ground.store, run) if after is None or one.key > after)
        # No more than a page of a large run is in memory.
        first = heapq.nsmallest(limit + 1, told, key=lambda one: one.key)
        following = page_of(of_list, {"after": first[limit - 1].key}) if len(first) > limit else None
        return m.Page(items=[one.event for one in first[:limit]], next=following)


def _events(store: Store, run: Run) -> Iterator[_Told]:
    """The events of all epochs, in no order."""
    yield _told(EventKind.RUN_STARTED, run.created_at_ms, 0, f"run started, version {in_epoch(run, 0).version}")
    for epoch in range(run.epoch + 1):
        then = in_epoch(run, epoch)
        look = RunLook(store, then)
        first_claim_ms: int | None = None
        for shard in range(look.plan.shard_count):
            for row in look.rows(shard):
                if row.kept_from is not None:
                    continue
                if row.claimed_at_ms is not None:
                    first_claim_ms = min(row.claimed_at_ms, first_claim_ms or row.claimed_at_ms)
                yield from _of_task(row, epoch)
        if epoch:
            ended_before_ms = run.past[epoch - 1].ended_at_ms
            at_ms = first_claim_ms or ended_before_ms or run.created_at_ms
            yield _told(EventKind.RUN_REDRIVEN, at_ms, epoch, f"run redriven, version {then.version}")
        if then.ended_at_ms is not None:
            yield _told(EventKind.RUN_ENDED, then.ended_at_ms, epoch, f"run {then.state}")


def _of_task(row: TaskRow, epoch: int) -> Iterator[_Told]:
    results = [result for result in (*row.past, row.result) if result]
    if row.claimed_at_ms is not None and row.attempt:
        text = f"attempt {row.attempt} of {row.attempts_allowed} claimed"
        yield _told(EventKind.TASK_CLAIMED, row.claimed_at_ms, epoch, text, row, row.attempt)
    for number, result in enumerate(results, 1):
        if result.started_at_ms is not None:
            text = f"attempt {number} started"
            yield _told(EventKind.ATTEMPT_STARTED, result.started_at_ms, epoch, text, row, number, result.job_id)
        if result.stopped_at_ms is not None:
            text = f"attempt {number} {_how(result)}"
            yield _told(EventKind.ATTEMPT_ENDED, result.stopped_at_ms, epoch, text, row, number, result.job_id)
    under_way = row.attempt > len(results) and row.state is TaskState.RUNNING
    if under_way and row.started_at_ms is not None:
        text = f"attempt {row.attempt} started"
        yield _told(EventKind.ATTEMPT_STARTED, row.started_at_ms, epoch, text, row, row.attempt, row.job_id)
    if row.retry_at_ms is not None:
        text = f"attempt {row.attempt + 1} is due"
        yield _told(EventKind.RETRY_DUE, row.retry_at_ms, epoch, text, row, row.attempt + 1)
    if row.state.ended and row.stopped_at_ms is not None:
        yield _told(EventKind.TASK_ENDED, row.stopped_at_ms, epoch, row.state.value, row, row.attempt, row.job_id)


def _how(result: JobResult) -> str:
    if result.succeeded:
        return "succeeded"
    code = "" if result.exit_code is None else f"exit code {result.exit_code}"
    details = ", ".join(filter(None, (result.failure and result.failure.value, code, result.reason)))
    return f"failed: {details}" if details else "failed"


def _told(
    kind: EventKind,
    at_ms: int,
    epoch: int,
    text: str,
    row: TaskRow | None = None,
    attempt: int | None = None,
    job_id: str | None = None,
) -> _Told:
    key = (at_ms, epoch, _KINDS.index(kind), -1 if row is None else row.index, attempt or 0)
    said = text if row is None else f"{row.name}: {text}"
    name = None if row is None else row.name
    event = m.Event(at_ms=at_ms, kind=kind, epoch=epoch, task=name, attempt=attempt or None, job_id=job_id, text=said)
    return _Told(key, event)
