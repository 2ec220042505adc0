"""What the table holds of a run: the run's record, its tallies, its task records. Frozen values, no store behind.

Times are milliseconds since the epoch, as Batch gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from chalicelib.core import limits
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import Defect
from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease
from chalicelib.core.notice.outbox import Place
from chalicelib.core.notice.preferences import BY_DEFAULT, Notify
from chalicelib.core.plan.model import offset_of
from chalicelib.core.plan.task import Requested
from chalicelib.core.states import ENDINGS, RunState, TaskState


@dataclass(frozen=True, slots=True)
class Tally:
    """Which tasks of one shard ended, and how: one bit mask of offsets an ending, and the shard's flags.

    A task is in at most one mask, and within an epoch none is ever removed. `halt` is raised by a cancel and stays.
    `pace` is the highest count of pauses and resumes that reached the shard: odd while it is paused, so that a late
    pause cannot undo the resume that followed it. `kept_failed` are those of the failed that a redrive kept of
    the epoch before. `waiting_told` and `running_told` hold the attempts whose jobs were told to wait or run for too
    long, each as `told_code` has it.
    """

    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    upstream_failed: int = 0
    cancelled: int = 0
    halt: bool = False
    pace: int = 0
    kept_failed: int = 0
    waiting_told: frozenset[int] = frozenset()
    running_told: frozenset[int] = frozenset()

    @property
    def paused(self) -> bool:
        return self.pace % 2 == 1

    @property
    def ended(self) -> int:
        return self.succeeded | self.failed | self.skipped | self.upstream_failed | self.cancelled

    def mask(self, ending: TaskState) -> int:
        """The mask of one ending; raises AttributeError for a state that is none."""
        mask: int = getattr(self, ending.value)
        return mask

    def ending_of(self, offset: int) -> TaskState | None:
        """How the task at that offset ended, or None."""
        bit = 1 << offset
        if not self.ended & bit:
            return None
        return next(ending for ending in ENDINGS if self.mask(ending) & bit)

    def adding(self, endings: Mapping[TaskState, int]) -> Tally:
        """This tally with the masks of `endings` added."""
        added = endings.get
        return Tally(
            self.succeeded | added(TaskState.SUCCEEDED, 0),
            self.failed | added(TaskState.FAILED, 0),
            self.skipped | added(TaskState.SKIPPED, 0),
            self.upstream_failed | added(TaskState.UPSTREAM_FAILED, 0),
            self.cancelled | added(TaskState.CANCELLED, 0),
            self.halt,
            self.pace,
            self.kept_failed,
            self.waiting_told,
            self.running_told,
        )


def told_code(attempt: Attempt, place: Place) -> int:
    """An attempt as a shard's tally names it among those that topic or queue was told: one number, for a set of them to
    be small; of the queue it is negative."""
    code = attempt.number * limits.SHARD_SIZE + offset_of(attempt.index)
    return -code if place is Place.QUEUE else code


def check_endings(endings: Mapping[TaskState, int]) -> int:
    """All the masks as one. Raises Defect when one is of a state that is no ending, or a task is in two."""
    seen = 0
    for ending, mask in endings.items():
        if ending not in ENDINGS:
            raise Defect(f"a tally holds endings, and '{ending}' is none")
        if mask & seen:
            raise Defect(f"a task cannot end twice: offsets {mask & seen:#x} are in two masks")
        seen |= mask
    return seen


RELEASED = 0
"""The lease of a claim that its owner gave back before any submission."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to submit: whose it is, and until when nobody else may take it over."""

    owner: str
    lease_until_ms: int

    def seconds_left(self, now_ms: int) -> int:
        """After how many seconds the lease is over; 0 or less once it is."""
        return -(-(self.lease_until_ms - now_ms) // 1000)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task of a run from its first claim on.

    `requested` is what the attempt's request asks for; None in a record of an earlier version, and of a request that
    cannot be rendered. `job_id` is None while the attempt is claimed and not submitted. `job_tries` counts ended tries
    inside Batch (its own retryStrategy), to order events. `cancel_requested` tells who records a job id to end the job.
    `missing_since_ms` is when Batch was first found not to know the job. `forbidden_since_ms` is when the attempt's
    submission was first found not to be permitted. `second_jobs` are jobs of the task that had to be terminated, for
    their attempt had one already. `past` holds the results of earlier attempts, oldest first; `result` that of an ended
    one.
    """

    attempt: Attempt
    state: TaskState
    claim: Claim | None = None
    claimed_at_ms: int | None = None
    requested: Requested | None = None
    job_id: str | None = None
    job_tries: int = 0
    cancel_requested: bool = False
    started_at_ms: int | None = None
    retry_at_ms: int | None = None
    missing_since_ms: int | None = None
    forbidden_since_ms: int | None = None
    second_jobs: frozenset[str] = frozenset()
    result: JobResult | None = None
    past: tuple[JobResult, ...] = ()


class Scope(StrEnum):
    """Which tasks a redrive runs again; what follows them runs again too."""

    FROM_FAILED = "from_failed"
    """Those that did not succeed."""
    TASKS = "tasks"
    """Those that are named."""
    ALL = "all"
    """Every task."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """What an epoch runs again of the one before. `params` are those that the redrive gave new values. `prepared` once
    the endings that are kept stand in its tallies."""

    scope: Scope
    tasks: tuple[str, ...] = ()
    prepared: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastEpoch:
    """How an epoch of a run ended, before a redrive began the next one. `params` is None where the next epoch has the
    same ones, and in what an earlier version stored."""

    version: int
    plan_digest: str
    state: RunState
    ended_at_ms: int | None
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one plan with one set of params.

    `request_digest` names what was asked for, so that a repeated idempotency key with another request is refused.
    `epoch` counts the redrives from 0, `past` holds the epochs before, oldest first, and `redrive` what this one runs
    again. `switches` counts pauses and resumes of the epoch: odd while it is paused. At `sweep_at_ms` the sweep looks
    at the run, beginning with `sweep_shard`; None when there is nothing to be looked at any more. `schedule` names the
    workflow's schedule that started it, for the time `scheduled_at_ms`. `notify` says who is told what of it: what
    holds by default, of one that an earlier version started. `redriven_at_ms` is when its epoch began, of all but the
    first. `untold` is what is still to be told of it (core/notice/outbox.py), and `lease` the right to do so.
    """

    run_id: str
    workflow: str
    version: int
    plan_digest: str
    params: Mapping[str, Any]
    state: RunState
    created_at_ms: int
    request_digest: str
    epoch: int = 0
    ended_at_ms: int | None = None
    redrive: Redrive | None = None
    past: tuple[PastEpoch, ...] = ()
    switches: int = 0
    swept_at_ms: int | None = None
    sweep_at_ms: int | None = None
    sweep_shard: int = 0
    schedule: str | None = None
    scheduled_at_ms: int | None = None
    notify: Notify = BY_DEFAULT
    redriven_at_ms: int | None = None
    untold: frozenset[str] = frozenset()
    lease: Lease | None = None

    @property
    def began_ms(self) -> int:
        """When the epoch began; of an earlier one than the current, when the run did."""
        return self.created_at_ms if self.redriven_at_ms is None else self.redriven_at_ms


def in_epoch(run: Run, epoch: int) -> Run:
    """The run as it was in one of its epochs, the current or an earlier one."""
    if epoch == run.epoch:
        return run
    past = run.past[epoch]
    return replace(
        run,
        epoch=epoch,
        version=past.version,
        plan_digest=past.plan_digest,
        params=next((one.params for one in run.past[epoch:] if one.params is not None), run.params),
        state=past.state,
        ended_at_ms=past.ended_at_ms,
        past=run.past[:epoch],
        switches=0,
        redriven_at_ms=None,
    )


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """A version of a workflow as it was pushed. `definition` is the file's content as JSON-like data."""

    name: str
    version: int
    definition: Mapping[str, Any] = field(repr=False)
    plan_digest: str
    pushed_at_ms: int


@dataclass(frozen=True, slots=True)
class WorkflowEntry:
    """A workflow in the list of workflows: its latest version, in short. `is_deleted`: forgotten, but for its runs."""

    name: str
    version: int
    tasks: int
    pushed_at_ms: int
    description: str | None = None
    is_deleted: bool = False


DESCRIPTION_CHARACTERS = 300
"""How much of a description the list of workflows holds."""


def entry_of_push(
    name: str, definition: Mapping[str, Any], tasks: int, version: int, pushed_at_ms: int
) -> WorkflowEntry:
    """The entry of a version that was pushed with this definition."""
    description = definition.get("description")
    cut = description[:DESCRIPTION_CHARACTERS] if isinstance(description, str) and description else None
    return WorkflowEntry(name, version, tasks, pushed_at_ms, cut)


@dataclass(frozen=True, slots=True)
class RunPlace:
    """A run's place in a list of runs, which is newest first; of runs of one millisecond, the highest id first."""

    created_at_ms: int
    run_id: str

    @property
    def order(self) -> tuple[int, str]:
        """Descends along a list of runs."""
        return self.created_at_ms, self.run_id


def place_of_run(run: Run) -> RunPlace:
    return RunPlace(run.created_at_ms, run.run_id)


@dataclass(frozen=True, slots=True)
class ListedRuns:
    """Runs of a list, newest first, and where it goes on: after that place, or nowhere. There may be fewer than were
    asked for though it goes on, for no call looks at more than so many."""

    runs: tuple[Run, ...]
    after: RunPlace | None
