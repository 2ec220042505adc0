"""What the engine notes of its own doings: for each, its figure and its line in the log, in one place.

Decides nothing, asks nobody anything and waits for nothing, so that a procedure is the same without it. The lines carry
the ids by which one run's story is found again (docs/how-to/operate-a-stage.md). None holds anything of an event but
what is named here. What people are told of a run is core/notice/model.py's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.ids import Attempt, is_refused_job_id
from chalicelib.core.notice.model import Notice
from chalicelib.core.run.records import Run, TaskRecord
from chalicelib.core.schedule.decisions import ScheduleRecord, passed_over
from chalicelib.core.schedule.model import iso_time
from chalicelib.core.states import JobStatus, TaskState
from chalicelib.core.telemetry.metrics import Adoption, Figure, JobEnd, Source, SweepFind
from chalicelib.engine.world.world import RunFacts, World
from chalicelib.ports.services import Figures, Notices

log = logging.getLogger(__name__)

IDS = "ids"
"""The attribute of a log record that holds the ids of what it is about, by name: run_id, epoch, workflow, task,
attempt, job_id, and whatever else its line is to be found by."""
NO_QUEUE = "unknown"
"""The queue of a job whose event names none."""

_JOB_ENDS = {TaskState.SUCCEEDED: JobEnd.SUCCEEDED, TaskState.FAILED: JobEnd.FAILED}


def ids(attempt: Attempt | None = None, facts: RunFacts | None = None, **more: Any) -> dict[str, dict[str, Any]]:
    """The `extra` of a log call: of which attempt it tells, by the task's name where the plan is at hand."""
    found: dict[str, Any] = {}
    if facts is not None:
        found = {"run_id": facts.run_id, "epoch": facts.epoch, "workflow": facts.workflow}
    if attempt is not None:
        known = facts is not None and attempt.index < len(facts.plan.tasks)
        task = facts.plan.tasks[attempt.index].name if facts is not None and known else None
        found |= {"run_id": attempt.run_id, "epoch": attempt.epoch, "task": task, "task_index": attempt.index}
        found["attempt"] = attempt.number
    return {IDS: {name: value for name, value in (found | more).items() if value is not None}}


def of_run(run: Run, **more: Any) -> dict[str, dict[str, Any]]:
    """The `extra` of a log call that tells of a run."""
    return ids(run_id=run.run_id, epoch=run.epoch, workflow=run.workflow, **more)


# Runs


def run_started(world: World, run: Run) -> None:
    world.figures.count(Figure.RUNS_STARTED, run_id=run.run_id)
    log.info("run started", extra=of_run(run, version=run.version, schedule=run.schedule))


def run_redriven(world: World, run: Run) -> None:
    world.figures.count(Figure.RUNS_REDRIVEN, run_id=run.run_id)
    log.info("run redriven", extra=of_run(run, version=run.version))


def run_ended(world: World, run: Run) -> None:
    """Told by whoever moved the run to its end, and by nobody else."""
    world.figures.count(Figure.RUNS_ENDED, run_id=run.run_id, state=run.state)
    duration_ms = None
    if run.epoch == 0 and run.ended_at_ms is not None:
        # When a redrive began is not in the record.
        duration_ms = run.ended_at_ms - run.created_at_ms
        world.figures.time(Figure.RUN_SECONDS, duration_ms, run_id=run.run_id)
    log.info("run %s", run.state, extra=of_run(run, state=run.state, run_seconds=_seconds(duration_ms)))


# Jobs


def job_submitted(world: World, facts: RunFacts, attempt: Attempt, job_id: str) -> None:
    world.figures.count(Figure.JOBS_SUBMITTED, run_id=facts.run_id)
    log.info("job submitted", extra=ids(attempt, facts, job_id=job_id))


def answer_lost(world: World, facts: RunFacts, attempt: Attempt, why: Exception) -> None:
    world.figures.count(Figure.ANSWERS_LOST, run_id=facts.run_id)
    log.info("nobody knows whether Batch took the job: %s", why, extra=ids(attempt, facts))


def throttled(world: World, facts: RunFacts, attempt: Attempt) -> None:
    world.figures.count(Figure.SUBMISSIONS_THROTTLED, run_id=facts.run_id)
    log.info("Batch throttles; the job is submitted later", extra=ids(attempt, facts))


def job_adopted(world: World, attempt: Attempt, job_id: str, how: Adoption) -> None:
    world.figures.count(Figure.JOBS_ADOPTED, run_id=attempt.run_id, how=how)
    log.info("job adopted by %s", how, extra=ids(attempt, job_id=job_id))


def second_jobs(world: World, attempt: Attempt, news: Sequence[str], job_ids: Sequence[str]) -> None:
    """`news` are those of the jobs that nobody had noted before."""
    if news:
        world.figures.count(Figure.SECOND_JOBS, len(news), run_id=attempt.run_id)
    for job_id in job_ids:
        log.warning("terminating a second job", extra=ids(attempt, job_id=job_id))


def job_running(world: World, facts: RunFacts, change: JobChange) -> None:
    """Told of each event that a job runs."""
    if change.status is JobStatus.RUNNING and change.job_tries == 0:
        _time_wait(world, change, change.started_at_ms)
        log.info("job running", extra=ids(change.attempt, facts, job_id=change.job_id, queue=change.queue))


