"""What the engine asks of the table, as protocols: workflows, runs, schedules, digests, jobs of others, monitors.
`aws/` keeps them in DynamoDB; tests and the simulator in memory. One contract suite (tests/contract) runs against every
implementation.

Every write names what it expects to find and says whether it landed. No method retries what may have taken effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter, JobPlace, JobRecord, JobState, ListedJobs
from chalicelib.core.batch.result import JobResult
from chalicelib.core.ids import Attempt
from chalicelib.core.lease import Lease, NoticeClaim
from chalicelib.core.monitor.counts import Bucket, Counted
from chalicelib.core.monitor.pushed import PushedMonitors
from chalicelib.core.monitor.records import MonitorLook, Telling
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.window import Window
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.records import (
    Claim,
    ListedRuns,
    Run,
    RunPlace,
    Tally,
    TaskRecord,
    WorkflowEntry,
    WorkflowVersion,
)
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.states import RunState, TaskState

PAST_REASON_CHARACTERS = 256
"""How much of a reason a store keeps of an attempt that was followed by another, so that records stay small."""


TELLINGS_KEPT_DAYS = 30
"""A job that still runs or waits then is told of once more."""
BUCKETS_KEPT_DAYS = 3
"""The longest that a rate or a time of day looks back is two days."""
RUN_TIMES_KEPT_DAYS = 70
"""A month is asked for until the next one is over."""
TOLD_KEPT_DAYS = 7
"""A queue that is blocked for longer is told of once more."""


class Workflows(Protocol):
    """Workflows and their plans."""

    def push(
        self, name: str, definition: Mapping[str, Any], plan: Plan, now_ms: int, *, after: int | None = None
    ) -> WorkflowVersion:
        """Store a workflow as its next version, its plan under its digest, and its entry in the list of workflows.

        The same plan and definition as the latest version make no new one: that version is returned, and the entry
        made if it was lost. Of a deleted workflow the next version is the one after the last, whatever is in it.
        Raises PreconditionFailed when `after` is given and is not the number of the latest version: 0 for none.
        """
        ...

    def workflow(self, name: str, version: int | None = None) -> WorkflowVersion | None:
        """One version, the latest by default. None when there is none, and while the workflow is deleted."""
        ...

    def delete_workflow(self, name: str, version: int) -> bool:
        """Forget the workflow if this is its latest version; whether it was. Its plans and runs stay."""
        ...

    def list_workflows(self, limit: int, *, after: str = "", with_deleted: bool = False) -> list[WorkflowEntry]:
        """The workflows whose names come after that one, by name as its UTF-8 bytes sort."""
        ...

    def plan(self, digest: str) -> Plan:
        """The plan of that digest, from the warm cache if it was read before. Raises Defect when it is not stored."""
        ...


RUNS_LOOKED_AT = 1_000
"""How many records one call looks at to list runs, but for those of one millisecond, which it looks at together."""


class Runs(Protocol):
    """Runs, tallies and task records."""

    def create_run(self, run: Run) -> Run:
        """Put the run unless one with its id exists; returns what is stored then: `run` itself, or the old one."""
        ...

    def run(self, run_id: str) -> Run | None:
        """The run, read consistently. None when there is none."""
        ...

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
        """Move the run to a state if it is in that epoch and the table of states allows it; whether it does. `untold`
        joins what is still to be told of it. The `lease` becomes the run's, unless the run has one, be it expired."""
        ...

    def switch_run(
        self, run_id: str, epoch: int, to: RunState, *, untold: Collection[str] = (), lease: Lease | None = None
    ) -> Run | None:
        """Move the run from `running` to `paused` or back, and count it in `switches`; the run as it is then. None
        when it was not in that epoch and in the other of the two states. `untold` joins what is still to be told, and
        the `lease` is taken as by `change_run`."""
        ...

    def lease_run(self, run_id: str, lease: Lease, now_ms: int) -> Run | None:
        """Take the lease on what is still to be told of the run, if nobody else holds one at that time; the run as it
        is then. None when somebody does, or the run is gone."""
        ...

    def note_run_told(
        self, run_id: str, told: Collection[str], owner: str, *, seen: Collection[str] | None = None
    ) -> Run | None:
        """Take these out of what is still to be told of the run; nothing happens to those that are not in it. The run
        as it is then; None when it is gone.

        With `seen` the owner's lease ends in the same write, if what was to be told is exactly that: what somebody has
        added meanwhile stays the owner's to tell."""
        ...

    def note_run_untold(self, run_id: str, untold: Collection[str], sweep_at_ms: int) -> Run | None:
        """Let these join what is still to be told of the run, whatever its epoch and state, and the sweep look at it
        then, if it would not any more; the run as it is after that. None when it is gone."""
        ...

    def begin_epoch(self, run: Run, before: Run) -> bool:
        """Put the run's record in its next epoch in place of the one that is stored, if that one has ended, is in the
        epoch before, and has the `untold` and the `lease` of `before`; whether it was so."""
        ...

    def epoch_prepared(self, run_id: str, epoch: int) -> None:
        """Note that the tallies of this epoch hold what the redrive keeps."""
        ...

    def due_runs(self, now_ms: int, limit: int) -> list[str]:
        """The ids of runs whose `sweep_at_ms` has come, longest overdue first. Eventually consistent."""
        ...

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
        """Note a sweep's look at `run` as it was read: when it was, when the next one is due (None for never again,
        which lands only if nothing is to be told), and with which shard that begins. `untold` joins what is still to
        be told, and the `lease` is taken as by `change_run`. Lands only if nobody noted one since; whether it did."""
        ...

    def list_runs(
        self,
        workflow: str,
        limit: int,
        *,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        after: RunPlace | None = None,
    ) -> ListedRuns:
        """The runs of a workflow, also of a deleted one, created from `since_ms` on and before `until_ms`, newest
        first, from behind the place `after` on. Looks at RUNS_LOOKED_AT records or a few more, so that a rare state
        may take several calls. Eventually consistent."""
        ...

    def tally(
        self, run_id: str, epoch: int, shard: int, endings: Mapping[TaskState, int], *, kept: bool = False
    ) -> Tally | None:
        """Add masks of endings to the shard's tally, if none of these tasks is in it with another ending.

        Returns the tally as it was before (all empty when there was none), or None when a task already ended
        otherwise: then nothing was added. Adding twice is adding once. Raises Defect when `endings` itself names a
        task twice, or a state that is no ending. `kept`: a redrive kept them of the epoch before, which is noted of
        those that failed.
        """
        ...

    def note_jobs_told(self, run_id: str, epoch: int, shard: int, kind: NoticeKind, told: Collection[int]) -> None:
        """Note in the shard's tally which attempts were told to wait (JOB_WAITING) or run (JOB_RUNNING) for too long,
        each as `told_code` has it."""
        ...

    def read_tally(self, run_id: str, epoch: int, shard: int) -> Tally:
        """The shard's tally, read consistently; an empty one when there is none."""
        ...

    def halt(self, run_id: str, epoch: int, shard: int) -> None:
        """Raise the shard's `halt` flag: after this no claim in it leads to a submission."""
        ...

    def set_pace(self, run_id: str, epoch: int, shard: int, pace: int) -> None:
        """Raise the shard's `pace` to that count, unless it is as high already."""
        ...

    def task(self, run_id: str, epoch: int, index: int) -> TaskRecord | None:
        """A task's record in an epoch, read consistently. None before its first claim."""
        ...

    def tasks(self, run_id: str, epoch: int, shard: int) -> list[TaskRecord]:
        """The records of a shard's tasks in an epoch, ascending, read consistently; tasks never claimed have none."""
        ...

    def claim(
        self,
        attempt: Attempt,
        claim: Claim,
        now_ms: int,
        *,
        requested: Requested | None = None,
        replaces_job: str | None = None,
    ) -> TaskRecord | None:
        """Take the right to submit this attempt. Returns None when it was won, else the record that stood in the way.
        `asked` is what its request will ask for.

        Without `replaces_job` it is a first claim, and lands only where there is no record. With it, it is a retry's,
        and lands only if the record is `waiting`, its attempt is the one before, and that one's job is `replaces_job`;
        raises Defect when there is no record at all.

        One call is one claim: an owner that claims the same attempt anew finds its first claim in the way, for the
        submission that followed it may have lost its answer.
        """
        ...

    def take_over(self, seen: TaskRecord, claim: Claim, requested: Requested | None = None) -> bool:
        """Take over the claim of `seen`, if the record is still claimed, without a job, under that owner and lease.
        `asked` replaces what the record holds; None leaves it.

        Whether it was taken over. Of two that saw the same claim, one wins.
        """
        ...

    def release(self, attempt: Attempt, owner: str, *, forbidden_since_ms: int | None = None) -> None:
        """Give a claim back that surely led to no submission: its lease becomes `RELEASED`, so that the next one
        takes it over at once and need not ask Batch. `forbidden_since_ms`, if given, is kept with the record. Nothing
        happens if the claim is not this owner's any more."""
        ...

    def record_job(self, attempt: Attempt, job_id: str) -> TaskRecord:
        """Record the attempt's job, if the attempt is still claimed. Returns the record as it is now, landed or not:
        its `job_id` tells which job the attempt has, and its `cancel_requested` whether that job must be terminated."""
        ...

    def observe(
        self, attempt: Attempt, job_id: str, state: TaskState, job_tries: int, started_at_ms: int | None
    ) -> TaskRecord | None:
        """Record that the attempt's job reached a state, if that is news by the table of states (core/states.py).

        Also adopts: a claimed attempt without a job gets this one. Returns the record as it is now, landed or not;
        None when there is no record. Raises Defect for a state that no job under way has: endings are committed.
        """
        ...

    def wait_for_retry(self, attempt: Attempt, result: JobResult, retry_at_ms: int) -> bool:
        """End the attempt but not the task: the record becomes `waiting`, its result joins `past`.

        Lands only if the record is in this attempt, neither waiting nor ended, and its job is the result's or it has
        none yet; whether it did. The record of a task that waits has no claim any more and the result's job.
        """
        ...

    def commit(self, attempt: Attempt, state: TaskState, result: JobResult | None) -> TaskRecord | None:
        """Make the record terminal, the last write of an event's handling. Returns the record as it was before, if
        there was one; a record that is terminal already, or in another attempt, stays as it is. Nothing is made where
        there is none."""
        ...

    def request_cancel(self, seen: TaskRecord) -> bool:
        """Mark a claimed record, whose job is not known yet, so that whoever records the job terminates it.

        Lands only if the record is still claimed without a job in the same attempt; whether it did.
        """
        ...

    def mark_missing(self, attempt: Attempt, job_id: str, since_ms: int | None) -> bool:
        """Note since when Batch does not know the job of an attempt that is under way; None once it knows it again.
        Whether it is the attempt's job and the attempt is not over: otherwise nothing is noted."""
        ...

    def add_second_job(self, attempt: Attempt, job_id: str) -> bool:
        """Note a job of the task that nobody wants, for the attempt has another; whether that is news. Adding twice is
        adding once; nothing happens where there is no record."""
        ...


