"""What every procedure of the engine works with: the ports, the settings, and whose invocation this is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.preferences import BY_DEFAULT, DEFAULT_KINDS, Notify
from chalicelib.core.plan.job_request import empty_arrays
from chalicelib.core.plan.model import Plan
from chalicelib.core.run.records import Run, in_epoch
from chalicelib.engine.world.lately import Lately
from chalicelib.engine.world.log_pause import LogPause
from chalicelib.engine.world.watching import REMEMBERED_SECONDS, Watching
from chalicelib.ports.services import (
    NO_FIGURES,
    Backlog,
    Batch,
    Changes,
    Clock,
    Commands,
    FailedChildren,
    Figures,
    Logs,
    Notices,
    Permits,
    Scheduler,
)
from chalicelib.ports.store import Store

_RUNS_REMEMBERED = 64
SWEEP_EVERY_SECONDS = 300
"""How often app.py lets the sweep run."""
LOOK_SECONDS_MAXIMUM = QUEUE_DELAY_SECONDS_MAXIMUM - 2 * SWEEP_EVERY_SECONDS
"""Longest time from a look at a run to the time at which the next is due. The sweep may come one period later, and
miss one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Figures that a deployment may set.

    `lease_seconds` must exceed the Lambda's time-out, so that the owner of an expired claim is surely dead.
    Up to `inline_submissions` ready tasks are submitted where they were found; more go to the commands queue in
    chunks of `chunk_size`, so that no invocation runs long. `submit_rate` is how many jobs a second all invocations
    together may submit, a little below the 50 that Batch allows an account.

    The sweep looks at each run every `sweep_seconds`, or more often (`look_seconds`), and stops taking up more after
    `sweep_budget_seconds`; it asks Batch about a job that nothing was heard of for `quiet_seconds`, and again each time
    that this has doubled.

    `notify_kinds` are the notices that a run sends whose workflow does not say which. `tells_blocked_queues`: whether
    the stage tells of queues whose first job cannot start.

    Records of jobs are kept for `jobs_kept_days` after the last that was heard of them; our own are made only with
    `record_own_jobs`, for their runs tell of them. `observe_all_jobs` says whether events of others' jobs come at all,
    `observe_all_states` whether those of our own that wait for capacity do.
    """

    lease_seconds: int = 90
    soon_seconds: int = 2
    inline_submissions: int = 5
    chunk_size: int = 25
    sweep_seconds: int = 240
    sweep_budget_seconds: int = 40
    quiet_seconds: int = 900
    submit_rate: int = 48
    jobs_kept_days: int = 90
    record_own_jobs: bool = False
    notify_kinds: tuple[NoticeKind, ...] = DEFAULT_KINDS
    tells_blocked_queues: bool = True
    observe_all_jobs: bool = False
    observe_all_states: bool = False

    @property
    def look_seconds(self) -> int:
        """How long after a look at a run the next one is due. A timer that is longer than a message can be delayed
        needs a look in its last 900 seconds."""
        return min(self.sweep_seconds, LOOK_SECONDS_MAXIMUM)

    def sees(self, monitor: Monitor) -> bool:
        """Whether any job that a monitor watches is recorded."""
        return (self.observe_all_jobs and monitor.watches_foreign) or (self.record_own_jobs and monitor.watches_own)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What never changes of a run within an epoch, so a warm invocation need not read it again. `empty` are its arrays
    of none."""

    run_id: str
    epoch: int
    workflow: str
    plan: Plan
    params: Mapping[str, Any]
    notify: Notify = BY_DEFAULT
    schedule: str | None = None
    empty: frozenset[int] = frozenset()

    def attempt(self, index: int, number: int = 1) -> Attempt:
        return Attempt(self.run_id, self.epoch, index, number)


