"""The API in process: what the jobs of a run wrote.

Owns which log stream an attempt has: its result names it once it has ended; before, and for an array's children, Batch
is asked. The page of a log holds no stream's name, so it leads nowhere but to what its run may show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.inprocess.run_view import RunLook
from chalicelib.api.inprocess.runs import index_of_task
from chalicelib.api.to_models import failed_children_model
from chalicelib.core.batch.document import main_node_id, stream_of
from chalicelib.core.batch.tries import read_tries
from chalicelib.core.cursors import COUNT, TOKEN, or_nothing, page_of, place_in
from chalicelib.core.errors import UnknownTask, UserMistake
from chalicelib.core.ids import is_refused_job_id
from chalicelib.core.run.causes import causes
from chalicelib.core.run.no_log import cause_words, no_log_sentence
from chalicelib.ports.services import Batch, LogLines, Logs

LINES_A_PAGE = 10_000
_PLACE = {"epoch": COUNT, "attempt": or_nothing(COUNT), "token": or_nothing(TOKEN)}
_LATE_MS = 5_000
"""A log's last lines may arrive this long after their job's end was told."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An attempt's log stream; None while there is none. `is_over`: nothing more will be written to it."""

    name: str | None
    is_over: bool


def check_log_limits(limit: int, tail: int | None) -> None:
    """Raises UserMistake when so many lines, or the last so many, are not for the asking."""
    check_limit(limit, LINES_A_PAGE)
    if tail is not None and not 1 <= tail <= LINES_A_PAGE:
        raise UserMistake(f"tail must be 1 to {LINES_A_PAGE:,}, not {tail}")


def read_stream(logs: Logs, stream: Stream, limit: int, tail: int | None, token: str | None) -> tuple[LogLines, bool]:
    """The lines behind a token, or the last ones; and whether more may follow."""
    told = LogLines((), token)
    if stream.name is not None:
        told = logs.read(stream.name, limit, token=token) if tail is None else logs.tail(stream.name, tail)
    at_the_end = not told.lines and told.token == token
    return told, not (stream.is_over and at_the_end)


def log_page(told: LogLines, following: str | None) -> m.LogPage:
    return m.LogPage(items=[m.LogLine(at_ms=line.at_ms, text=line.text) for line in told.lines], next=following)


def is_long_ago(stopped_at_ms: int | None, now_ms: int) -> bool:
    """Whether nothing more comes of what was written until then; also when nobody knows when it was."""
    return stopped_at_ms is None or stopped_at_ms + _LATE_MS < now_ms