class Schedules(Protocol):
    """The records of schedules."""

    def schedule(self, workflow: str, name: str) -> ScheduleRecord | None:
        """A schedule's record, read consistently. None when there never was such a schedule."""
        ...

    def schedules(self, workflow: str) -> list[ScheduleRecord]:
        """The records of a workflow's schedules, by name, removed ones included; read consistently."""
        ...

    def put_schedule(self, record: ScheduleRecord) -> bool:
        """Put a record in place of the one whose `revision` is one less, or where there is none if its own is 1;
        whether it was."""
        ...

    def due_schedules(self, until_ms: int, limit: int) -> list[tuple[str, str]]:
        """Workflow and name of the schedules whose `sweep_at_ms` is not after `until_ms`, longest overdue first. Those
        that were removed and need nothing more are not among them, whatever the time. Eventually consistent."""
        ...


class Monitors(Protocol):
    """The monitors of the stage, and what they saw and told."""

    def monitors(self) -> PushedMonitors:
        """The monitors as they were pushed last, read consistently; NOT_PUSHED when they never were."""
        ...

    def put_monitors(self, pushed: PushedMonitors) -> bool:
        """Put them in place of the revision before, or where there is none if theirs is 1; whether that was so."""
        ...

    def look(self, monitor: str) -> MonitorLook:
        """What is known from the looks before, read consistently; of revision 0 when there was none."""
        ...

    def put_look(self, look: MonitorLook) -> bool:
        """Put it in place of the revision before, or where there is none if its own is 1; whether that was so."""
        ...

    def telling(self, monitor: str, kind: NoticeKind) -> Telling | None:
        """What was told last, or is to be; read consistently. Of one that is closed the jobs are forgotten. None when
        there never was one."""
        ...

    def put_telling(self, telling: Telling) -> bool:
        """Put a telling in place of the one of the number before, if that is closed, or where there is none if its own
        is 1; whether that was so."""
        ...

    def lease_telling(self, telling: Telling, lease: Lease, now_ms: int) -> bool:
        """Take the lease on a telling that is open, if it is the latest and nobody else holds one at that time; whether
        it was so."""
        ...

    def close_telling(self, telling: Telling) -> None:
        """Note that it was told, and forget its jobs. Twice is once; nothing happens if it is not the latest."""
        ...

    def mark_jobs_told(self, telling: Telling) -> None:
        """Note of each job of a telling that it is told of so, for TELLINGS_KEPT_DAYS. Twice is once; of a call that
        fails, some may be noted."""
        ...

    def jobs_told(self, monitor: str, kind: NoticeKind, job_ids: Sequence[str]) -> set[str]:
        """Those of these jobs that `mark_jobs_told` noted; read consistently."""
        ...

    def was_told(self, notice_id: str, now_ms: int) -> bool:
        """Whether a notice that Batch has us repeat was told within TOLD_KEPT_DAYS; read consistently."""
        ...

    def claim_notice(self, notice_id: str, lease: Lease, now_ms: int) -> NoticeClaim:
        """Take the lease on a notice, unless it was told within TOLD_KEPT_DAYS or somebody else holds it at that time.
        `note_notice_told` ends it."""
        ...

    def release_notice(self, notice_id: str, owner: str) -> None:
        """Give the owner's lease on a notice back, because it was not told. Nothing happens to another's lease."""
        ...

    def note_notice_told(self, notice_id: str, now_ms: int) -> None:
        """Note that it was told now, which ends any lease on it. Twice is once."""
        ...

    def buckets(self, under: str, from_ms: int, until_ms: int) -> list[Bucket]:
        """How many endings were counted under that name (`observe_job` counts them) in the five minutes that begin from
        one moment on and before another, ascending; those without any are left out. Read consistently. Forgotten after
        BUCKETS_KEPT_DAYS."""
        ...

    def run_times(self, definition: str, month: str) -> dict[int, int]:
        """How many of the counted jobs that ended in a month (`2026-11`) took a time of which step. Forgotten
        RUN_TIMES_KEPT_DAYS after the last of them."""
        ...