@dataclass(frozen=True)
class World:
    """The ports and settings, for one invocation. `owner` names the invocation in its claims and is never reused.
    `stage` is the deployment that it is one of.

    `home` is the account and region of the stage, whose jobs alone it records; None for whatever there is.

    `backlog` says how many events wait to be handled; None where nobody knows.

    `changes` is None for a stage without an event bus. `logs` are read when a failure is told, if it can be, and
    `children` asked about failed arrays; None for nobody who could.

    `stage_values` are what `${stage...}` stands for in the workflows that are pushed here.

    `unheard` counts the tellings of the invocation that failed, by place; `unleased` holds the runs whose leases it has
    ended, because a record that it read before still shows the lease.

    `remembered`, `lately`, `log_pause` and `watching` outlive the invocation in a warm process; plans are remembered by
    the store.
    """

    store: Store
    batch: Batch
    permits: Permits
    commands: Commands
    notices: Notices
    scheduler: Scheduler
    clock: Clock
    stage: str
    owner: str
    settings: Settings = Settings()
    home: tuple[str, str] | None = None
    changes: Changes | None = None
    logs: Logs | None = None
    children: FailedChildren | None = None
    backlog: Backlog | None = None
    figures: Figures = NO_FIGURES
    unheard: Counter[str] = field(default_factory=Counter)
    unleased: set[str] = field(default_factory=set)
    remembered: dict[tuple[str, int], Run] = field(default_factory=dict)
    lately: Lately = field(default_factory=Lately)
    log_pause: LogPause = field(default_factory=LogPause)
    watching: Watching = field(default_factory=Watching)
    stage_values: Mapping[str, str] = field(default_factory=dict)

    def lease(self) -> Lease:
        """A lease of this invocation's, from now on."""
        return Lease(self.owner, self.clock.now_ms() + self.settings.lease_seconds * 1000)

    def monitors(self) -> tuple[Monitor, ...]:
        """The monitors of the stage, as they were within the last minute; where the sweep comes more often, not longer
        ago than one."""
        seconds = min(REMEMBERED_SECONDS, self.settings.sweep_seconds)
        return self.watching.monitors(self.store, self.clock, seconds)

    def facts(self, run_id: str, epoch: int) -> RunFacts | None:
        """The facts of a run in an epoch, from memory if this process met it before; None when the run is gone."""
        run = self.remembered.get((run_id, epoch))
        if run is None:
            run = self.store.run(run_id)
            if run is None or run.epoch < epoch:
                return None
            run = in_epoch(run, epoch)
        return self.facts_of(run)

    def knows_run(self, run_id: str) -> bool:
        """Whether there is such a run on this stage, in whatever epoch. Raises TryAgain."""
        if any(remembered == run_id for remembered, _ in list(self.remembered)):
            return True
        return self.store.run(run_id) is not None

    def facts_of(self, run: Run) -> RunFacts:
        """The facts of a run whose record was read, kept for later invocations of this process."""
        while len(self.remembered) >= _RUNS_REMEMBERED:
            self.remembered.pop(next(iter(self.remembered)), None)
        self.remembered[run.run_id, run.epoch] = run
        plan = self.store.plan(run.plan_digest)
        empty = empty_arrays(plan, run.params)
        return RunFacts(run.run_id, run.epoch, run.workflow, plan, run.params, run.notify, run.schedule, empty)


@dataclass(frozen=True, slots=True)
class Done:
    """Everything that the message asks for has happened; it may be deleted."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Something is still open; the message must be seen again, this many seconds from now. `why` is for the log."""

    after_seconds: int
    why: str


@dataclass(frozen=True, slots=True)
class NotBefore(NotYet):
    """Not yet, and an earlier look cannot help."""


Outcome = Done | NotYet
DONE = Done()


def worst(outcomes: list[Outcome]) -> Outcome:
    """Done if all are; otherwise the one that wants to be seen again soonest."""
    return min((o for o in outcomes if isinstance(o, NotYet)), key=lambda o: o.after_seconds, default=DONE)
