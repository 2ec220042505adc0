"""A run left to chance: a random plan, several invocations at once, and everything that may go wrong.

Owns the fault menu and the order of what happens; all of it is drawn from one seed. What must come out in the end is
the tests' (tests/oracle.py). The rules that hold at every moment are checked here, at every write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from chalicelib.core.errors import AnswerLost, BatchwrightError, Throttled, UserMistake
from chalicelib.core.ids import Attempt, attempt_from_parameters
from chalicelib.core.job import JobRequest
from chalicelib.core.plan import Plan
from chalicelib.core.records import Tally, TaskRecord
from chalicelib.core.states import RunState, TaskState, TriggerRule
from chalicelib.engine.cancel import request_cancel
from chalicelib.engine.messages import Mailbox, Message, handle_commands, handle_events
from chalicelib.engine.start import start_run
from chalicelib.engine.world import Settings
from tests import oracle
from tests.memory.batch import MemoryBatch, MemoryJob, SubmitFault
from tests.memory.clock import HandClock
from tests.memory.queue import MemoryCommands
from tests.memory.queue import Message as Delivery
from tests.memory.store import MemoryStore
from tests.memory.theatre import Crash, Theatre, plan_of, task
from tests.memory.turns import Turn

LAMBDA_TIMEOUT_SECONDS = 60
VISIBILITY_SECONDS = 360
INVOCATIONS = 6
STEPS = 30_000


def random_plan(rng: Random) -> Plan:
    """1 to 40 tasks, mostly few; every rule, allowed failures, retries with and without a back-off."""
    count = rng.randint(10, 40) if rng.random() < 0.08 else rng.randint(1, 9)
    plain = rng.random() < 0.2
    density = rng.choice([1, 2, 3, 6])
    # In a narrow plan the first tasks fan out and the last ones wait for many, so that parents end at once.
    narrow = rng.random() < 0.3
    tasks = []
    for index in range(count):
        fan_in = (0 if index < count // 2 else rng.randint(2, 5)) if narrow else rng.randint(0, density)
        parents = rng.sample(range(index), min(index, fan_in))
        rule = TriggerRule.ALL_SUCCESS if plain else rng.choice(list(TriggerRule))
        one = task(
            f"t{index}",
            rule,
            attempts=rng.choice([1, 1, 2, 3]),
            backoff_seconds=rng.choice([0, 0, 0, 7, 60, 1000]),
            allow_failure=rng.random() < 0.2,
        )
        tasks.append((one, [f"t{parent}" for parent in parents]))
    return plan_of(*tasks)


def described(plan: Plan) -> str:
    """The plan as one line a task, for whoever has to understand a seed that failed."""
    lines = []
    for index, one in enumerate(plan.tasks):
        parents = ",".join(f"t{parent}" for parent in plan.parents[index])
        allowed = " allow_failure" if one.allow_failure else ""
        retry = f" attempts={one.retry.attempts} backoff={one.retry.backoff_seconds}" if one.retry.attempts > 1 else ""
        lines.append(f"  {one.name} <- [{parents}] {one.trigger_rule}{allowed}{retry}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Menu:
    """What may go wrong, as chances. `shard_size` is for whoever patches `limits.SHARD_SIZE`."""

    shard_size: int
    inline_submissions: int
    haste: float
    switch: float
    crash: float
    error: float
    submit_fault: float
    duplicate: float
    find_lag_seconds: int
    late_running: float
    batch_size: int


def random_menu(rng: Random) -> Menu:
    calm = rng.random() < 0.3
    return Menu(
        shard_size=rng.choice([1, 2, 2, 3, 3, 5, 256]),
        inline_submissions=rng.choice([0, 1, 5, 5]),
        # The less haste, the more invocations are under way at once.
        haste=rng.choice([0.5, 2, 6]),
        switch=rng.choice([0.05, 0.2, 0.5]),
        crash=0 if calm else rng.choice([0.005, 0.02, 0.05]),
        error=0 if calm else rng.choice([0, 0.005, 0.02]),
        submit_fault=rng.choice([0, 0.1, 0.4]),
        duplicate=rng.choice([0, 0.2, 0.6]),
        # A job is listed before the claim of an owner that died at the end of its time is over.
        find_lag_seconds=rng.choice([0, 5, Settings().lease_seconds - LAMBDA_TIMEOUT_SECONDS - 1]),
        late_running=rng.choice([0, 0.3]),
        batch_size=rng.choice([1, 3, 10]),
    )


class Violation(BaseException):
    """A rule that must hold at every moment does not. Not an Exception, for no handler may survive it."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