def job_ended(world: World, facts: RunFacts, change: JobChange, ending: TaskState, before: TaskRecord) -> None:
    """Told by whoever ended the attempt's record, which was `before`, and by nobody else. Of an attempt that another
    one follows, `ending` is `waiting`."""
    result = change.result
    assert result is not None, "an ended change carries its result"
    end = JobEnd.RETRIED if ending is TaskState.WAITING else _JOB_ENDS.get(ending, JobEnd.CANCELLED)
    run_id, queue = facts.run_id, change.queue or NO_QUEUE
    world.figures.count(Figure.JOBS_ENDED, run_id=run_id, state=end)
    failure = None if result.succeeded else result.failure
    if failure is not None:
        world.figures.count(Figure.JOBS_FAILED, run_id=run_id, failure=failure)
    if before.started_at_ms is None and change.job_tries <= 1:
        # No event had told that it runs: it was too quick, or came late. Of several tries the first start is not known.
        _time_wait(world, change, result.started_at_ms)
    run_ms = None
    if result.started_at_ms is not None and result.stopped_at_ms is not None:
        run_ms = result.stopped_at_ms - result.started_at_ms
        world.figures.time(Figure.JOB_RUN_SECONDS, run_ms, run_id=run_id, queue=queue)
    if before.job_id is None and not is_refused_job_id(change.job_id):
        job_adopted(world, change.attempt, change.job_id, Adoption.EVENT)
    about = ids(change.attempt, facts, job_id=change.job_id, queue=change.queue, state=end, failure=failure)
    about[IDS] |= {"exit_code": result.exit_code, "log_stream": result.log_stream, "run_seconds": _seconds(run_ms)}
    log.info("job %s", end, extra=about)


def foreign_job_told(world: World, record: JobRecord, *, by_event: bool) -> None:
    """Told of each news of a job of somebody else that was recorded, by whoever put it."""
    if not record.is_foreign:
        return
    if by_event:
        world.figures.time(Figure.OTHERS_EVENT_LAG_SECONDS, world.clock.now_ms() - record.seen_at_ms)
    if record.status.ended:
        end = JobEnd.FAILED if record.failure else JobEnd.SUCCEEDED
        world.figures.count(Figure.OTHERS_JOBS_ENDED, state=end)
    if record.failure is not None:
        world.figures.count(Figure.OTHERS_JOBS_FAILED, failure=record.failure)


def duplicates_dropped(world: World, changes: Sequence[JobChange]) -> None:
    for change in changes:
        world.figures.count(Figure.DUPLICATES_DROPPED, run_id=change.attempt.run_id)
        log.debug("a repeated event was dropped", extra=ids(change.attempt, job_id=change.job_id))


def _time_wait(world: World, change: JobChange, started_at_ms: int | None) -> None:
    if started_at_ms is not None and change.created_at_ms is not None:
        wait_ms, queue = started_at_ms - change.created_at_ms, change.queue or NO_QUEUE
        world.figures.time(Figure.JOB_WAIT_SECONDS, wait_ms, run_id=change.attempt.run_id, queue=queue)


# The sweep


def swept_up(world: World, facts: RunFacts, find: SweepFind, count: int = 1) -> None:
    if count:
        world.figures.count(Figure.SWEEP_FINDS, count, run_id=facts.run_id, kind=find)
        log.info("the sweep found %s: %d", find, count, extra=ids(facts=facts, kind=find))


# Schedules


def decided(world: World, before: ScheduleRecord | None, after: ScheduleRecord) -> None:
    """Told by whoever wrote a decision of what a schedule starts, and by nobody else."""
    skipped = [] if before is None else passed_over(before, after)
    if skipped:
        world.figures.count(Figure.SCHEDULED_TIMES_SKIPPED, len(skipped))
        about = ids(workflow=after.workflow, schedule=after.name)
        log.info("times of a schedule start no run: %d, from %s", len(skipped), iso_time(min(skipped)), extra=about)


def starts_failed(world: World, record: ScheduleRecord, failures: Mapping[int, str]) -> None:
    """Told by whoever wrote that the runs of these times could not be started, and why."""
    if failures:
        world.figures.count(Figure.SCHEDULED_STARTS_FAILED, len(failures))
    for at_ms, why in failures.items():
        about = ids(workflow=record.workflow, schedule=record.name)
        log.warning(
            "the run of schedule %s at %s could not be started: %s", record.name, iso_time(at_ms), why, extra=about
        )


# Messages


def event_handled(world: World, change: JobChange) -> None:
    if change.told_at_ms is not None:
        lag_ms = world.clock.now_ms() - change.told_at_ms
        world.figures.time(Figure.EVENT_LAG_SECONDS, lag_ms, run_id=change.attempt.run_id)


def not_yet(world: World, source: Source, why: str, about: Mapping[str, Any] | None) -> None:
    world.figures.count(Figure.MESSAGES_NOT_YET, source=source)
    log.info("a message of the %s queue is put off: %s", source, why, extra=about)


def message_failed(world: World, source: Source, *, given_up: bool) -> None:
    """`given_up`: it is with the dead letters now. Otherwise it comes again."""
    world.figures.count(Figure.DEAD_LETTERS if given_up else Figure.MESSAGES_FAILED, source=source)


def telling_refused(world: World) -> None:
    world.figures.count(Figure.TELLINGS_REFUSED)


class CountedNotices:
    """The notices port, which counts what went through it."""

    def __init__(self, notices: Notices, figures: Figures) -> None:
        self._notices = notices
        self._figures = figures

    def publish(self, notice: Notice) -> None:
        self._notices.publish(notice)
        self._figures.count(Figure.NOTICES_PUBLISHED, run_id=notice.run_id, kind=notice.kind)

    def send(self, notice: Notice, queue: str) -> None:
        self._notices.send(notice, queue)


def _seconds(duration_ms: int | None) -> float | None:
    return None if duration_ms is None else max(duration_ms, 0) / 1000
