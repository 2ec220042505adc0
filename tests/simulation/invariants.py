"""The rules that hold at every moment of a simulated world, each checked by the write that could break it.

What must come out in the end is verdict.py's. Nothing of the engine's own decisions is used: the trigger rules are
those of tests/oracle.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.monitor.pushed import PushedMonitors
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.plan.task import PlannedTask, Requested
from chalicelib.core.run.commands import RetryTask
from chalicelib.core.run.records import Redrive, Run, Tally, TaskRecord, in_epoch
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.schedule.decisions import NEVER_MS, ScheduleRecord
from chalicelib.core.states import RunState, TaskState
from tests import oracle
from tests.memory.clock import HandClock
from tests.memory.store import MemoryStore
from tests.simulation.looks import Looks
from tests.simulation.plans import REFUSED, Fates, has_parts, is_flavoured

_LATE_MS = 60_000
_SURELY_SWEPT_MS = 1_200_000
"""After so long, every run that is due was looked at."""


class Violation(BaseException):
    """A rule does not hold. Not an Exception, for no handler may survive it."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a run: its plan, the fates of its jobs, for all but the first what is run again, and its params."""

    plan: Plan
    fates: Fates
    redrive: Redrive | None = None
    flavour: str = "plain"
    parts: int = 3

    @property
    def empty(self) -> frozenset[str]:
        """The names of the arrays of none."""
        return frozenset(one.name for one in self.plan.tasks if has_parts(one) and not self.parts)


@dataclass(slots=True)
class SimulatedRun:
    """One run of the world: its epochs so far, and what was asked for. `forgotten` holds the attempts whose jobs Batch
    forgot before anybody heard how they ended."""

    number: int
    run_id: str
    epochs: list[Epoch]
    cancel_was_asked: bool = False
    redrive: RedriveRequest | None = None
    forgotten: set[Attempt] = field(default_factory=set)

    @property
    def plan(self) -> Plan:
        return self.epochs[-1].plan

    def of(self, attempt: Attempt) -> tuple[Epoch, PlannedTask]:
        epoch = self.epochs[attempt.epoch]
        return epoch, epoch.plan.tasks[attempt.index]

    def outcome(self, epoch: int, name: str, number: int) -> bool | str:
        """What the run learns of an attempt: True for a success, else the class of its failure."""
        of = self.epochs[epoch]
        if Attempt(self.run_id, epoch, of.plan.index_of[name], number) in self.forgotten:
            return "unknown"
        return of.fates.outcome(name, number)