class DirectLogs(Part):
    """What the protocol says of logs."""

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        epoch: int | None = None,
        attempt: int | None = None,
        job_try: int | None = None,
        child: int | None = None,
        tail: int | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.LogPage:
        check_log_limits(limit, tail)
        of_list: tuple[str | int | None, ...] = ("logs", run_id, task, child)
        if job_try is not None:
            of_list += ("try", job_try)
        token = None
        if page is not None:
            place = place_in(of_list, page, _PLACE)
            # The attempt that the log is of, also when another one followed since.
            epoch, attempt, token = place["epoch"], place["attempt"], place["token"]
        look = RunLook(self._ground.store, self._ground.run(run_id, epoch))
        known = look.task(index_of_task(look, task))
        number = _attempt_of(known, attempt)
        stream = self._stream(known, number, child, job_try)
        told, goes_on = read_stream(self._ground.logs, stream, limit, None if page else tail, token)
        place = {"epoch": look.run.epoch, "attempt": number or None, "token": told.token}
        found = log_page(told, page_of(of_list, place) if goes_on else None)
        if found.items or page is not None:
            return found
        sentence = no_log_sentence(
            known,
            attempt=attempt,
            job_try=job_try,
            child=child,
            failed_child=self._failed_child(known, number, child),
            cause=lambda: _cause_of(look, known),
        )
        return found.model_copy(update={"nothing_because": sentence})

    def _failed_child(self, task: m.Task, number: int, child: int | None) -> m.FailedChild | None:
        """How that child of the attempt's array failed, as far as Batch still tells it."""
        if child is None or not 0 < number <= len(task.attempts):
            return None
        job_id = f"{task.attempts[number - 1].job_id}:{child}"
        job = self._ground.world.batch.describe([job_id]).get(job_id)
        failed = [job] if job is not None and job.get("status") == "FAILED" else []
        return next(iter(failed_children_model(failed)), None)

    def _stream(self, task: m.Task, number: int, child: int | None, job_try: int | None) -> Stream:
        if task.children is None and child is not None:
            raise UnknownTask(f"task '{task.name}' is no array; it has no child {child}")
        if task.children is not None and child is None:
            raise UserMistake(
                f"task '{task.name}' is an array of jobs, each with a log: say of which child, from 0 to "
                f"{task.children - 1:,} (--child N)"
            )
        if child is not None and job_try is not None:
            raise UserMistake("of a child of an array the last try alone is told: leave try out")
        if number == 0:
            _check_try(task, number, job_try, 0)
            return Stream(None, task.state.ended)
        if number > len(task.attempts):
            if job_try is not None:
                return self._of_a_try(task, number, job_try)
            return self._of_a_job(task.job_id, child, task.state.ended)
        result = task.attempts[number - 1]
        is_over = self._long_ago(result.stopped_at_ms)
        if job_try is not None:
            _check_try(task, number, job_try, len(result.tries) or 1)
            return Stream(result.tries[job_try - 1].log_stream if result.tries else result.log_stream, is_over)
        if child is None and (result.log_stream is not None or result.started_at_ms is None):
            return Stream(result.log_stream, is_over)
        found = self._of_a_job(result.job_id, child, is_over)
        return Stream(found.name, is_over)

    def _of_a_try(self, task: m.Task, number: int, job_try: int) -> Stream:
        """The log stream of a try of a job under way: Batch tells it, and that of the try that runs comes last."""
        job_id = task.job_id
        job = None if job_id is None else self._ground.world.batch.describe([job_id]).get(job_id)
        tries = read_tries(job or {})
        _check_try(task, number, job_try, len(tries) + 1)
        if job_try <= len(tries):
            return Stream(tries[job_try - 1].log_stream, is_over=True)
        name = stream_of(job or {})
        return Stream(None if name in {one.log_stream for one in tries} else name, task.state.ended)

    def _of_a_job(self, job_id: str | None, child: int | None, is_over: bool) -> Stream:
        if job_id is None or is_refused_job_id(job_id):
            return Stream(None, is_over)
        named = job_id if child is None else f"{job_id}:{child}"
        job = self._ground.world.batch.describe([named]).get(named)
        if job is None:
            if child is not None:
                raise UnknownTask(
                    f"Batch knows no child {child} of job {job_id}; some days after its end it forgets one"
                )
            return Stream(None, is_over)
        ended = job.get("status") in ("SUCCEEDED", "FAILED") and self._long_ago(job.get("stoppedAt"))
        return Stream(stream_in_batch(self._ground.world.batch, job), is_over or ended)

    def _long_ago(self, stopped_at_ms: int | None) -> bool:
        return is_long_ago(stopped_at_ms, self._ground.world.clock.now_ms())


def _cause_of(look: RunLook, task: m.Task) -> str | None:
    """The failure that took the task along."""
    tasks = look.all_tasks()
    found = causes(tasks).get(task.index)
    return None if found is None else cause_words(tasks[found.place].name, found.others)


def _attempt_of(task: m.Task, attempt: int | None) -> int:
    """The number of the attempt that is meant; 0 for the last one of a task that has had none."""
    if attempt is not None and not 1 <= attempt <= task.attempt:
        raise UnknownTask(f"task '{task.name}' has had {task.attempt or 'no'} attempts; there is no attempt {attempt}")
    return task.attempt if attempt is None else attempt


def _check_try(task: m.Task, number: int, job_try: int | None, tries: int) -> None:
    if job_try is not None and not 1 <= job_try <= tries:
        raise UnknownTask(
            f"attempt {number} of task '{task.name}' has had {tries or 'no'} {'try' if tries == 1 else 'tries'} inside "
            f"AWS Batch; there is no try {job_try}"
        )


def stream_in_batch(batch: Batch, job: Mapping[str, Any]) -> str | None:
    """The log stream of a job as DescribeJobs tells it: of its try under way, else of the last one. Of a job of several
    nodes it is the main node's, which has a job of its own."""
    stream, node_id = stream_of(job), main_node_id(job)
    if stream is not None or node_id is None:
        return stream
    node = batch.describe([node_id]).get(node_id)
    return stream_of(node) if node is not None else None
