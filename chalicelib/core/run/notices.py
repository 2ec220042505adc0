"""The notices of a run: what each says, and the id that it has whenever it is told.

Made of the run's record and of jobs that the caller looked up; nothing of an event is copied whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chalicelib.core.batch.result import JobResult
from chalicelib.core.durations import in_words
from chalicelib.core.ids import Attempt, job_name
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldJob, queues_of
from chalicelib.core.notice.window import digest_id, run_scope
from chalicelib.core.plan.task import PlannedTask, Requested
from chalicelib.core.run.records import Run, Tally, TaskRecord
from chalicelib.core.states import ENDINGS, RunState, TaskState

_SET_CHARACTERS = 8
KEPT_REASON = "It failed in an earlier epoch of the run, and was kept."


def ending_kind(ending: RunState) -> NoticeKind:
    """The kind of notice that tells such an ending."""
    return NoticeKind(f"run_{ending}")


def run_started(run: Run, stage: str) -> Notice:
    """That the run, or its next epoch, has begun."""
    began = "started" if run.epoch == 0 else "was redriven"
    notice_id = f"{run.run_id}/{run.epoch}/started"
    return _notice(run, stage, NoticeKind.RUN_STARTED, notice_id, f"run {run.run_id} {began}", run.began_ms)


def run_ended(
    run: Run,
    stage: str,
    ending: RunState,
    at_ms: int,
    *,
    jobs: tuple[ToldJob, ...] = (),
    job_count: int = 0,
    allowed_count: int = 0,
    more_queues: Iterable[str] = (),
    task_counts: tuple[tuple[str, int], ...] = (),
) -> Notice:
    """That the run ended so. `jobs` are some of its failed tasks, of which there are `job_count`, `allowed_count` of
    them such that may fail; `more_queues` those that the others may have been in, here as below."""
    text = _what_failed(ending, dict(task_counts), allowed_count)
    notice_id, said = f"{run.run_id}/{run.epoch}/{ending}", f"run {run.run_id} {ending}"
    notice = _notice(run, stage, ending_kind(ending), notice_id, said, at_ms, text, jobs, job_count, more_queues)
    return replace(notice, ended_at_ms=at_ms, task_counts=task_counts)


def run_late(run: Run, stage: str, after_ms: int) -> Notice:
    """That the run goes on for longer than its workflow says it should."""
    text = f"It has gone on for longer than {in_words(after_ms)}."
    notice_id, said = f"{run.run_id}/{run.epoch}/late", f"run {run.run_id} is late"
    return _notice(run, stage, NoticeKind.RUN_LATE, notice_id, said, run.began_ms + after_ms, text)


def tasks_failed(
    run: Run, stage: str, at_ms: int, count: int, jobs: tuple[ToldJob, ...], more_queues: Iterable[str] = ()
) -> Notice:
    """That `count` tasks of the run's epoch have failed for good by now; `jobs` are some of them."""
    who = f"task {jobs[0].task} failed" if count == 1 and jobs else f"{count:,} tasks failed"
    notice_id = digest_id(run_scope(run.run_id, run.epoch), NoticeKind.TASK_FAILED, count)
    said = f"{who} in run {run.run_id}"
    text = None
    if run.state is RunState.RUNNING:
        goes_on = f"the run goes on without what follows from {'it' if count == 1 else 'them'}."
        text = goes_on.capitalize() if count == 1 else f"So many have failed for good by now; {goes_on}"
    return _notice(run, stage, NoticeKind.TASK_FAILED, notice_id, said, at_ms, text, jobs, count, more_queues)


