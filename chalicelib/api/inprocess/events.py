"""The API in process: what happened in a run, told from its records.

Nothing is logged for it, so it knows what the records keep: of attempts before the last not when they were claimed, of
tasks that were skipped or cancelled before a job no time, of a redrive before the last one the first sign of life
after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.inprocess.run_view import RunLook
from chalicelib.api.models import EventKind
from chalicelib.core.cursors import NUMBER, list_of, page_of, place_in
from chalicelib.core.run.records import Run, in_epoch
from chalicelib.core.run.task_view import signs_of_life
from chalicelib.core.states import TaskState
from chalicelib.engine.publishing.present_notice import present_notice
from chalicelib.ports.store import Store

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
_PLACE = {"after": list_of(NUMBER, 5)}


@dataclass(frozen=True, slots=True)
class _Told:
    """An event with its place in the list: time, epoch, kind, task, attempt."""

    key: _Key
    event: m.Event


class DirectEvents(Part):
    """The events of a run, and the notice that its records give."""

    def run_notice(self, run_id: str) -> m.RunNotice:
        run = self._ground.run(run_id)
        notice = present_notice(self._ground.world, run)
        return m.RunNotice(document=notice.document(), places=list(run.notify.places(notice.kind)))

    def events(self, run_id: str, *, limit: int = 1000, page: str | None = None) -> m.Page[m.Event]:
        check_limit(limit, EVENTS_A_PAGE)
        of_list = ("events", run_id)
        after: _Key | None = None if page is None else tuple(place_in(of_list, page, _PLACE)["after"])
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
        signs_ms: list[int] = []
        for shard in range(look.plan.shard_count):
            for task in look.tasks(shard):
                if task.kept:
                    continue
                if epoch:
                    signs_ms += signs_of_life(task)
                yield from _of_task(task, epoch)
        if epoch:
            ended_before_ms = run.past[epoch - 1].ended_at_ms
            at_ms = then.redriven_at_ms or min(signs_ms, default=ended_before_ms or run.created_at_ms)
            yield _told(EventKind.RUN_REDRIVEN, at_ms, epoch, f"run redriven, version {then.version}")
        if then.ended_at_ms is not None:
            yield _told(EventKind.RUN_ENDED, then.ended_at_ms, epoch, f"run {then.state}")


def _of_task(task: m.Task, epoch: int) -> Iterator[_Told]:
    if task.claimed_at_ms is not None and task.attempt:
        text = f"attempt {task.attempt} of {task.attempts_allowed} claimed"
        yield _told(EventKind.TASK_CLAIMED, task.claimed_at_ms, epoch, text, task, task.attempt)
    for number, result in enumerate(task.attempts, 1):
        if result.started_at_ms is not None:
            text = f"attempt {number} started"
            yield _told(EventKind.ATTEMPT_STARTED, result.started_at_ms, epoch, text, task, number, result.job_id)
        if result.stopped_at_ms is not None:
            text = f"attempt {number} {_how(result)}"
            yield _told(EventKind.ATTEMPT_ENDED, result.stopped_at_ms, epoch, text, task, number, result.job_id)
    under_way = task.attempt > len(task.attempts) and task.state is TaskState.RUNNING
    if under_way and task.started_at_ms is not None:
        text = f"attempt {task.attempt} started"
        yield _told(EventKind.ATTEMPT_STARTED, task.started_at_ms, epoch, text, task, task.attempt, task.job_id)
    if task.retry_at_ms is not None:
        text = f"attempt {task.attempt + 1} is due"
        yield _told(EventKind.RETRY_DUE, task.retry_at_ms, epoch, text, task, task.attempt + 1)
    if task.state.ended and task.stopped_at_ms is not None:
        yield _told(EventKind.TASK_ENDED, task.stopped_at_ms, epoch, task.state.value, task, task.attempt, task.job_id)


def _how(attempt: m.Attempt) -> str:
    if attempt.succeeded:
        return "succeeded"
    code = "" if attempt.exit_code is None else f"exit code {attempt.exit_code}"
    details = ", ".join(filter(None, (attempt.failure and attempt.failure.value, code, attempt.reason)))
    return f"failed: {details}" if details else "failed"


def _told(
    kind: EventKind,
    at_ms: int,
    epoch: int,
    text: str,
    task: m.Task | None = None,
    attempt: int | None = None,
    job_id: str | None = None,
) -> _Told:
    key = (at_ms, epoch, _KINDS.index(kind), -1 if task is None else task.index, attempt or 0)
    said = text if task is None else f"{task.name}: {text}"
    name = None if task is None else task.name
    event = m.Event(at_ms=at_ms, kind=kind, epoch=epoch, task=name, attempt=attempt or None, job_id=job_id, text=said)
    return _Told(key, event)
