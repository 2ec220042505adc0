"""What a notice says in words that e-mail and chats share: what a job died of, when and for how long, what to do next.

Owns the words. How they are laid out is email_text.py's, chat_document.py's and slack_message.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from chalicelib.core.failure import FailureClass
from chalicelib.core.notices import Notice, NoticeKind, ToldJob

FAILURES: dict[FailureClass, str] = {
    FailureClass.CANCELLED: "somebody cancelled or terminated it",
    FailureClass.QUEUE_TIME_LIMIT: "it waited for longer than its queue allows",
    FailureClass.TIMEOUT: "it ran longer than its time-out",
    FailureClass.SPOT: "the host that it ran on went away",
    FailureClass.OUT_OF_MEMORY: "it needed more memory than it had",
    FailureClass.IMAGE_PULL: "its image could not be pulled for now",
    FailureClass.IMAGE_MISSING: "its image is not there, or not for this account",
    FailureClass.START_FAILURE: "its container did not start",
    FailureClass.DEPENDENCY: "a job that it depends on failed",
    FailureClass.APPLICATION: "its program ended with an error",
    FailureClass.REFUSED: "AWS Batch refused to take it",
    FailureClass.UNKNOWN: "AWS Batch does not say why",
}

_HEADINGS = {
    NoticeKind.JOB_WAITING: "What waits",
    NoticeKind.JOB_RUNNING: "What runs",
    NoticeKind.RUN_LATE: "What is under way",
    NoticeKind.QUEUE_BLOCKED: "What waits at the head of the queue",
}
_TELLS_OF_FAILURES = frozenset(
    {
        NoticeKind.RUN_FAILED,
        NoticeKind.RUN_CANCELLED,
        NoticeKind.TASK_FAILED,
        NoticeKind.JOB_FAILED,
        NoticeKind.FAILURE_RATE,
    }
)
_ENDED_BADLY = frozenset({NoticeKind.RUN_FAILED, NoticeKind.RUN_CANCELLED})
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:@%+=,-]+")
_LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where dates end."""
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
"""Of a duration: the seconds and the name of a unit, and of the one that its rest is told in."""


def heading(notice: Notice) -> str:
    """What stands over the jobs that a notice names."""
    return "What failed" if notice.kind in _TELLS_OF_FAILURES else _HEADINGS.get(notice.kind, "Jobs")


def title(job: ToldJob) -> str:
    """`task train, attempt 3`, or of a job that is no run's `job nightly-import`."""
    if job.task is None:
        return f"job {job.name}"
    return f"task {job.task}" + ("" if job.attempt is None else f", attempt {job.attempt}")


def facts_of_run(notice: Notice) -> Iterator[tuple[str, str]]:
    """What is known of the whole: a name and a value each."""
    if notice.run_id:
        yield "Run", notice.run_id + (f" (redriven, epoch {notice.epoch})" if notice.epoch else "")
    if notice.workflow:
        yield "Workflow", notice.workflow
    if notice.monitor:
        yield "Monitor", notice.monitor
    if notice.queue:
        yield "Queue", notice.queue
    yield "Stage", notice.stage
    began, ended = ("Began", "Ended") if notice.run_id else ("From", "Until")
    if notice.kind is NoticeKind.QUEUE_BLOCKED:
        # Its job may be of a run, whose beginning is another time.
        began = "Since"
    if notice.began_at_ms is not None:
        yield began, moment(notice.began_at_ms)
    if notice.ended_at_ms is not None:
        took = duration(notice.began_at_ms, notice.ended_at_ms)
        yield ended, moment(notice.ended_at_ms) + (f", after {took}" if took else "")
    else:
        yield "Told", moment(notice.at_ms)
    if notice.task_counts:
        yield "Tasks", ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in notice.task_counts)


def facts_of_job(job: ToldJob) -> Iterator[tuple[str, str]]:
    """What is known of a job but its log: a name and a value each."""
    if job.failure is not None:
        yield "Why", f"{FAILURES[job.failure]} ({job.failure})"
    if job.reason:
        yield "Reason", job.reason
    if job.exit_code is not None:
        yield "Exit code", str(job.exit_code)
    if array := _array(job):
        yield "Array", array
    if job.job_id:
        yield "Job", job.job_id
    if job.queue:
        yield "Queue", job.queue
    if job.created_at_ms is not None:
        yield "Created", moment(job.created_at_ms)
    if job.started_at_ms is not None:
        waited = duration(job.created_at_ms, job.started_at_ms)
        yield "Started", moment(job.started_at_ms) + (f", after it had waited for {waited}" if waited else "")
    if job.stopped_at_ms is not None:
        ran = duration(job.started_at_ms, job.stopped_at_ms)
        yield "Stopped", moment(job.stopped_at_ms) + (f", after {ran}" if ran else "")


def _array(job: ToldJob) -> str | None:
    """`3 of 40 jobs failed`, as far as it is known; None of a job that is no array."""
    size, failed = job.array_size, job.failed_children
    if failed is None:
        return None if size is None else _jobs(size)
    return f"{_jobs(failed) if size is None else f'{failed:,} of {_jobs(size)}'} failed"


def _jobs(count: int) -> str:
    return f"{count:,} job" + ("" if count == 1 else "s")


def more_jobs(notice: Notice) -> int:
    """How many jobs the notice stands for and does not name."""
    return max(0, notice.job_count - len(notice.jobs))


def next_commands(notice: Notice) -> list[str]:
    """The commands that show more, or go on, each as a shell takes it."""
    stage = f"--stage {shell_word(notice.stage)}"
    first = notice.jobs[0] if notice.jobs else None
    commands = []
    if notice.run_id:
        run = shell_word(notice.run_id)
        commands.append(f"batchwright show {run} {stage}")
        if first is not None and first.task is not None:
            commands.append(f"batchwright logs {run} {shell_word(first.task)} {stage}")
        if notice.kind in _ENDED_BADLY:
            commands.append(f"batchwright redrive {run} {stage}")
    elif first is not None and first.job_id is not None:
        commands.append(f"batchwright jobs show {shell_word(first.job_id)} {stage}")
        if first.log_stream is not None:
            commands.append(f"batchwright jobs logs {shell_word(first.job_id)} {stage}")
    elif notice.queue is not None:
        commands.append(f"batchwright jobs --queue {shell_word(notice.queue)} {stage}")
    elif notice.monitor is not None:
        commands.append(f"batchwright monitors show {shell_word(notice.monitor)} {stage}")
    return commands


def shell_word(text: str) -> str:
    """A word as a shell takes it for one, and not for anything to obey."""
    return text if _PLAIN_WORD.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def moment(at_ms: int) -> str:
    """`2026-11-21 18:51:56 UTC`."""
    if not 0 <= at_ms <= _LATEST_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(from_ms: int | None, until_ms: int | None) -> str | None:
    """`850 ms`, `12 s`, `10 min 5 s`, `3 h 20 min`, `2 d 4 h`; None when a time is missing or they are swapped, as
    the clocks of two hosts may have them."""
    if from_ms is None or until_ms is None or until_ms < from_ms:
        return None
    if until_ms - from_ms < 1000:
        return f"{until_ms - from_ms} ms"
    seconds = (until_ms - from_ms) // 1000
    for size, large, part, small in _UNITS:
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size:,} {large}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"