def jobs_overdue(
    run: Run,
    stage: str,
    kind: NoticeKind,
    at_ms: int,
    after_ms: int,
    attempts: Sequence[Attempt],
    jobs: tuple[ToldJob, ...],
    more_queues: Iterable[str] = (),
) -> Notice:
    """That the jobs of these attempts wait or run for longer than they should, the one that has for longest first;
    `jobs` are some of them. The id names the set, so that no two sets are told under one."""
    count, first = len(attempts), attempts[0]
    members = "".join(sorted(f"{attempt.index}.{attempt.number} " for attempt in attempts))
    named = hashlib.sha256(members.encode()).hexdigest()[:_SET_CHARACTERS]
    do = "wait" if kind is NoticeKind.JOB_WAITING else "run"
    who = f"task {jobs[0].task} {do}s" if count == 1 and jobs else f"{count:,} jobs {do}"
    notice_id = f"{run.run_id}/{run.epoch}/{kind}/{first.index}/{first.number}/{named}"
    said = f"{who} for more than {in_words(after_ms)} in run {run.run_id}"
    return _notice(run, stage, kind, notice_id, said, at_ms, None, jobs, count, more_queues)


def _notice(
    run: Run,
    stage: str,
    kind: NoticeKind,
    notice_id: str,
    said: str,
    at_ms: int,
    text: str | None = None,
    jobs: tuple[ToldJob, ...] = (),
    job_count: int = 0,
    more_queues: Iterable[str] = (),
) -> Notice:
    """A notice of the run, with what all of them tell of it; `said` of it is in the subject."""
    return Notice(
        notice_id=notice_id,
        kind=kind,
        stage=stage,
        subject=f"{run.workflow}: {said}",
        text=text,
        at_ms=at_ms,
        thread=run.run_id,
        run_id=run.run_id,
        workflow=run.workflow,
        epoch=run.epoch,
        queues=queues_of(jobs, more_queues),
        began_at_ms=run.began_ms,
        jobs=jobs,
        job_count=job_count,
    )


def _what_failed(ending: RunState, counts: Mapping[str, int], allowed: int) -> str | None:
    """What failed in a run that ended so, by how many of its tasks ended how; `allowed` of the failed ones may."""
    failed, upstream = counts.get(TaskState.FAILED, 0), counts.get(TaskState.UPSTREAM_FAILED, 0)
    if failed and ending is RunState.SUCCEEDED:
        return f"{failed:,} of its tasks failed, as the workflow allows."
    if ending is not RunState.FAILED or not failed:
        return None
    not_run = f"{upstream:,} that {'follows' if upstream == 1 else 'follow'} from {'it' if failed == 1 else 'them'}"
    not_run += " was not run" if upstream == 1 else " were not run"
    if failed == allowed:
        return f"{failed:,} of its tasks failed, as the workflow allows, but {not_run}." if upstream else None
    failed -= allowed
    why = f"{failed:,} of its tasks failed for good"
    if upstream:
        why += f", so that {not_run}"
    return f"{why}. {allowed:,} more failed, as the workflow allows." if allowed else f"{why}."


def told_task(
    task: PlannedTask,
    record: TaskRecord | None,
    result: JobResult | None,
    *,
    requested: Requested | None = None,
) -> ToldJob:
    """A task as a notice names it, as far as it is known: its record is of an earlier epoch where a redrive kept it, or
    gone. `requested` is what its last attempt asked for, if that is known."""
    if record is None:
        return ToldJob(None, task.name, task=task.name, reason=KEPT_REASON, is_allowed=task.allow_failure)
    return ToldJob(
        job_id=record.job_id or (result.job_id if result else None),
        name=job_name(record.attempt, task.name),
        queue=requested.queue.rpartition("/")[2] if requested else None,
        task=task.name,
        attempt=record.attempt.number,
        failure=result.failure if result else None,
        exit_code=result.exit_code if result else None,
        reason=result.reason if result else None,
        log_stream=result.log_stream if result else None,
        created_at_ms=record.claimed_at_ms,
        started_at_ms=(result.started_at_ms if result else None) or record.started_at_ms,
        stopped_at_ms=result.stopped_at_ms if result else None,
        array_size=requested.array_size if requested else None,
        failed_children=result.failed_children if result else None,
        is_allowed=task.allow_failure,
    )


def counts_of(tallies: Mapping[int, Tally]) -> tuple[tuple[str, int], ...]:
    """How many tasks ended how, by the tallies; an ending that none had is left out."""
    counts = {ending: sum(tally.mask(ending).bit_count() for tally in tallies.values()) for ending in ENDINGS}
    return tuple((ending.value, count) for ending, count in counts.items() if count)
