"""Batch jobs as a person sees them: a table that fits the terminal, one job in full, and why there may be none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from batchwright.terminal.fitting import one_line
from batchwright.terminal.tables import Column, Short
from chalicelib.api import models as m
from chalicelib.core.batch.job_record import JobState, ManagedBy
from chalicelib.core.durations import rough, short
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import JobStatus

COLOURS = {
    JobState.STARTING: "blue",
    JobState.RUNNING: "bold blue",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "bold red",
    JobState.UNKNOWN: "yellow",
}
_BY = {ManagedBy.STEP_FUNCTIONS: "Step Functions", ManagedBy.BATCHWRIGHT: "Batchwright"}
_SHORT = {
    FailureClass.APPLICATION: "",
    FailureClass.UNKNOWN: "",
    FailureClass.OUT_OF_MEMORY: "out of memory",
    FailureClass.QUEUE_TIME_LIMIT: "queue's time limit",
    FailureClass.IMAGE_PULL: "image not pulled",
    FailureClass.IMAGE_MISSING: "image missing",
    FailureClass.MISCONFIGURED: "cannot start",
    FailureClass.START_FAILURE: "did not start",
    FailureClass.TIMEOUT: "time-out",
    FailureClass.SPOT: "host lost",
}


def job_columns(jobs: Sequence[m.Job], now_ms: int) -> list[Column]:
    """A row each, in the given order. A column that says nothing is left out."""
    whys = [_why(job) or _how_far(job) for job in jobs]
    # Between words, so that no number is broken.
    longest_word = max((len(word) for why in whys for word in why.split()), default=0)
    columns = [
        Column("job", [job.job_id for job in jobs]),
        Column("name", [job.name or "-" for job in jobs], least=12, goes=5),
        Column("queue", [job.queue or "-" for job in jobs], least=8, goes=3),
        Column("state", [Text(job.state.value, style=COLOURS.get(job.state, "cyan")) for job in jobs]),
        Column("why", whys, least=max(11, longest_word), goes=6, short=Short.LINES),
        Column("age", [rough(now_ms - job.created_at_ms) for job in jobs], goes=4, right=True),
        Column("duration", [_duration(job, now_ms) for job in jobs], goes=2, right=True),
        Column("by", [_by(job) for job in jobs], goes=1),
    ]
    return [column for column in columns if any(column.cells) or column.title not in ("why", "duration", "by")]


def job_lines(job: m.Job, now_ms: int) -> list[tuple[str, str]]:
    """All that is known of a job, as pairs of what it is and its value, in the order in which people ask; of
    several lines of one thing, those below the first have no name."""
    failed = _failed_children(job)
    told = [
        ("job", job.job_id),
        ("name", job.name),
        ("state", _state_in_full(job)),
        ("why", _why_in_full(job)),
        ("queue", job.queue),
        ("definition", job.definition),
        ("submitted by", _by(job)),
        ("run", _run(job)),
        ("created", _moment(job.created_at_ms, now_ms)),
        ("started", _moment(job.started_at_ms, now_ms)),
        ("stopped", _moment(job.stopped_at_ms, now_ms)),
        ("duration", _duration(job, now_ms)),
        ("asks for", _resources(job)),
        ("array", _children(job)),
        *zip(("failed jobs", *[" "] * len(failed)), failed, strict=False),
        ("nodes", str(job.nodes or "")),
        ("log stream", job.log_stream or ""),
        ("last heard of", _moment(job.seen_at_ms, now_ms)),
    ]
    # A line end in what somebody else wrote would begin a line that looks like ours.
    return [(name.strip(), one_line(value)) for name, value in told if value]


def try_columns(job: m.Job) -> list[Column]:
    """The tries that ended inside Batch, if there was more than one; else nothing."""
    if job.job_tries < 2:
        return []
    first = job.job_tries - len(job.tries) + 1
    return [
        Column("try", [str(number) for number in range(first, job.job_tries + 1)], right=True),
        Column("exit code", ["-" if one.exit_code is None else str(one.exit_code) for one in job.tries], right=True),
        Column("duration", [_try_duration(one) for one in job.tries], goes=1, right=True),
        Column("reason", [one.reason or "" for one in job.tries], least=24, short=Short.LINES),
    ]


def why_none(page: m.JobPage, *, filtered: bool, foreign: bool) -> list[str]:
    """Why a list may be empty, a sentence each."""
    told = ["No such jobs are recorded." if filtered else "No jobs are recorded."]
    if not page.records_foreign:
        told.append(
            "This stage does not observe jobs that others submit; `batchwright deploy --observe-all-jobs` has it do so."
        )
    return told + own_jobs_hint(page, foreign=foreign)


def own_jobs_hint(page: m.JobPage, *, foreign: bool) -> list[str]:
    """Where our own jobs are, if they are not in the list."""
    if foreign or page.records_own:
        return []
    return ["Jobs of runs are not in this list; `batchwright show RUN` has them."]


def broken_off(found: int, page: m.JobPage | None) -> str:
    """What an interrupted search came to, of which that was the last page (None: it had not come yet)."""
    if page is None:
        return "Interrupted before the first answer came."
    back = page.looked_back_to_ms
    return (
        f"Interrupted; {found:,} job{'' if found == 1 else 's'} found"
        f"{'' if back is None else f', looked back to {minute(back)} UTC'}."
    )


def minute(at_ms: int) -> str:
    """A time in UTC, to the minute."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def silence(job: m.Job) -> str:
    """What is said of a job that wrote no log."""
    if job.state is JobState.UNKNOWN or not job.status.ended:
        return f"Job {job.job_id} has written nothing so far: it is {job.state}."
    if job.status is JobStatus.FAILED and job.started_at_ms is None:
        return f"Job {job.job_id} wrote nothing, because it never started: {one_line(_why_in_full(job))}"
    return f"Job {job.job_id} wrote nothing."


