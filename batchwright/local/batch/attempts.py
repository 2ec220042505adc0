"""Runs one attempt of a job: folder, environment, process, log, time-out, memory limit.

Owns: an attempt from STARTING to its result. Does not own states, retries or queues: it calls `Watcher.running`
when the process runs and `Watcher.ended` with the `Attempt` when all is over, both from the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from batchwright.local.batch.arns import last_part
from batchwright.local.batch.families import ATTEMPT, Families
from batchwright.local.batch.folders import AttemptFolder
from batchwright.local.batch.images import CannotPullImage, folder_image
from batchwright.local.batch.jobs import Attempt, Ending, Job
from batchwright.local.batch.logs import LineBuffer, LogLine, log_group, stream_name
from batchwright.local.batch.memory import MemoryWatch
from batchwright.local.batch.processes import CannotStart, JobProcess
from batchwright.local.batch.publisher import LogBatch
from batchwright.local.job_environment import jobs_path

EXITED = "Essential container in task exited"
DID_NOT_START = "Task failed to start"
TIMED_OUT = "Job attempt duration exceeded timeout"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
OVERRIDES_TOO_LONG = "Container Overrides length must be at most 8192"
OVERRIDES_LIMIT = 8192
OUT_OF_MEMORY_EXIT_CODE = 137

FLUSH_SECONDS = 1.0
FLUSH_BYTES = 1_000_000
BACKLOG_LIMIT_BYTES = 32_000_000
HOLD_SECONDS = 10.0
"""How long the end of an attempt is held back for its log. A job whose log cannot be written ends all the same."""


class LogSink(Protocol):
    @property
    def backlog_bytes(self) -> int: ...

    def publish_log(self, batch: LogBatch) -> None: ...

    def when_written(self, then: Callable[[], None]) -> None: ...


class Watcher(Protocol):
    """Who is told about an attempt."""

    def running(self, job: Job, started_at_ms: int) -> None: ...

    def ended(self, job: Job, attempt: Attempt) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt of this server shares."""

    work_folder: Path
    job_environment: Mapping[str, str]
    kill_grace_seconds: float
    keep_folders: bool
    in_place: bool = False


