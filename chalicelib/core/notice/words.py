"""What a notice says in words that e-mail and chats share: what a job died of, when and for how long, what to do next.

Owns the words. How they are laid out is email.py's, chat.py's and slack.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeGuard

from chalicelib.core.durations import in_words
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind
from chalicelib.core.notice.model import Notice, ToldChild, ToldJob

FAILURES: dict[FailureClass, str] = {
    FailureClass.CANCELLED: "somebody cancelled or terminated it",
    FailureClass.QUEUE_TIME_LIMIT: "it waited for longer than its queue allows",
    FailureClass.TIMEOUT: "it ran longer than its time-out",
    FailureClass.SPOT: "the host that it ran on went away",
    FailureClass.OUT_OF_MEMORY: "it needed more memory than it had",
    FailureClass.IMAGE_PULL: "its image could not be pulled for now",
    FailureClass.IMAGE_MISSING: "its image is not there, or not for this account",
    FailureClass.MISCONFIGURED: "its container cannot start as it is described",
    FailureClass.START_FAILURE: "its container did not start",
    FailureClass.DEPENDENCY: "a job that it depends on failed",
    FailureClass.APPLICATION: "its program ended with an error",
    FailureClass.REFUSED: "AWS Batch refused to take it",
    FailureClass.UNKNOWN: "AWS Batch does not say why",
}

_ENDED_BADLY = frozenset({NoticeKind.RUN_FAILED, NoticeKind.RUN_CANCELLED})
NAMES_SHOWN = 10
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@%+=,-]+")
_LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where dates end."""


def heading(notice: Notice) -> str:
    """What stands over the jobs that a notice names."""
    if notice.jobs and all(job.is_allowed for job in notice.jobs):
        return "What failed, as its workflow allows"
    return KIND_ROWS[notice.kind].heading


def title(job: ToldJob) -> str:
    """`task train, attempt 3`, or of a job that is no run's `job nightly-import`; and whether it may fail."""
    if job.task is None:
        return f"job {job.name}"
    attempt = "" if job.attempt is None else f", attempt {job.attempt}"
    return f"task {job.task}{attempt}{' (may fail)' if job.is_allowed else ''}"


def facts_of_run(notice: Notice) -> Iterator[tuple[str, str]]:
    """What is known of the whole: a name and a value each."""
    if notice.run_id:
        yield "Run", notice.run_id + (f" (redriven, epoch {notice.epoch})" if notice.epoch else "")
    if notice.workflow:
        yield "Workflow", notice.workflow
    if notice.monitor:
        yield "Monitor", notice.monitor
    if notice.queues:
        yield "Queue" if notice.queue else "Queues", _some(notice.queues)
    yield "Stage", notice.stage
    yield from _times(notice)
    if notice.task_counts:
        yield "Tasks", ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in notice.task_counts)


def _times(notice: Notice) -> Iterator[tuple[str, str]]:
    began, ended = ("Began", "Ended") if notice.run_id else ("From", "Until")
    if notice.began_at_ms is not None:
        yield began, moment(notice.began_at_ms)
    if notice.ended_at_ms is not None:
        took = _lasted(notice.began_at_ms, notice.ended_at_ms)
        yield ended, moment(notice.ended_at_ms) + (f", after {took}" if took else "")
    elif notice.kind is NoticeKind.RUN_LATE:
        yield "Late since", moment(notice.at_ms)
    elif notice.at_ms != notice.began_at_ms:
        yield "Told", moment(notice.at_ms)


def facts_of_job(job: ToldJob) -> Iterator[tuple[str, str]]:
    """What is known of a job but its log: a name and a value each. Of an array whose child is known, that one's end
    stands for its own, which says no more than that a child failed."""
    if job.child is None:
        if job.failure is not None:
            yield "Why", _why(job.failure)
        if job.reason:
            yield "Reason", job.reason
        if job.exit_code is not None:
            yield "Exit code", str(job.exit_code)
    if array := _array(job):
        yield "Array", array
    if job.child is not None:
        yield job.child.title.capitalize(), how_it_failed(job, job.child)
        if job.child.reason:
            yield "Reason", job.child.reason
    if job.job_id:
        yield "Job", job.job_id
    if job.queue:
        yield "Queue", job.queue
    if job.created_at_ms is not None:
        yield "Created", moment(job.created_at_ms)
    if job.started_at_ms is not None:
        waited = _lasted(job.created_at_ms, job.started_at_ms)
        yield "Started", moment(job.started_at_ms) + (f", after it had waited for {waited}" if waited else "")
    if job.stopped_at_ms is not None:
        ran = _lasted(job.started_at_ms, job.stopped_at_ms)
        yield "Stopped", moment(job.stopped_at_ms) + (f", after {ran}" if ran else "")