def _ended_children(job: m.Job) -> int:
    return sum(job.children.get(status, 0) for status in (JobStatus.SUCCEEDED, JobStatus.FAILED))


def _how_far(job: m.Job) -> str:
    """Of an array under way: how many of its jobs have ended."""
    return f"{_ended_children(job):,} of {job.array_size:,} ended" if job.array_size and not job.status.ended else ""


def _state_in_full(job: m.Job) -> str:
    if job.state is JobState.UNKNOWN:
        return f"UNKNOWN: it was {job.status} when AWS Batch last told of it, and Batch has forgotten it since"
    return f"{job.state.value}{f' (try {job.job_tries + 1})' if job.job_tries and not job.status.ended else ''}"


def _why(job: m.Job) -> str:
    if job.status is not JobStatus.FAILED:
        return ""
    failed = job.children.get(JobStatus.FAILED, 0)
    if job.array_size and failed:
        return f"{failed:,} of {job.array_size:,} failed"
    return _how_it_ended(job)


def _how_it_ended(failed: m.Job | m.FailedChild) -> str:
    words = [] if failed.exit_code is None else [f"exit code {failed.exit_code}"]
    if failed.failure is not None:
        words.append(_SHORT.get(failed.failure, failed.failure.value))
    return ", ".join(word for word in words if word) or "no exit code"


def _why_in_full(job: m.Job) -> str:
    if job.status is not JobStatus.FAILED:
        return job.reason if job.reason and not job.status.ended else ""
    return f"{_why(job)}: {job.reason}" if job.reason else _why(job)


def _duration(job: m.Job, now_ms: int) -> str:
    if job.started_at_ms is None or (job.state is JobState.UNKNOWN):
        return ""
    if job.status is JobStatus.RUNNING:
        return short(max(0, now_ms - job.started_at_ms))
    return "" if job.stopped_at_ms is None else short(max(0, job.stopped_at_ms - job.started_at_ms))


def _run(job: m.Job) -> str:
    if not job.run_id:
        return ""
    return f"{job.run_id}, task {job.task}, attempt {job.attempt}; `batchwright show {job.run_id}` has all of it"


def _failed_children(job: m.Job) -> list[str]:
    """A line each of the jobs of an array that failed, and how to see more; or why they are not told."""
    failed = job.children.get(JobStatus.FAILED, 0)
    if job.failed_children is None:
        is_one = bool(job.array_size) and (failed > 0 or job.status is JobStatus.FAILED)
        return [f"AWS Batch did not say which; `batchwright jobs show {job.job_id}:N` asks about one"] * is_one
    if not job.failed_children:
        return ["which ones, AWS Batch has forgotten; their logs may still be in /aws/batch/job of CloudWatch"]
    lines = [f"{child.index:,}: {_ending(child)}" for child in job.failed_children]
    rest = failed - len(lines)
    first = f"{job.job_id}:{job.failed_children[0].index}"
    return [
        *lines,
        *([f"and {rest:,} more"] if rest > 0 else []),
        f"`batchwright jobs logs {first}` prints what one wrote",
    ]


def _ending(child: m.FailedChild) -> str:
    words = _how_it_ended(child)
    return f"{words}: {child.reason}" if child.reason else words


def _try_duration(one: m.JobTry) -> str:
    if one.started_at_ms is None or one.stopped_at_ms is None:
        return ""
    return short(max(0, one.stopped_at_ms - one.started_at_ms))


def _by(job: m.Job) -> str:
    return "" if job.managed_by is None else _BY[job.managed_by]


def _moment(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return ""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at} UTC, {rough(now_ms - at_ms)} ago"


def _resources(job: m.Job) -> str:
    told = []
    if job.vcpus is not None:
        told.append(f"{job.vcpus:g} vCPU{'' if job.vcpus == 1 else 's'}")
    if job.memory_mib is not None:
        told.append(f"{job.memory_mib:,} MiB")
    if job.gpus is not None:
        told.append(f"{job.gpus} GPU{'' if job.gpus == 1 else 's'}")
    return ", ".join(told)


def _children(job: m.Job) -> str:
    if not job.array_size:
        return ""
    counts = ", ".join(f"{count:,} {status}" for status in JobStatus if (count := job.children.get(status, 0)))
    return f"{job.array_size:,} jobs" + (f": {counts}" if counts else "")