class Judge:
    """Knows what may not happen. `pairs_may_be`: ListJobs lags for longer than any lease, so an attempt can get two
    jobs, of which one must be terminated."""

    def __init__(self, clock: HandClock, *, pairs_may_be: bool, skew_ms: int) -> None:
        self.runs: dict[str, SimulatedRun] = {}
        self.is_calm = False
        self.pairs_may_be = pairs_may_be
        self.pairs = 0
        self.store = CheckedStore(self)
        self.jobs_alive: Sequence[Any] = ()
        self.begun: Callable[[], int] = lambda: 0
        """How many invocations have begun so far."""
        self.under_way: Callable[[], int] = lambda: 0
        """The number of the invocation under way."""
        self.sweep_is_needed: Callable[[], None] = lambda: None
        self.is_punctual = False
        self.timeouts: Callable[[], int] = lambda: 0
        """How many invocations ran out of time, whose messages come again after minutes."""
        """Whether nothing goes wrong and steps take no time, so that each wait has one timer, which is on time."""
        self.timers: dict[str, int] = {}
        """When the timer of each wait was set first."""
        self.make_epoch: Callable[[SimulatedRun, Run], Epoch] = _no_epoch
        self.who: Callable[[], str] = lambda: ""
        """The name of the invocation under way."""
        self.untold: Callable[[], int] = lambda: 0
        """How many calls have failed so far on which telling hangs."""
        self.alibi: Callable[[], Callable[[], bool]] = lambda: lambda: True
        """Gives what tells later whether something has befallen the invocation under way since."""
        self.looks = Looks()
        self.ended_after: dict[str, int] = {}
        """How many invocations had begun when a run ended."""
        self.timetable: Any = None
        self.foreign: Any = None
        """The jobs of others (foreign.py), where there are any."""
        self.monitored: Any = None
        """What their monitors saw and told (monitored.py)."""
        self._clock = clock
        self.skew_ms = skew_ms

    def now_ms(self) -> int:
        return self._clock.now_ms()

    # Of jobs

    def fate(self, attempt: Attempt) -> bool | str:
        """Whether the attempt's job succeeds, or the class of its failure."""
        epoch, one = self.runs[attempt.run_id].of(attempt)
        return epoch.fates.outcome(one.name, attempt.number)

    def is_refused(self, attempt: Attempt) -> bool:
        return self.fate(attempt) == REFUSED

    def forget(self, attempt: Attempt) -> None:
        self.runs[attempt.run_id].forgotten.add(attempt)

    def is_current(self, attempt: Attempt) -> bool:
        return self.store.epoch_of(attempt.run_id) == attempt.epoch

    def run_has_ended(self, run_id: str) -> bool:
        return self.store.state_of(run_id).ended

    def task_has_ended(self, attempt: Attempt) -> bool:
        record = self.store.task(attempt.run_id, attempt.epoch, attempt.index)
        return record is not None and record.state.ended

    def check_submission(self, attempt: Attempt, jobs: Mapping[Attempt, Sequence[Any]], requested: Requested) -> str:
        """That this attempt may be submitted now; the name of its task."""
        run = self.runs[attempt.run_id]
        epoch, one = run.of(attempt)
        what = f"{one.name}, attempt {attempt.number}, of run {run.number} was submitted"
        ended = self.run_has_ended(attempt.run_id) or not self.is_current(attempt)
        ended = ended or self.store.ending_of(attempt, attempt.index) is not None
        is_second = self.pairs_may_be and attempt in jobs
        must(is_second or not ended, f"{what} although it, its epoch or its run has ended")
        began_paused = self.under_way() > self.store.paused_since(attempt)
        must(not began_paused, f"{what} by who began after its shard was paused")
        parents = [self.store.ending_of(attempt, parent) for parent in epoch.plan.parents[attempt.index]]
        must(oracle.may_start(one.trigger_rule.value, parents), f"{what} although its parents are {parents}")
        failures = oracle.failures_of(one, partial(run.outcome, attempt.epoch))
        must(attempt.number <= failures.attempts, f"{what} although its policy has no such attempt")
        right_queue = oracle.queue_of(one, failures.classes[: attempt.number - 1])
        must(one.name not in epoch.empty, f"{what}, and it is an array of none")
        must(requested.queue == right_queue, f"{what} to {requested.queue}, and not to {right_queue}")
        record = self.store.task(attempt.run_id, attempt.epoch, attempt.index)
        assert record is not None
        must(
            record.attempt != attempt or record.requested == requested,
            f"{what}, and its record holds {record.requested}",
        )
        if attempt in jobs:
            self.pairs += 1
            must(self.pairs_may_be, f"{what} twice")
        if attempt.number > 1:
            self._check_retry(run, attempt, jobs, what)
        return one.name

    def check_flavour(self, attempt: Attempt, flavour: str | None) -> None:
        """That a job is made of the param's value in its epoch."""
        run = self.runs[attempt.run_id]
        epoch, one = run.of(attempt)
        right = epoch.flavour if is_flavoured(one) else None
        must(flavour == right, f"{one.name} of run {run.number}, epoch {attempt.epoch}, is {flavour}, and not {right}")

    def _check_retry(
        self, run: SimulatedRun, attempt: Attempt, jobs: Mapping[Attempt, Sequence[Any]], what: str
    ) -> None:
        earlier = Attempt(attempt.run_id, attempt.epoch, attempt.index, attempt.number - 1)
        if self.is_refused(earlier) or earlier in run.forgotten:
            return
        ended = [job.ended_at_ms for job in jobs.get(earlier, ()) if job.status == "FAILED"]
        must(bool(ended), f"{what} although the attempt before it has not failed")
        pause_ms = self._clock.now_ms() - min(ended)
        one = run.of(attempt)[1]
        classes = oracle.failures_of(one, partial(run.outcome, attempt.epoch)).classes[: earlier.number]
        least_ms = oracle.pause_seconds(one, classes) * 1000 - 2 * self.skew_ms
        must(pause_ms >= least_ms, f"{what} after a pause of {pause_ms} ms")
        if self.is_punctual and not self.store.pauses and not self.timeouts():
            most_ms = least_ms + 2 * self.skew_ms + _LATE_MS
            must(pause_ms <= most_ms, f"{what} after a pause of {pause_ms} ms, which is too long")

    def check_timer(self, body: str) -> None:
        """That a wait has one timer, where nothing goes wrong. One that is ten to sixteen minutes long and follows a
        refusal may have two, because nobody knows when a refused attempt ended."""
        if self.is_punctual and RetryTask.kind in body and "refused:" not in body and not self.store.pauses:
            # Two handlers of one event may both set it, at the same moment.
            first_ms = self.timers.setdefault(body, self.now_ms())
            must(self.now_ms() - first_ms < _LATE_MS, f"the timer of a wait was set again later: {body}")

    def check_termination(self, attempt: Attempt, job_id: str, jobs: Mapping[Attempt, Sequence[Any]]) -> None:
        stored = self.store.run(attempt.run_id)
        state = stored and in_epoch(stored, attempt.epoch).state
        cancelled = state in (RunState.CANCELLING, RunState.CANCELLED)
        why = cancelled or len(jobs[attempt]) > 1
        must(why, f"job {job_id} of {attempt} was terminated for no reason: its run is {state}, it has no twin")

    # Of runs

    def check_ending(self, run_id: str, to: RunState) -> None:
        run = self.runs[run_id]
        waiting = [one.name for index, one in enumerate(run.plan.tasks) if self.store.ending(run_id, index) is None]
        must(not waiting, f"run {run.number} is {to} although {waiting} have not ended")
        must(run.cancel_was_asked or to is not RunState.CANCELLED, f"run {run.number} is {to}, and nobody asked for it")
        if not self.pairs_may_be:
            alive = [job.job_id for job in self.jobs_alive if job.attempt.run_id == run_id]
            must(not alive, f"run {run.number} is {to} although jobs {alive} are alive")


