"""A run of the real engine in memory, one message at a time: what the engine's tests play their scenes on.

Owns the toy Batch that turns submissions into event documents, and the crashes. It decides nothing about order:
the test does, or `play_on`, which delivers whatever there is until nothing is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.core.ids import attempt_from_parameters
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.plan.task import JobSpec, PlannedTask, RetryPolicy
from chalicelib.core.run.records import Run, TaskRecord
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.states import TriggerRule
from chalicelib.engine.control.pause import pause_run, resume_run
from chalicelib.engine.control.redrive import redrive_run
from chalicelib.engine.control.start import start_run
from chalicelib.engine.inbox.messages import Mailbox, MessagesLeft, handle_commands, handle_events
from chalicelib.engine.inbox.sweep import Swept, sweep
from chalicelib.engine.world.world import SWEEP_EVERY_SECONDS, Settings, World
from chalicelib.ports.store import Store
from tests.memory.batch import MemoryBatch, MemoryJob
from tests.memory.clock import HandClock
from tests.memory.figures import MemoryFigures
from tests.memory.logs import MemoryLogs
from tests.memory.notices import MemoryChanges, MemoryNotices
from tests.memory.permits import MemoryPermits
from tests.memory.queue import MemoryCommands, MemoryDeadLetters, as_lambda_has_it
from tests.memory.scheduler import MemoryScheduler
from tests.memory.store import MemoryStore


def task(
    name: str,
    rule: TriggerRule = TriggerRule.ALL_SUCCESS,
    *,
    attempts: int = 1,
    backoff_seconds: int = 0,
    allow_failure: bool = False,
) -> PlannedTask:
    return PlannedTask(
        name=name,
        job=JobSpec(job_definition="definition", queue="queue", command=("true",)),
        trigger_rule=rule,
        allow_failure=allow_failure,
        retry=RetryPolicy(attempts, backoff_seconds, jitter=False),
    )


def plan_of(*tasks: tuple[PlannedTask, Sequence[str]]) -> Plan:
    """A plan of tasks, each with the names of its parents; they stand in topological order."""
    index = {one.name: place for place, (one, _) in enumerate(tasks)}
    return Plan(
        workflow="play",
        tasks=tuple(one for one, _ in tasks),
        parents=tuple(tuple(sorted(index[name] for name in parents)) for _, parents in tasks),
    )


DEFAULTS = Settings()
STAGE = "play"


class Crash(BaseException):
    """The invocation dies here. Not an Exception, for no handler may survive it."""


class Crashing:
    """A port whose calls are counted by `Theatre`, which may let the invocation die at one of them."""

    def __init__(self, port: Any, theatre: Theatre) -> None:
        self._port = port
        self._theatre = theatre

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value
        return lambda *args, **kwargs: self._theatre.call(name, value, args, kwargs)


@dataclass(frozen=True)
class Cut:
    """Die at a port call of the invocation, before or after it took effect: at the `call`-th of all (from 0), or at
    the first of that name."""

    call: int | str
    after_effect: bool = False

    def is_at(self, number: int, name: str, *, after_effect: bool) -> bool:
        return self.call in (number, name) and self.after_effect == after_effect


class Theatre:
    """One run of one plan, in memory or on a `store`. `fails` names (task, attempt number) whose jobs fail. Several
    stages may share one `batch`. With `push` False the store has the workflow already."""

    def __init__(
        self,
        plan: Plan,
        fails: Sequence[tuple[str, int]] = (),
        settings: Settings = DEFAULTS,
        definition: Mapping[str, Any] | None = None,
        store: Store | None = None,
        stage: str = STAGE,
        batch: MemoryBatch | None = None,
        push: bool = True,
    ) -> None:
        self.plan = plan
        self.stage = stage
        self.fails = set(fails)
        self.clock = HandClock()
        self.store = store or MemoryStore()
        self.batch = batch or MemoryBatch(self.clock)
        self.permits = MemoryPermits()
        self.events = MemoryCommands(self.clock, visibility_seconds=360)
        self.commands = MemoryCommands(self.clock, visibility_seconds=360)
        self.dead = MemoryDeadLetters()
        self.notices = MemoryNotices()
        self.scheduler = MemoryScheduler()
        self.logs = MemoryLogs()
        self.changes: MemoryChanges | None = None
        """The event bus; none, unless a test sets one."""
        self.figures = MemoryFigures()
        self.settings = settings
        self.home: tuple[str, str] | None = None
        self.cut: Cut | None = None
        self.calls: list[str] = []
        self.hooks: dict[str, Callable[[], None]] = {}
        """What happens right before the next call of that name, once."""
        self.gate: Callable[[str, bool], None] = lambda name, after_effect: None
        """Asked before and after every call; it may raise, or make the invocation wait for its turn."""
        self.forgotten: set[str] = set()
        """Jobs that Batch does not know, or not for now."""
        self._invocations = 0
        self._told: set[tuple[str, str]] = set()
        self._over: set[str] = set()
        self.batch.detail_of = self.detail_of
        if push:
            self.store.push(plan.workflow, definition or {}, plan, self.clock.now_ms())

    # The invocation under way

    def world(self) -> World:
        """The world of a new invocation in a new process; its port calls are counted from 0."""
        self._invocations += 1
        self.calls = []
        return World(
            store=Crashing(self.store, self),
            batch=Crashing(self.batch, self),
            permits=Crashing(self.permits, self),
            commands=Crashing(self.commands, self),
            notices=Crashing(self.notices, self),
            scheduler=Crashing(self.scheduler, self),
            clock=self.clock,
            stage=self.stage,
            stage_values={"name": self.stage, "bucket": f"bucket-of-{self.stage}", "queue": f"{self.stage}-default"},
            owner=f"invocation-{self._invocations}",
            settings=self.settings,
            home=self.home,
            logs=Crashing(self.logs, self),
            children=Crashing(self.batch, self),
            backlog=Crashing(self.events, self),
            changes=self.changes and Crashing(self.changes, self),
            figures=self.figures,
        )

    def call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        hook = self.hooks.pop(name, None)
        if hook is not None:
            calls = self.calls
            hook()
            self.calls = calls
        if self.cut and self.cut.is_at(number, name, after_effect=False):
            raise Crash(name)
        self.gate(name, False)
        result = function(*args, **kwargs)
        self.gate(name, True)
        if self.cut and self.cut.is_at(number, name, after_effect=True):
            raise Crash(name)
        return result

    # The run

    def start(self, key: str = "key", params: Mapping[str, Any] | None = None, queue: str | None = None) -> Run:
        return start_run(self.world(), self.plan.workflow, params or {}, key, notify_queue=queue)

    def pause(self) -> bool:
        return pause_run(self.world(), self.run.run_id)

    def resume(self) -> bool:
        return resume_run(self.world(), self.run.run_id)

    def redrive(self, **asked: Any) -> Run:
        """Ask for a redrive as core/run/requests.py names it; the run's record in its next epoch."""
        return redrive_run(self.world(), RedriveRequest(self.run.run_id, **asked))

    def sweep(self, *, after_seconds: float = 0) -> Swept:
        self.clock.advance(seconds=after_seconds)
        return sweep(self.world())

    @property
    def run(self) -> Run:
        (run,) = self.store.list_runs(self.plan.workflow, 10).runs
        return run

    def record(self, name: str) -> TaskRecord | None:
        return self.store.task(self.run.run_id, self.run.epoch, self.plan.index_of[name])

    def endings(self) -> dict[str, str]:
        """How each task ended, by the tallies; tasks that did not are left out."""
        found = {}
        run = self.run
        tallies = [self.store.read_tally(run.run_id, run.epoch, shard) for shard in range(self.plan.shard_count)]
        for index, one in enumerate(self.plan.tasks):
            ending = tallies[shard_of(index)].ending_of(offset_of(index))
            if ending:
                found[one.name] = ending.value
        return found

    # Jobs and their events

    def jobs(self, name: str | None = None) -> list[MemoryJob]:
        """The jobs that were submitted (for one task), oldest first."""
        return [job for job in self.batch.jobs.values() if name is None or self._task_of(job) == name]

    def _task_of(self, job: MemoryJob) -> str:
        return self.plan.tasks[self.attempt_of(job).index].name

    def attempt_of(self, job: MemoryJob) -> Any:
        attempt = attempt_from_parameters(dict(job.request.parameters))
        assert attempt is not None, "every job of ours carries its identity"
        return attempt

    def document(self, job: MemoryJob, status: str, reason: str | None = None) -> str:
        """The event document that Batch would send for a job, as far as the engine reads it."""
        detail = self._detail(job, status, reason)
        # EventBridge's time has whole seconds.
        time = datetime.fromtimestamp(self.clock.now_ms() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps(
            {"source": "aws.batch", "detail-type": "Batch Job State Change", "time": time, "detail": detail}
        )

    def _detail(self, job: MemoryJob, status: str, reason: str | None) -> dict[str, Any]:
        detail: dict[str, Any] = {
            "jobId": job.job_id,
            "jobName": job.request.name,
            "status": status,
            "parameters": dict(job.request.parameters),
            "attempts": [],
            "jobQueue": f"arn:aws:batch:us-east-1:123456789012:job-queue/{job.request.queue}",
            "createdAt": job.created_at_ms,
            "startedAt": job.created_at_ms,
        }
        if status in ("SUCCEEDED", "FAILED"):
            container = {"exitCode": 0 if status == "SUCCEEDED" else 1, "logStreamName": "log"}
            detail["attempts"] = [{"container": container}]
            detail["container"] = container
            detail["statusReason"] = reason or "Essential container in task exited"
            detail["stoppedAt"] = self.clock.now_ms()
        return detail

    def end_jobs(self, *names: str) -> None:
        """Let the jobs of these tasks (of all, by default) end in Batch, and nobody be told."""
        self._over |= {job.job_id for job in self.jobs() if not names or self._task_of(job) in names}

    def detail_of(self, job: MemoryJob) -> dict[str, Any] | None:
        """What DescribeJobs tells of a job: it runs until it was ended, terminated, or its end was told."""
        if job.job_id in self.forgotten:
            return None
        over = job.job_id in self._over or job.terminated is not None or (job.job_id, "ENDED") in self._told
        return self._detail(job, self._ending_of(job) if over else "RUNNING", job.terminated)

    def _ending_of(self, job: MemoryJob) -> str:
        failed = job.terminated is not None or (self._task_of(job), self.attempt_of(job).number) in self.fails
        return "FAILED" if failed else "SUCCEEDED"

    def ending_document(self, job: MemoryJob) -> str:
        return self.document(job, self._ending_of(job), job.terminated)

    def tell(self, statuses: Sequence[str] = ("RUNNING", "ENDED")) -> int:
        """Put the events of all jobs on the queue that were not put there yet; how many."""
        told = 0
        for job in self.jobs():
            for status in statuses:
                if (job.job_id, status) not in self._told:
                    self._told.add((job.job_id, status))
                    ending = status == "ENDED"
                    self.events.send([self.ending_document(job) if ending else self.document(job, status)])
                    told += 1
        return told

    # Messages

    def deliver_event(self, body: str) -> None:
        """Hand one event to a new invocation. Raises MessagesLeft when it is not done."""
        self.events.send([body])
        messages = [m for m in self.events.receive(1_000_000) if m.body == body]
        self._handle(handle_events, self.events, messages[-1:])

    def deliver_events(self, limit: int = 10) -> int:
        messages = self.events.receive(limit)
        if messages:
            self._handle(handle_events, self.events, messages)
        return len(messages)

    def deliver_commands(self, limit: int = 1) -> int:
        messages = self.commands.receive(limit)
        if messages:
            self._handle(handle_commands, self.commands, messages)
        return len(messages)

    def _handle(self, handler: Any, queue: MemoryCommands, messages: Sequence[Any]) -> None:
        ours = [as_lambda_has_it(message) for message in messages]
        rounds = 1 + max(message.rounds for message in messages)
        queue.rounds = lambda: rounds
        try:
            handler(self.world(), Mailbox(queue, queue, self.dead), ours)
        finally:
            queue.rounds = lambda: 0

    def play_on(self, steps: int = 10_000) -> None:
        """Deliver and let time pass until nothing is left to do. Fails when that takes more than `steps`."""
        for _ in range(steps):
            self.tell()
            busy = 0
            for deliver in (self.deliver_events, self.deliver_commands):
                try:
                    busy += deliver()
                except MessagesLeft:
                    busy += 1
            if not busy:
                times = [q.next_visible_at_ms for q in (self.events, self.commands)]
                later = [at_ms for at_ms in times if at_ms is not None]
                if not later:
                    return
                self.clock.advance_to(max(min(later), self.clock.now_ms()))
        raise AssertionError(f"the run did not come to rest within {steps} steps")

    def play_swept(self, *, for_seconds: float, busy: bool = False) -> None:
        """Deliver, sweep every five minutes and let time pass, until so much is over and nothing is left to do, or
        until all of it is over if it is `busy`."""
        until_ms = self.clock.now_ms() + round(for_seconds * 1000)
        sweep_at_ms = self.clock.now_ms() + SWEEP_EVERY_SECONDS * 1000
        while self.clock.now_ms() < until_ms:
            self.tell()
            delivered = 0
            for deliver in (self.deliver_events, self.deliver_commands):
                try:
                    delivered += deliver()
                except MessagesLeft:
                    delivered += 1
            if delivered:
                continue
            times = [q.next_visible_at_ms for q in (self.events, self.commands)]
            later = [at_ms for at_ms in times if at_ms is not None]
            if not later and not busy and self.run.state.ended and self.run.sweep_at_ms is None:
                return
            self.clock.advance_to(min([*later, sweep_at_ms, until_ms]))
            if self.clock.now_ms() >= sweep_at_ms:
                sweep_at_ms += SWEEP_EVERY_SECONDS * 1000
                sweep(self.world())

    def crash(self, cut: Cut, act: Callable[[], Any]) -> bool:
        """Do something in an invocation that dies at `cut`; whether it got that far."""
        self.cut = cut
        try:
            act()
        except Crash:
            return True
        finally:
            self.cut = None
        return False
