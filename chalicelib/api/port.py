"""What can be asked of a Batchwright, wherever it runs: one protocol, spoken in process and over HTTP.

The CLI knows nothing else. `inprocess/direct.py` implements it on the table, `batchwright/client/http_api.py` on an
API's address, and one contract suite runs against both. Mistakes of the caller raise UserMistake (core/errors.py has
its kinds), an API that cannot be reached or fails raises TryAgain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from chalicelib.api import models as m
from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter
from chalicelib.core.states import RunState, TaskState


class Api(Protocol):
    """A Batchwright."""

    # Workflows

    def put_workflow(
        self,
        name: str,
        definition: Mapping[str, Any],
        *,
        if_match: str | None = None,
        revisions: Collection[str] = (),
        keep_schedules: bool = False,
    ) -> m.Workflow:
        """Push a definition as the next version; the same content as the latest makes none.

        `if_match` is the ETag that the latest must have, "*" for any. `revisions`, such as `films:3`, are what the
        tasks submit that name the job definition alone. `keep_schedules` leaves the workflow's schedules as they were
        before. Raises InvalidWorkflow with every mistake, UserMistake for a wrong revision, and PreconditionFailed."""
        ...

    def workflows(self, *, limit: int = 100, page: str | None = None) -> m.Page[m.WorkflowSummary]:
        """The workflows, by name."""
        ...

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        """One version, the latest by default. Raises UnknownWorkflow."""
        ...

    def delete_workflow(self, name: str, *, if_match: str | None = None) -> None:
        """Forget the workflow and its schedules. Its runs stay and go on; pushing it again goes on counting versions.
        Raises UnknownWorkflow and PreconditionFailed."""
        ...

    # Runs

    def start_run(self, request: m.StartRun, idempotency_key: str) -> m.Run:
        """Start a run; the same key and request start it once. Raises IdempotencyConflict for another request."""
        ...

    def runs(
        self,
        *,
        workflow: str | None = None,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 20,
        page: str | None = None,
    ) -> m.Page[m.Run]:
        """Runs, newest first: created from `since_ms` on and before `until_ms`. Eventually consistent. A page may have
        fewer than `limit`: of a rare state even none, though the list goes on."""
        ...

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        """A run as it is now, or as it ended in an earlier epoch. Raises UnknownRun, with the nearest id, and
        UnknownEpoch."""
        ...

    def tasks(
        self,
        run_id: str,
        *,
        epoch: int | None = None,
        state: TaskState | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.Page[m.Task]:
        """The tasks of a run, in the order of its plan, with their attempts. A page may have fewer than `limit`."""
        ...

    def task(self, run_id: str, name: str, epoch: int | None = None) -> m.Task:
        """One task with its attempts. Raises UnknownTask with the nearest name."""
        ...

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
        """What an attempt's job wrote (the last attempt by default; of an array a child), oldest line first. `job_try`
        is one of its tries inside Batch, in place of the last. `tail` begins with the last so many lines. Raises
        UnknownTask for an attempt, a try or a child that there is not."""
        ...

    def events(self, run_id: str, *, limit: int = 1000, page: str | None = None) -> m.Page[m.Event]:
        """What happened in a run, in the order of time, derived from its records. Each page reads the whole run."""
        ...

    def timeline(
        self, run_id: str, *, epoch: int | None = None, limit: int = 1000, page: str | None = None
    ) -> m.Timeline:
        """When the tasks of a run waited, ran and rested. Each page reads the whole run, and may have fewer than
        `limit`."""
        ...

    def failures(self, run_id: str, epoch: int | None = None) -> m.Failures:
        """Why a run failed: its first failure, failures of one kind together, and what each took along. Reads the whole
        run."""
        ...

    def run_notice(self, run_id: str) -> m.RunNotice:
        """The notice that the run's records give now: of its end, of the tasks that failed so far, or of its start.
        Nothing is published. Raises UnknownRun."""
        ...

    # Actions

    def cancel(self, run_id: str, request: m.Cancel) -> m.Acted:
        """Start nothing more of a run and end its jobs. Raises WrongState when it ended otherwise."""
        ...

    def pause(self, run_id: str) -> m.Acted:
        """Start nothing more of a run; its jobs go on. Raises WrongState when it has ended or is being cancelled."""
        ...

    def resume(self, run_id: str) -> m.Acted:
        """Let a paused run go on. Raises WrongState when it has ended or is being cancelled."""
        ...

    def redrive(self, run_id: str, request: m.Redrive) -> m.Acted:
        """Run an ended run again, in part. Raises WrongState when it goes on, or was redriven since the epoch that is
        given, UnknownWorkflow for a version, and UserMistake for what cannot run again."""
        ...

    # Schedules

    def schedules(self, workflow: str | None = None) -> list[m.Schedule]:
        """The schedules of one workflow, or of all, by workflow and name. Of all, eventually consistent. Raises
        UnknownWorkflow."""
        ...

    def next_times(self, workflow: str, schedule: str, *, count: int = 10, after_ms: int | None = None) -> list[int]:
        """Its next times after now or another moment, 100 at most; fewer when there are no more, also while it is
        paused, for it may be resumed. Raises UnknownSchedule."""
        ...

    def pause_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        """Let it start nothing by itself; its runs go on. Raises UnknownSchedule."""
        ...

    def resume_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        """Let it go on; what it missed is caught up as it says. Raises UnknownSchedule."""
        ...

    def backfill(self, workflow: str, schedule: str, request: m.Backfill) -> m.Backfilled:
        """Have a run started for each of its past times in a range that has none, 1,000 at most: all at once where runs
        may overlap, else one after another. The runs are named, and start soon. Raises UnknownSchedule, and UserMistake
        when they are too many."""
        ...

    # Jobs

    def jobs(self, wanted: JobFilter = EVERY_JOB, *, limit: int = 100, page: str | None = None) -> m.JobPage:
        """Batch jobs that were recorded from their events and that the filter wants, newest first. Eventually
        consistent. A page may have fewer than `limit`: of what is rare even none, though the list goes on."""
        ...

    def job(self, job_id: str) -> m.Job:
        """A job that was recorded; of an array with the first few of its jobs that failed. A beginning of 8 letters or
        more will do among the newest 1,000. `ID:N` is an array's child, as Batch tells. Raises UnknownJob: with the
        nearest id among the newest ones, or with the run that has it."""
        ...

    def job_logs(
        self,
        job_id: str,
        *,
        job_try: int | None = None,
        child: int | None = None,
        tail: int | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.LogPage:
        """What a recorded job wrote in a try (the one under way or the last one by default; of an array a child, also
        as `ID:N`), oldest line first. `tail` begins with the last so many lines. Raises UnknownJob, also for a try or a
        child that there is not."""
        ...

    # Monitors

    def monitors(self) -> m.Monitors:
        """The monitors of the stage; of revision 0 and without any when none were ever pushed."""
        ...

    def put_monitors(self, definition: Mapping[str, Any], *, if_match: str | None = None) -> m.Monitors:
        """Push a definition in place of the present one; the same content makes no new revision. The functions know of
        it within a minute. `if_match` is the ETag that the present one must have, "*" for any. Raises InvalidMonitors
        with every mistake, and PreconditionFailed."""
        ...

    def delete_monitors(self, *, if_match: str | None = None) -> None:
        """Watch nothing any more. Raises PreconditionFailed."""
        ...

    # Tokens

    def create_token(self, request: m.NewToken) -> m.CreatedToken:
        """Make a token. Its secret is told this one time."""
        ...

    def tokens(self) -> list[m.Token]:
        """The tokens, oldest first; those revoked or expired stay for some weeks."""
        ...

    def revoke_token(self, token_id: str) -> m.Token:
        """Make a token good for nothing, at once and for ever; twice is once. Raises UnknownToken."""
        ...

    def health(self) -> m.Health: ...