class Digests(Protocol):
    """The windows in which failures are gathered, by their scope (core/notice/window.py)."""

    def window(self, scope: str) -> Window | None:
        """The scope's latest window, read consistently. None when there never was one."""
        ...

    def open_window(self, scope: str, number: int, opener: str, closes_ms: int, step: int = 1) -> bool:
        """Open the window of that number, if the one before it is the latest and closed; the first one, if there is
        none. Whether it was. What was told stays."""
        ...

    def close_window(self, scope: str, number: int, lease: Lease, now_ms: int) -> Window | None:
        """Close the window and take the lease on telling what it gathered, if it is the latest and nobody else holds
        one at that time; the window as it is then, or None. Closing twice is closing once."""
        ...

    def settle_window(self, scope: str, number: int, told_count: int, owner: str) -> bool:
        """Note that all that the window of that number gathered was told, so many members in all, and end the owner's
        lease, while a later window may be open. Nothing happens if the lease is not the owner's; whether it was."""
        ...

    def add_member(self, scope: str, member: str, at_ms: int, job: ToldJob) -> None:
        """Put a member of a scope whose members stand nowhere else, with the job that it is as a notice would name it,
        without log lines. Adding twice is adding once: the first stands."""
        ...

    def members(self, scope: str) -> list[str]:
        """The members that were added, by their times, read consistently."""
        ...

    def told_members(self, scope: str, members: Sequence[str]) -> list[ToldJob]:
        """The jobs that these members are, in this order; those that were not added are left out. Read consistently."""
        ...


