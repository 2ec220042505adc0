"""Moves jobs from state to state, and tells of every move.

Owns: what happens at submission, when a dependency is met, when an attempt ends, and on cancel and terminate. It is
the only module that calls `Job.move`. Does not own processes (attempts.py), lines (scheduler.py) or documents
(documents.py).
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable

from batchwright.local.batch import dependencies
from batchwright.local.batch.attempts import OVERRIDES_TOO_LONG, AttemptRunner, new_task
from batchwright.local.batch.jobs import (
    FAILED,
    PENDING,
    RUNNABLE,
    RUNNING,
    STARTED,
    STARTING,
    SUBMITTED,
    SUCCEEDED,
    Attempt,
    Ending,
    Job,
)
from batchwright.local.batch.retry import is_retried
from batchwright.local.batch.scheduler import Scheduler

DEPENDENCY_FAILED = "Dependent Job failed"
CHILD_FAILED = "Array Child Job failed"

CANCELLED = "cancelled"
TERMINATED = "terminated"


class Lifecycle:
    """`tell(job)` is called after every change of state but SUBMITTED, `blocked(job)` when a job fits nowhere."""

    def __init__(
        self,
        scheduler: Scheduler,
        runner: AttemptRunner,
        tell: Callable[[Job], None],
        blocked: Callable[[Job], None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._scheduler = scheduler
        self._runner = runner
        self._tell = tell
        self._blocked = blocked
        self._clock_ms = clock_ms
        self._to_start: asyncio.Queue[Job] = asyncio.Queue()
        self._step_is_due = False
        self._settling: deque[Job] = deque()
        self._is_settling = False

    async def start_jobs(self) -> None:
        """Start what the scheduler chose, one at a time, so that requests are answered in between. Never returns."""
        while True:
            job = await self._to_start.get()
            try:
                await self._start_or_end(job)
            except Exception:
                # A defect of this server: the other jobs must not wait for ever because of one.
                traceback.print_exc()
            await asyncio.sleep(0)

    def submit(self, job: Job, find_job: dependencies.FindJob) -> None:
        """Take a new job on its way. The caller has checked it and stored it."""
        doomed = dependencies.register(job, find_job)
        if job.is_array or job.unmet:
            self._move(job, PENDING)
        for child in job.children or ():
            if child.unmet:
                self._move(child, PENDING)
        for waiter in doomed:
            self._doom(waiter)
        for ready in job.children or [job]:
            if not ready.unmet and not ready.has_ended:
                self._make_runnable(ready)
        self._settle()

    def cancel(self, job: Job, reason: str) -> None:
        """CancelJob: what has not started ends; a waiting job ends once its dependencies have; the rest runs on."""
        self._end_by_request(job, Ending(CANCELLED, reason))

    def terminate(self, job: Job, reason: str) -> None:
        """TerminateJob: whatever it does, it ends."""
        self._end_by_request(job, Ending(TERMINATED, reason))

    def reschedule(self) -> None:
        """Capacity or queues changed: look who may start, once this turn of the event loop is over."""
        if not self._step_is_due:
            self._step_is_due = True
            asyncio.get_running_loop().call_soon(self._step)

    def running(self, job: Job, started_at_ms: int) -> None:
        """The attempt's process runs."""
        job.started_at_ms = started_at_ms
        self._move(job, RUNNING)

    def ended(self, job: Job, attempt: Attempt) -> None:
        """The attempt is over: the job is done, or tried again."""
        job.attempts.append(attempt)
        status_reason = attempt.status_reason
        if attempt.exit_code == 0 and job.ending is None:
            self._end(job, SUCCEEDED, status_reason)
        elif job.ending is None and self._is_tried_again(job, attempt):
            self._scheduler.release(job)
            job.status_reason = status_reason
            job.started_at_ms = job.task_id = job.log_stream = None
            self._move(job, RUNNABLE)
            self._scheduler.add(job, to_front=True)
            self.reschedule()
        else:
            self._end(job, FAILED, status_reason)

    async def _start_or_end(self, job: Job) -> None:
        if job.ending is None:
            attempt = await self._runner.prepare(job, self)
            if job.ending is None:
                self._runner.start(job, attempt)
                return
            attempt.discard()
        # It was terminated between STARTING and now.
        self._end(job, FAILED, job.ending.reason)

    def _is_tried_again(self, job: Job, attempt: Attempt) -> bool:
        if attempt.status_reason == OVERRIDES_TOO_LONG:
            return False
        return is_retried(
            job.spec.retry, len(job.attempts), attempt.exit_code, attempt.reason or "", attempt.status_reason
        )

    def _step(self) -> None:
        self._step_is_due = False
        starting, set_aside = self._scheduler.start_what_fits()
        for job in starting:
            new_task(job)
            job.status_reason = None
            self._move(job, STARTING)
            self._to_start.put_nowait(job)
        for job in set_aside:
            self._blocked(job)

    def _make_runnable(self, job: Job) -> None:
        if job.ending is not None:  # cancelled while it waited for its dependencies
            self._end(job, FAILED, job.ending.reason)
            return
        self._move(job, RUNNABLE)
        self._scheduler.add(job)
        self.reschedule()

    def _end_by_request(self, job: Job, ending: Ending) -> None:
        if job.has_ended or job.ending is not None:
            return
        if job.children is not None:
            job.ending = ending
            for child in job.children:
                self._end_one_by_request(child, ending)
        else:
            self._end_one_by_request(job, ending)
        self._settle()

    def _end_one_by_request(self, job: Job, ending: Ending) -> None:
        if job.has_ended or job.ending is not None:
            return
        if job.status in STARTED:
            if ending.kind == TERMINATED:
                job.ending = ending
                self._runner.end_early(job, ending)
        elif job.status == PENDING and ending.kind == CANCELLED:
            job.ending = ending  # carried out when its dependencies have ended
        else:
            job.ending = ending
            self._end(job, FAILED, ending.reason)

    def _end(self, job: Job, status: str, status_reason: str | None) -> None:
        if job.compute_environment:
            self._scheduler.release(job)
            self.reschedule()
        if job.ending is not None and status_reason == job.ending.reason:
            job.is_cancelled = job.ending.kind == CANCELLED
            job.is_terminated = job.ending.kind == TERMINATED
        job.status_reason = status_reason
        if job.is_array:
            job.stopped_at_ms = self._clock_ms()
        elif job.attempts:
            job.stopped_at_ms = job.attempts[-1].stopped_at_ms
        self._move(job, status)
        self._settling.append(job)
        self._settle()

    def _settle(self) -> None:
        """Tell those who depend on what ended. A loop, not a recursion: chains may be 10,000 long."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while self._settling:
                self._tell_waiters(self._settling.popleft())
        finally:
            self._is_settling = False

    def _tell_waiters(self, job: Job) -> None:
        waiters, job.dependents = job.dependents, []
        for waiter in waiters:
            if job.status == FAILED:
                self._doom(waiter)
                continue
            for ready in dependencies.met(waiter):
                if not ready.has_ended:
                    self._make_runnable(ready)
        if job.parent is not None:
            self._look_at_array(job.parent)

    def _doom(self, waiter: Job) -> None:
        for job in waiter.children or [waiter]:
            if job.status in (SUBMITTED, PENDING):
                self._end(job, FAILED, DEPENDENCY_FAILED)

    def _look_at_array(self, parent: Job) -> None:
        summary = parent.summary
        assert summary is not None and parent.children is not None
        if parent.has_ended or summary[SUCCEEDED] + summary[FAILED] < len(parent.children):
            return
        if not summary[FAILED]:
            self._end(parent, SUCCEEDED, None)
        elif parent.ending is not None:
            self._end(parent, FAILED, parent.ending.reason)
        elif parent.unmet:
            self._end(parent, FAILED, DEPENDENCY_FAILED)
        else:
            self._end(parent, FAILED, CHILD_FAILED)

    def _move(self, job: Job, status: str) -> None:
        job.move(status, self._clock_ms())
        self._tell(job)