def _no_epoch(run: SimulatedRun, following: Run) -> Epoch:
    raise Violation(f"run {run.number} was redriven, and nobody asked for it")


class CheckedStore(MemoryStore):
    """The store, with the rules that must hold at every write."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self._judge = judge
        self.pauses = 0
        self._all_tellings: list[Telling] = []
        self._long_waits: set[Attempt] = set()
        self._paused_since: dict[tuple[str, int, int], int] = {}

    def paused_since(self, attempt: Attempt) -> float:
        """After which invocation the attempt's shard was paused; infinity while it is not."""
        key = attempt.run_id, attempt.epoch, shard_of(attempt.index)
        tally = self._tallies.get(key)
        return self._paused_since[key] if tally is not None and tally.paused else math.inf

    def set_pace(self, run_id: str, epoch: int, shard: int, pace: int) -> None:
        before = self.read_tally(run_id, epoch, shard)
        super().set_pace(run_id, epoch, shard, pace)
        must(self.read_tally(run_id, epoch, shard).pace >= before.pace, "the pace of a shard went back")
        if self.read_tally(run_id, epoch, shard).paused and not before.paused:
            self.pauses += 1
            self._paused_since[run_id, epoch, shard] = self._judge.begun()

    def wait_for_retry(self, attempt: Attempt, result: JobResult, retry_at_ms: int) -> bool:
        landed = super().wait_for_retry(attempt, result, retry_at_ms)
        if landed and retry_at_ms - self._judge.now_ms() > QUEUE_DELAY_SECONDS_MAXIMUM * 1000:
            self._judge.sweep_is_needed()
            self._long_waits.add(attempt)
        return landed

    def waits_long(self) -> bool:
        """Whether a task waits for longer than a message can be delayed. One whose time came long ago does not: its run
        is paused."""
        for attempt in list(self._long_waits):
            record = self.task(attempt.run_id, attempt.epoch, attempt.index)
            waits = record is not None and (record.attempt, record.state) == (attempt, TaskState.WAITING)
            until_ms = (record.retry_at_ms or 0) + _SURELY_SWEPT_MS if record is not None and waits else 0
            if until_ms < self._judge.now_ms():
                self._long_waits.remove(attempt)
        return bool(self._long_waits)

    def swept(
        self,
        run: Run,
        *,
        swept_at_ms: int | None,
        sweep_at_ms: int | None,
        next_shard: int = 0,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        landed = super().swept(
            run, swept_at_ms=swept_at_ms, sweep_at_ms=sweep_at_ms, next_shard=next_shard, untold=untold, lease=lease
        )
        if landed and swept_at_ms is not None and not run.state.ended:
            self._judge.looks.note(self, run, swept_at_ms, self._judge.now_ms() - 2 * self._judge.skew_ms, self._judge)
        return landed

    def begin_epoch(self, run: Run, before: Run) -> bool:
        landed = super().begin_epoch(run, before)
        if landed:
            simulated = self._judge.runs[run.run_id]
            simulated.epochs.append(self._judge.make_epoch(simulated, run))
        return landed

    def next_sweep_ms(self) -> int | None:
        """When the first run or schedule is due for the sweep."""
        times = [run.sweep_at_ms for run in self._runs.values() if run.sweep_at_ms is not None]
        times += [record.sweep_at_ms for record in self._schedules.values() if record.sweep_at_ms < NEVER_MS]
        return min(times, default=None)

    def create_run(self, run: Run) -> Run:
        if run.schedule is not None and run.run_id not in self._runs:
            self._judge.timetable.check_start(run)
        return super().create_run(run)

    def put_schedule(self, record: ScheduleRecord) -> bool:
        before = self.schedule(record.workflow, record.name)
        landed = super().put_schedule(record)
        if landed:
            self._judge.timetable.check_record(before, record)
        return landed

    # Jobs of others, and their monitors

    def observe_job(self, record: JobRecord, keep_until_ms: int, counted: Counted | None = None) -> JobRecord | None:
        before = self._jobs.get(record.job_id)
        stood = super().observe_job(record, keep_until_ms, counted)
        if stood is None and self._judge.foreign is not None:
            self._judge.foreign.check_record(before, record)
        return stood

    def heard_of_ms(self, record: JobRecord) -> int:
        """When a job was last heard of, or asked about."""
        return max(record.created_at_ms, self._quiet_since_ms[record.job_id])

    def monitors(self) -> PushedMonitors:
        # Read by nearly every invocation, and changed by none.
        return self._pushed

    def look(self, monitor: str) -> MonitorLook:
        if self._judge.monitored is not None:
            self._judge.monitored.looks_at(monitor, None)
        return super().look(monitor)

    def put_look(self, look: MonitorLook) -> bool:
        before = super().look(look.monitor)
        landed = super().put_look(look)
        if landed and self._judge.monitored is not None:
            self._judge.monitored.check_look(before, look)
        return landed

    def open_window(self, scope: str, number: int, opener: str, closes_ms: int, step: int = 1) -> bool:
        landed = super().open_window(scope, number, opener, closes_ms, step)
        if landed and self._judge.monitored is not None and scope.startswith("monitor/"):
            self._judge.monitored.check_window(scope, opener)
        return landed

    def telling(self, monitor: str, kind: NoticeKind) -> Telling | None:
        if self._judge.monitored is not None:
            self._judge.monitored.looks_at(monitor, kind)
        return super().telling(monitor, kind)

    def put_telling(self, telling: Telling) -> bool:
        landed = super().put_telling(telling)
        if landed and self._judge.monitored is not None:
            self._all_tellings.append(telling)
            self._judge.monitored.check_telling(telling)
        return landed

    def close_telling(self, telling: Telling) -> None:
        super().close_telling(telling)
        # Whoever closes it may have taken the lease over.
        closed = (telling.monitor, telling.kind, telling.number)
        self._all_tellings = [
            replace(one, is_open=False) if (one.monitor, one.kind, one.number) == closed else one
            for one in self._all_tellings
        ]

    def looks_noted(self, monitor: str) -> MonitorLook:
        return super().look(monitor)

    def telling_noted(self, monitor: str, kind: NoticeKind) -> Telling | None:
        return super().telling(monitor, kind)

    def all_tellings(self) -> list[Telling]:
        """Also those that the table does not know any more."""
        return list(self._all_tellings)

    def leases(self) -> list[str]:
        """What is told by somebody just now, or was by one that died: its names."""
        held = [f"run {run.run_id}" for run in self._runs.values() if run.lease]
        held += [f"window {scope}" for scope, window in self._windows.items() if window.lease]
        held += [telling.notice_id for telling in self._tellings.values() if telling.lease]
        return held + [f"the look of {look.monitor}" for look in self._looks.values() if look.lease]

    def all_runs(self) -> list[Run]:
        return list(self._runs.values())

    def state_of(self, run_id: str) -> RunState:
        return self._runs[run_id].state

    def epoch_of(self, run_id: str) -> int:
        return self._runs[run_id].epoch

    def ending(self, run_id: str, index: int) -> TaskState | None:
        return self.ending_of(Attempt(run_id, self._runs[run_id].epoch, index, 1), index)

    def ending_of(self, attempt: Attempt, index: int) -> TaskState | None:
        """How a task of the attempt's run and epoch ended."""
        tally = self._tallies.get((attempt.run_id, attempt.epoch, shard_of(index)))
        return tally.ending_of(offset_of(index)) if tally else None

    def tally(
        self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int], *, kept: bool = False
    ) -> Tally | None:
        before = self.read_tally(run_id, epoch, shard)
        result = super().tally(run_id, epoch, shard, endings, kept=kept)
        after = self.read_tally(run_id, epoch, shard)
        if after is not before:
            masks = (after.succeeded, after.failed, after.skipped, after.upstream_failed, after.cancelled)
            must(sum(mask.bit_count() for mask in masks) == after.ended.bit_count(), "a task is in two sets of a tally")
            grown = all(not old & ~new for old, new in zip(_masks(before), masks, strict=True))
            grown = grown and after.pace == before.pace
            must(grown and (after.halt or not before.halt), "an entry of a tally was removed")
        return result

    def change_run(
        self,
        run_id: str,
        epoch: int,
        to: RunState,
        *,
        ended_at_ms: int | None = None,
        untold: Collection[str] = (),
        lease: Lease | None = None,
    ) -> bool:
        before = self._runs[run_id]
        landed = super().change_run(run_id, epoch, to, ended_at_ms=ended_at_ms, untold=untold, lease=lease)
        if landed:
            must(not before.state.ended, f"a run that was {before.state} became {to}")
            if to.ended:
                self._judge.ended_after[run_id] = self._judge.begun()
                self._judge.check_ending(run_id, to)
        return landed

    def _put(self, record: TaskRecord) -> TaskRecord:
        before = self._of(record.attempt)
        if before is not None:
            if before.state.ended and replace(record, second_jobs=before.second_jobs) != before:
                raise Violation(f"a terminal record changed: {before} to {record}")
            if record.attempt.number < before.attempt.number:
                raise Violation(f"a record went back: {before} to {record}")
        return super()._put(record)


def _masks(tally: Tally) -> tuple[int, ...]:
    return tally.succeeded, tally.failed, tally.skipped, tally.upstream_failed, tally.cancelled