class AttemptRunner:
    """Starts attempts and ends them early when asked."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        surroundings: Surroundings,
        sink: LogSink,
        clock_ms: Callable[[], int],
    ) -> None:
        self.loop = loop
        self.surroundings = surroundings
        self.sink = sink
        self.clock_ms = clock_ms
        self.families = Families()
        self.memory = MemoryWatch(loop, self.families, self._out_of_memory)
        self._alive: dict[str, RunningAttempt] = {}
        self._by_job: dict[Job, RunningAttempt] = {}

    @property
    def alive_count(self) -> int:
        """How many attempts have not ended."""
        return len(self._by_job)

    async def prepare(self, job: Job, watcher: Watcher) -> RunningAttempt:
        """The next attempt of `job`, which is STARTING and has its task id, with its folder. To copy an image takes a
        while, in which requests are answered; the job may be ended meanwhile."""
        attempt = RunningAttempt(self, job, watcher)
        await attempt.prepare()
        return attempt

    def start(self, job: Job, attempt: RunningAttempt) -> None:
        """Start an attempt that was prepared."""
        if attempt.start():
            self._alive[attempt.name] = attempt
            self._by_job[job] = attempt

    def end_early(self, job: Job, ending: Ending) -> None:
        """SIGTERM, and SIGKILL after the grace. Nothing happens when the attempt is over already."""
        attempt = self._by_job.get(job)
        if attempt is not None:
            attempt.end_early(ending)

    def kill_all(self, after_seconds: float) -> None:
        """SIGTERM to every group now, SIGKILL `after_seconds` later."""
        for attempt in self._alive.values():
            attempt.process.terminate(after_seconds)

    def kill_the_rest(self) -> None:
        """SIGKILL to every group that is still alive."""
        for attempt in self._alive.values():
            attempt.process.kill()

    def end_everything(self) -> None:
        """Kill whatever any job started and is still there; return when it is gone."""
        self.families.end_all()

    def reported(self, attempt: RunningAttempt) -> None:
        """The job of this attempt knows of its end."""
        self._by_job.pop(attempt.job, None)

    def forget(self, attempt: RunningAttempt) -> None:
        """The processes of this attempt are gone."""
        self._alive.pop(attempt.name, None)
        self.memory.remove(attempt.name)
        self.families.remove(attempt.process.pid)

    def _out_of_memory(self, name: str) -> None:
        attempt = self._alive.get(name)
        if attempt is not None:
            attempt.out_of_memory = True
            attempt.process.kill()


class RunningAttempt:
    """One attempt while it lasts."""

    def __init__(self, runner: AttemptRunner, job: Job, watcher: Watcher) -> None:
        assert job.task_id is not None and job.log_stream is not None
        self.job = job
        self.process = JobProcess(runner.loop, self._output, self._exited, runner.families.end_rest_of)
        self.out_of_memory = False
        self._runner = runner
        self._watcher = watcher
        self._task_id = job.task_id
        self._log_group = log_group(job.spec.container)
        self._log_stream = job.log_stream
        image = folder_image(job.spec.container["image"], runner.surroundings.in_place)
        self._folder = AttemptFolder(runner.surroundings.work_folder, job.job_id, len(job.attempts) + 1, image)
        self._cannot_pull: Exception | None = None
        self._buffer = LineBuffer()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._timeout_timer: asyncio.TimerHandle | None = None
        self._hold_timer: asyncio.TimerHandle | None = None
        self._ending: Ending | None = None
        self._started_at_ms = 0
        self._has_log = False
        self._is_reported = False

    @property
    def name(self) -> str:
        """What its processes have in their environment, and no other attempt's."""
        return str(self._folder.root)

    async def prepare(self) -> None:
        """Make the folder. What goes wrong is told when the attempt is to start."""
        try:
            if self._folder.is_quick:
                self._folder.prepare()
            else:
                await self._runner.loop.run_in_executor(None, self._folder.prepare)
        except (CannotPullImage, OSError) as error:
            self._cannot_pull = error

    def discard(self) -> None:
        """Remove the folder of an attempt that is not to start."""
        self._folder.remove()

    def start(self) -> bool:
        """True when the process runs; otherwise the attempt has ended already and was reported."""
        spec = self.job.spec
        if spec.overrides_length > OVERRIDES_LIMIT:
            self._report(Attempt(self._task_id, self._log_stream, OVERRIDES_TOO_LONG))
            return False
        if self._cannot_pull is not None:
            self._did_not_start(f"CannotPullContainerError: {self._cannot_pull}")
            return False
        try:
            environment = attempt_environment(self.job, self._folder, self._runner.surroundings.job_environment)
            self.process.start(spec.container["command"], self._folder.working, environment)
        except (CannotStart, OSError) as error:
            self._did_not_start(f"CannotStartContainerError: Error response from daemon: {error}: unknown")
            return False
        self._started_at_ms = self._runner.clock_ms()
        self._runner.families.add(self.process.pid, self.name)
        self._runner.memory.add(self.name, spec.resources.memory_mib)
        if spec.timeout_seconds is not None:
            timed_out = Ending("timeout", TIMED_OUT)
            self._timeout_timer = self._runner.loop.call_later(spec.timeout_seconds, self.end_early, timed_out)
        self._watcher.running(self.job, self._started_at_ms)
        return True

    def end_early(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self.process.terminate(self._runner.surroundings.kill_grace_seconds)

    def _did_not_start(self, reason: str) -> None:
        self._report(Attempt(self._task_id, self._log_stream, DID_NOT_START, reason=reason))

    def _output(self, data: bytes) -> None:
        self._buffer.feed(data, self._runner.clock_ms())
        if self._buffer.size_bytes > FLUSH_BYTES:
            self._flush()
            if self._runner.sink.backlog_bytes > BACKLOG_LIMIT_BYTES:
                self.process.pause_output()
                self._runner.loop.call_later(FLUSH_SECONDS, self.process.resume_output)
        elif self._flush_timer is None:
            self._flush_timer = self._runner.loop.call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        for lines in self._buffer.take():
            self._publish(tuple(lines))

    def _publish(self, lines: tuple[LogLine, ...]) -> None:
        self._has_log = True
        size_bytes = sum(line.size_bytes for line in lines)
        self._runner.sink.publish_log(LogBatch(self._log_group, self._log_stream, lines, size_bytes))

    def _exited(self, exit_code: int) -> None:
        stopped_at_ms = self._runner.clock_ms()
        if self._timeout_timer is not None:
            self._timeout_timer.cancel()
        self._runner.forget(self)
        self._buffer.finish(stopped_at_ms)
        self._flush()
        if exit_code != 0:
            # Whoever looks into a failure finds a stream, even if the job wrote nothing.
            self._publish(())
        if not self._has_log:
            self._report_end(exit_code, stopped_at_ms)
            return
        # Whoever learns of the end, by an event or by asking, finds the log.
        report = partial(self._report_end, exit_code, stopped_at_ms)
        self._hold_timer = self._runner.loop.call_later(HOLD_SECONDS, report)
        self._runner.sink.when_written(partial(self._from_another_thread, report))

    def _from_another_thread(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            self._runner.loop.call_soon_threadsafe(act)

    def _report_end(self, exit_code: int, stopped_at_ms: int) -> None:
        if self._is_reported:
            return
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        reason = None
        if self.out_of_memory:
            exit_code, reason = OUT_OF_MEMORY_EXIT_CODE, OUT_OF_MEMORY
        self._report(
            Attempt(
                task_id=self._task_id,
                log_stream=self._log_stream,
                status_reason=self._ending.reason if self._ending else EXITED,
                exit_code=exit_code,
                reason=reason,
                started_at_ms=self._started_at_ms,
                stopped_at_ms=stopped_at_ms,
            )
        )

    def _report(self, attempt: Attempt) -> None:
        if not self._runner.surroundings.keep_folders:
            self._folder.remove()
        self._is_reported = True
        self._runner.reported(self)
        if self._ending is not None and self.job.ending is None:
            self.job.ending = self._ending
        self._watcher.ended(self.job, attempt)


def new_task(job: Job) -> None:
    """Give `job` the task id and log stream of its next attempt."""
    job.task_id = uuid.uuid4().hex
    spec = job.spec
    container_name = "default" if spec.ecs_task is None else spec.ecs_task.name
    job.log_stream = stream_name(spec.container, spec.definition_name, job.task_id, container_name)


def runs_on_fargate(job: Job) -> bool:
    """True if its compute environment is one of Fargate, or its definition asks for Fargate."""
    return job.is_on_fargate or "FARGATE" in job.spec.platform_capabilities


def attempt_environment(job: Job, folder: AttemptFolder, server_gives: Mapping[str, str]) -> dict[str, str]:
    """The variables of one attempt. Later ones win: the server's, the job's own, then Batch's, which are reserved."""
    environment = {
        "PATH": jobs_path(os.environ),
        "LANG": "C.UTF-8",
        "HOME": str(folder.home),
        "TMPDIR": str(folder.scratch),
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE" if runs_on_fargate(job) else "AWS_ECS_EC2",
    }
    environment.update(server_gives)
    for entry in job.spec.container["environment"]:
        environment[entry["name"]] = entry.get("value", "")
    environment[ATTEMPT] = str(folder.root)
    environment["AWS_BATCH_JOB_ID"] = job.job_id
    environment["AWS_BATCH_JOB_ATTEMPT"] = str(len(job.attempts) + 1)
    environment["AWS_BATCH_JQ_NAME"] = last_part(job.spec.queue_arn)
    environment["AWS_BATCH_CE_NAME"] = last_part(job.compute_environment)
    if job.index is not None and job.parent is not None:
        environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children or ()))
    return environment