class CheckedStore(MemoryStore):
    """The store, with the rules that must hold at every write."""

    def tally(self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int]) -> Tally | None:
        before = self.read_tally(run_id, epoch, shard)
        result = super().tally(run_id, epoch, shard, endings)
        after = self.read_tally(run_id, epoch, shard)
        masks = (after.succeeded, after.failed, after.skipped, after.upstream_failed, after.cancelled)
        must(sum(mask.bit_count() for mask in masks) == after.ended.bit_count(), "a task is in two sets of a tally")
        must(before.ended & ~after.ended == 0, "an entry of a tally was removed")
        return result

    def _put(self, record: TaskRecord) -> TaskRecord:
        before = self.task(record.attempt.run_id, record.attempt.epoch, record.attempt.index)
        must(before is None or not before.state.ended, f"a terminal record changed: {before} to {record}")
        return super()._put(record)


class Unexpected(logging.Handler):
    """Keeps what the engine logs as an error: an exception that it did not expect, and went on from."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(repr(record.exc_info and record.exc_info[1]))


class ShuffledQueue(MemoryCommands):
    """A queue that keeps no order, remembers what was sent, and delivers some of it again."""

    def __init__(self, clock: HandClock, rng: Random) -> None:
        super().__init__(clock, visibility_seconds=VISIBILITY_SECONDS)
        self.sent: list[str] = []
        self._rng = rng

    def send(self, bodies: Any, delay_seconds: int = 0) -> None:
        super().send(bodies, delay_seconds)
        self.sent += bodies

    def receive(self, limit: int = 10) -> list[Delivery]:
        stored = list(self._stored.items())
        self._rng.shuffle(stored)
        self._stored = dict(stored)
        return super().receive(limit)

    def visible(self) -> bool:
        return self.next_visible_at_ms is not None and self.next_visible_at_ms <= self._clock.now_ms()


class ChancyBatch(MemoryBatch):
    """Batch whose submissions may be throttled or lose their answer, and that refuses some attempts for good."""

    def __init__(self, play: Play) -> None:
        super().__init__(play.clock)
        self._play = play

    def submit(self, request: JobRequest) -> str:
        self._play.check_submission(request)
        attempt = attempt_from_parameters(dict(request.parameters))
        assert attempt is not None, "every job of ours carries its identity"
        if self._play.is_refused(attempt):
            raise UserMistake("SubmitJob: no")
        self.faults.append(self._play.submit_fault())
        return super().submit(request)


class Play:
    """One run of a random plan. `run_to_the_end` plays it; faults happen until `calm_down`."""

    def __init__(self, seed: int, *, with_cancel: bool = False) -> None:
        self.rng = rng = Random(seed)
        self.menu = random_menu(rng)
        self.plan = random_plan(rng)
        attempts = [(t.name, number) for t in self.plan.tasks for number in range(1, t.retry.attempts + 1)]
        share = rng.choice([0, 0.2, 0.5])
        self.fails = {one for one in attempts if rng.random() < share}
        self.refused = {one for one in sorted(self.fails) if rng.random() < 0.2}
        self.theatre = Theatre(self.plan, settings=Settings(inline_submissions=self.menu.inline_submissions))
        self.clock = self.theatre.clock
        self.theatre.gate = self._gate
        self.store = self.theatre.store = CheckedStore()
        self.store.push(self.plan.workflow, {}, self.plan, self.clock.now_ms())
        self.batch = self.theatre.batch = ChancyBatch(self)
        self.batch.find_lag_ms = self.menu.find_lag_seconds * 1000
        self.events = self.theatre.events = ShuffledQueue(self.clock, rng)
        self.commands = self.theatre.commands = ShuffledQueue(self.clock, rng)
        self.faulty = True
        self.cancelled = False
        self.live: list[Turn] = []
        self.current: Turn | None = None
        self.deadline_ms: dict[Turn, int] = {}
        self.ended: dict[str, str] = {}
        self.ended_at_ms: dict[str, int] = {}
        self.cancel_at = rng.randint(0, 30 + 10 * len(self.plan.tasks)) if with_cancel else None

    # What goes wrong

    def _gate(self, name: str, after_effect: bool) -> None:
        turn = self.current
        if turn is None:
            return
        if not after_effect and self.rng.random() < self.menu.switch:
            turn.pause()
        if self.clock.now_ms() >= self.deadline_ms[turn]:
            raise Crash(f"{name}: the Lambda's time is over")
        if not self.faulty:
            return
        if self.rng.random() < self.menu.crash:
            raise Crash(name)
        if name != "submit" and self.rng.random() < self.menu.error:
            raise AnswerLost(name) if after_effect else Throttled(name)

    def submit_fault(self) -> SubmitFault | None:
        if not self.faulty or self.rng.random() >= self.menu.submit_fault:
            return None
        return self.rng.choice([SubmitFault.THROTTLED, SubmitFault.LOST_BEFORE_EFFECT, SubmitFault.LOST_AFTER_EFFECT])

    def is_refused(self, attempt: Attempt) -> bool:
        return (self.plan.tasks[attempt.index].name, attempt.number) in self.refused

    def check_submission(self, request: JobRequest) -> None:
        """No task is submitted before its rule holds on the tallies."""
        attempt = attempt_from_parameters(dict(request.parameters))
        assert attempt is not None, "every job of ours carries its identity"
        endings = self.theatre.endings()
        parents = [endings.get(self.plan.tasks[parent].name) for parent in self.plan.parents[attempt.index]]
        rule = self.plan.tasks[attempt.index].trigger_rule.value
        must(oracle.may_start(rule, parents), f"task {attempt.index} was submitted although its parents are {parents}")

    # Who acts

    def act(self, function: Callable[[], object]) -> None:
        """A new invocation, which waits for its first turn."""
        turn = Turn(function)
        self.deadline_ms[turn] = self.clock.now_ms() + LAMBDA_TIMEOUT_SECONDS * 1000
        self.live.append(turn)

    def step(self, turn: Turn) -> None:
        self.current = turn
        goes_on = turn.step()
        self.current = None
        if goes_on:
            return
        self.live.remove(turn)
        del self.deadline_ms[turn]
        if turn.raised is not None and not isinstance(turn.raised, (Crash, BatchwrightError)):
            raise turn.raised

    def start(self) -> None:
        self.act(lambda: start_run(self.theatre.world(), self.plan.workflow, {}, "key"))

    def cancel(self) -> None:
        self.cancelled = True
        self.act(lambda: request_cancel(self.theatre.world(), self.theatre.run.run_id, "no longer wanted"))

    def deliver(self, queue: ShuffledQueue) -> None:
        handler = handle_events if queue is self.events else handle_commands
        messages = queue.receive(self.rng.randint(1, self.menu.batch_size))
        ours = [Message(m.body, m.receipt_handle, m.receive_count) for m in messages]
        self.act(lambda: handler(self.theatre.world(), Mailbox(queue, queue, self.theatre.dead), ours))

    # What Batch does

    def jobs_alive(self) -> list[MemoryJob]:
        if len(self.ended) == len(self.batch.jobs):
            return []
        return [job for job in self.batch.jobs.values() if job.job_id not in self.ended]

    def end_jobs(self, alive: list[MemoryJob]) -> None:
        """One job ends, or several at once."""
        for job in self.rng.sample(alive, min(len(alive), self.rng.choice([1, 1, 1, 2, 4]))):
            self.end_job(job)

    def end_job(self, job: MemoryJob) -> None:
        """The job ends as it is meant to, or fails because it was terminated; its events go on the queue."""
        attempt = self.theatre.attempt_of(job)
        failed = job.terminated is not None or (self.plan.tasks[attempt.index].name, attempt.number) in self.fails
        self.ended[job.job_id] = "FAILED" if failed else "SUCCEEDED"
        self.ended_at_ms[job.job_id] = self.clock.now_ms()
        late = self.rng.random() < self.menu.late_running
        if not late and self.rng.random() < 0.3:
            self.events.send([self.theatre.document(job, "RUNNING")])
        self.events.send([self.theatre.document(job, self.ended[job.job_id], job.terminated)])
        if late:
            self.events.send([self.theatre.document(job, "RUNNING")], delay_seconds=self.rng.randint(0, 5))

    def tell_of(self, job: MemoryJob) -> None:
        self.events.send([self.theatre.document(job, self.rng.choice(["RUNNABLE", "STARTING", "RUNNING"]))])

    def send_again(self) -> None:
        queue = self.rng.choice([self.events, self.commands])
        if queue.sent:
            super(ShuffledQueue, queue).send([self.rng.choice(queue.sent)])

    # The run

    def run_to_the_end(self) -> None:
        """Play with faults for a while, then without, until nothing is left to do."""
        logger, unexpected = logging.getLogger("chalicelib"), Unexpected()
        logger.addHandler(unexpected)
        try:
            self._run_to_the_end()
        finally:
            logger.removeHandler(unexpected)
        must(not unexpected.found, f"the engine met what it did not expect: {unexpected.found}")

    def _run_to_the_end(self) -> None:
        self.start()
        if self.rng.random() < 0.1:
            self.start()
        chaos = self.rng.randint(20, 60 + 20 * len(self.plan.tasks))
        for step in range(STEPS):
            if step == chaos:
                self.calm_down()
            if self.cancel_at is not None and step >= self.cancel_at and self.store.list_runs(self.plan.workflow, 1):
                self.cancel_at = None
                self.cancel()
            if not self._something_happens() and not self.faulty:
                return
            self.check_cancelled()
        raise Violation(f"the run did not come to rest within {STEPS} steps")

    def calm_down(self) -> None:
        """No more faults; whoever asked for something and got no answer asks again."""
        self.faulty = False
        self.start()
        if self.cancelled:
            self.cancel()

    def _something_happens(self) -> bool:
        """One thing that can happen, at random; False when nothing will ever happen any more."""
        alive = self.jobs_alive()
        visible = [queue for queue in (self.events, self.commands) if queue.visible()]
        choices: list[tuple[float, Callable[[], None]]] = []
        if self.live:
            choices.append((self.menu.haste, lambda: self.step(self.rng.choice(self.live))))
        if visible and len(self.live) < INVOCATIONS:
            choices.append((2 * len(visible), lambda: self.deliver(self.rng.choice(visible))))
        if alive:
            choices.append((1, lambda: self.end_jobs(alive)))
        if not choices:
            return self._wait()
        if self.faulty:
            if alive:
                choices.append((0.3, lambda: self.tell_of(self.rng.choice(alive))))
            choices.append((self.menu.duplicate, self.send_again))
            choices.append((0.1, lambda: self.clock.advance(seconds=self.rng.choice([1, 5, 30]))))
        self.rng.choices([act for _, act in choices], [weight for weight, _ in choices])[0]()
        return True

    def _wait(self) -> bool:
        """Nobody can do anything now: time passes until the next message is visible."""
        later = [q.next_visible_at_ms for q in (self.events, self.commands)]
        times = [at_ms for at_ms in later if at_ms is not None]
        if times:
            self.clock.advance_to(min(times))
        return bool(times)

    # What is looked at

    def check_cancelled(self) -> None:
        """After a cancelled run has ended, none of its jobs is alive."""
        if self.cancelled and self.jobs_alive():
            must(self.theatre.run.state is not RunState.CANCELLED, "a job is alive after its run was cancelled")

    def succeeds(self, name: str, number: int) -> bool:
        return (name, number) not in self.fails

    def jobs_by_attempt(self) -> dict[tuple[str, int], list[MemoryJob]]:
        found: dict[tuple[str, int], list[MemoryJob]] = {}
        for job in self.batch.jobs.values():
            attempt = self.theatre.attempt_of(job)
            found.setdefault((self.plan.tasks[attempt.index].name, attempt.number), []).append(job)
        return found

    def report(self) -> str:
        """What somebody needs to understand a play that went wrong."""
        run = self.store.list_runs(self.plan.workflow, 1)
        lines = [f"menu {self.menu}", f"plan\n{described(self.plan)}", f"fails {sorted(self.fails)}"]
        lines += [f"refused {sorted(self.refused)}", f"run {run[0].state if run else None}"]
        if run:
            lines.append(f"endings {self.theatre.endings()}")
        return "\n".join(lines)