def how_it_failed(job: ToldJob, child: ToldChild) -> str:
    """`exit code 7: its program ended with an error (application); all 3 failed so`, of a child of an array. That only
    2 failed so does not say that no other did."""
    said = "" if child.exit_code is None else f"exit code {child.exit_code}: "
    said += _why(child.failure or FailureClass.UNKNOWN)
    if child.alike > 1:
        said += f"; {'all ' if child.alike == job.failed_children else ''}{child.alike:,} failed so"
    return said


def _why(failure: FailureClass) -> str:
    return f"{FAILURES[failure]} ({failure})"


def _array(job: ToldJob) -> str | None:
    """`3 of 40 jobs failed`, as far as it is known; None of a job that is no array."""
    size, failed = job.array_size, job.failed_children
    if failed is None:
        return None if size is None else _jobs(size)
    return f"{_jobs(failed) if size is None else f'{failed:,} of {_jobs(size)}'} failed"


def _some(names: Sequence[str]) -> str:
    """`cpu, gpu`, or the first of many and how many more there are."""
    rest = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _jobs(count: int) -> str:
    return f"{count:,} job" + ("" if count == 1 else "s")


def more_jobs(notice: Notice) -> int:
    """How many jobs the notice stands for and does not name."""
    return max(0, notice.job_count - len(notice.jobs))


def commands_to_look(notice: Notice) -> list[str]:
    """The commands that show more, each as a shell takes it."""
    stage = f"--stage {shell_word(notice.stage)}"
    logged = next((job for job in notice.jobs if _has_a_log(notice.kind, job)), None)
    commands = []
    if notice.run_id:
        run = shell_word(notice.run_id)
        commands.append(f"batchwright show {run} {stage}")
        if logged is not None and logged.task is not None:
            commands.append(f"batchwright logs {run} {shell_word(logged.task)}{_of_child(logged)} {stage}")
        return commands
    if notice.jobs and notice.jobs[0].job_id is not None:
        commands.append(f"batchwright jobs show {shell_word(notice.jobs[0].job_id)} {stage}")
    if logged is not None and logged.job_id is not None:
        commands.append(f"batchwright jobs logs {shell_word(logged.job_id)}{_of_child(logged)} {stage}")
    if notice.queue is not None and (KIND_ROWS[notice.kind].is_of_waiting or not commands):
        commands.append(f"batchwright jobs --queue {shell_word(notice.queue)} {stage}")
    if notice.kind is NoticeKind.FAILURE_RATE and _is_a_date(notice.began_at_ms):
        since = datetime.fromtimestamp(notice.began_at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M")
        commands.append(f"batchwright jobs --state FAILED --since {since} {stage}")
    if notice.monitor is not None and not notice.jobs:
        commands.append(f"batchwright monitors show {shell_word(notice.monitor)} {stage}")
    return commands


def commands_to_redrive(notice: Notice) -> list[str]:
    """The command that runs again what did not succeed, if the run has ended so; else none."""
    if notice.run_id is None or notice.kind not in _ENDED_BADLY:
        return []
    return [f"batchwright redrive {shell_word(notice.run_id)} --stage {shell_word(notice.stage)}"]


def next_commands(notice: Notice) -> list[str]:
    """All commands that a notice gives."""
    return commands_to_look(notice) + commands_to_redrive(notice)


def _has_a_log(kind: NoticeKind, job: ToldJob) -> bool:
    """Whether a command can print what the job itself wrote. Of an array each child has a log, and which of them failed
    may not be known; what never ran has none."""
    if job.child is not None:
        return job.child.log_stream is not None
    if job.array_size is not None or job.failed_children is not None:
        return False
    return job.log_stream is not None or (not KIND_ROWS[kind].is_of_waiting and job.started_at_ms is not None)


def _of_child(job: ToldJob) -> str:
    return "" if job.child is None else f" --child {job.child.index}"


def shell_word(text: str) -> str:
    """A word as a shell takes it for one, and not for anything to obey."""
    return text if _PLAIN_WORD.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def _is_a_date(at_ms: int | None) -> TypeGuard[int]:
    return at_ms is not None and 0 <= at_ms <= _LATEST_MS


def moment(at_ms: int) -> str:
    """`2026-11-21 18:51:56 UTC`."""
    if not _is_a_date(at_ms):
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _lasted(from_ms: int | None, until_ms: int | None) -> str | None:
    """How long it was between two moments; None when one is missing or they are swapped, as the clocks of two hosts may
    have them."""
    if from_ms is None or until_ms is None or until_ms < from_ms:
        return None
    return in_words(until_ms - from_ms)