JOBS_LOOKED_AT = 50_000
"""About how many jobs of a kind (under way, succeeded, failed, unknown) one call looks at to list some."""


class Jobs(Protocol):
    """The records of Batch jobs, those of others above all."""

    def observe_job(self, record: JobRecord, keep_until_ms: int, counted: Counted | None = None) -> JobRecord | None:
        """Put the record in place of an earlier one of its job, or where there is none. Returns None when it was, else
        the one that stood in the way. Earlier by `order`, so that neither a repeat nor a late event changes anything,
        and an ended one never moves. It is forgotten some time after `keep_until_ms`.

        `counted` is counted if and only if the record is put, in one write: an ending is put once, so it is counted
        once."""
        ...

    def job(self, job_id: str) -> JobRecord | None:
        """The record, read consistently. None when there is none, or none any more."""
        ...

    def list_jobs(self, limit: int, wanted: JobFilter = EVERY_JOB, *, after: JobPlace | None = None) -> ListedJobs:
        """The jobs that are wanted, newest first, from behind the place `after` on, as they are now. Looks at some
        JOBS_LOOKED_AT records of a kind, so that rare ones may take several calls; those of a name of which the
        beginning is known are found at once.

        A job keeps its place whatever becomes of it, so none is met twice or lost while one goes from page to page.
        Which jobs there are, and in which state, is eventually consistent.
        """
        ...

    def open_jobs(
        self, limit: int, states: Sequence[JobState], until_ms: int, *, after: JobPlace | None = None
    ) -> ListedJobs:
        """Jobs in these states, none of which is an end, created before `until_ms`: the longest known first, from
        behind the place `after` on, as they are now. As `list_jobs` in everything else."""
        ...

    def silent_jobs(self, before_ms: int, limit: int) -> list[JobRecord]:
        """Jobs that have not ended, of which nothing was heard or asked since `before_ms`, the longest known first.
        Eventually consistent."""
        ...

    def job_asked(self, record: JobRecord, at_ms: int, keep_until_ms: int) -> None:
        """Note that Batch was asked about the job, which was still as `record` is; nothing happens if it moved on."""
        ...

    def job_lost(self, record: JobRecord, at_ms: int) -> bool:
        """Note that Batch does not know the job any more, if it is still as `record` is; whether it was."""
        ...


class Store(Workflows, Runs, Schedules, Digests, Jobs, Monitors, Protocol):
    """All that is in the table."""
