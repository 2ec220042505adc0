"""What is left to say when a run has ended: how it went, why it failed, the last words of its jobs; or all as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from batchwright.joblogs import failed_children, tail
from batchwright.local.isolation import client
from batchwright.progress import counts_line, duration, now_ms, task_table, why
from batchwright.runview import RunView, TaskRow
from chalicelib.core.records import JobResult
from chalicelib.core.states import RunState, TaskState

LOG_LINES = 20
FAILURES_SHOWN = 5
ROWS_SHOWN = 40
FILE_WIDTH = 1000
"""What is not a terminal has no width that would be a reason to shorten names."""
_COLOURS = {RunState.SUCCEEDED: "green", RunState.FAILED: "red", RunState.CANCELLED: "magenta"}


def print_summary(console: Console, view: RunView, environment: Mapping[str, str]) -> None:
    """Print the tasks, the failures with their last log lines, and one sentence on the run."""
    rows = list(view.rows)
    if len(rows) > ROWS_SHOWN:
        rows = [row for row in rows if row.state is not TaskState.SUCCEEDED][:ROWS_SHOWN]
    if rows:
        width = console.width if console.is_terminal else FILE_WIDTH
        console.print(task_table(rows, view.run.ended_at_ms or now_ms(), width), width=width, crop=False)
    if len(view.rows) > ROWS_SHOWN:
        console.print(counts_line(view), soft_wrap=True)
    failures = view.with_state(TaskState.FAILED)
    for row in failures[:FAILURES_SHOWN]:
        _print_failure(console, row, environment)
    if len(failures) > FAILURES_SHOWN:
        _say(console, f"\n... and {len(failures) - FAILURES_SHOWN:,} more failed tasks")
    if failures:
        console.print()
    _say(console, sentence(view))


def sentence(view: RunView) -> str:
    """One sentence on the run, in rich's markup."""
    run = view.run
    if run.ended_at_ms is None:
        return f"Run {run.run_id} is [bold]{run.state}[/]; it was left before its end."
    tasks = _count(len(view.rows), "task")
    # What Batch refused has an attempt and no job.
    jobs = _count(sum(row.attempt for row in view.rows), "attempt")
    retries = sum(len(row.past) for row in view.rows)
    retried = f", {retries:,} of them failed and retried" if retries else ""
    lasted = duration(run.ended_at_ms - run.created_at_ms)
    colour = _COLOURS.get(run.state, "bold")
    return f"Run {run.run_id} [bold {colour}]{run.state}[/] after {lasted}: {tasks}, {jobs}{retried}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _print_failure(console: Console, row: TaskRow, environment: Mapping[str, str]) -> None:
    result = row.result
    reason = why(result) if result else ""
    _say(console, f"\n[bold red]{escape(row.name)} failed[/]{': ' if reason else ''}{escape(reason)}")
    if result is None or row.job_id is None:
        return
    try:
        told = _last_words(row.job_id, result, environment)
    except (BotoCoreError, ClientError) as error:
        _say(console, f"[dim]its log cannot be read: {escape(str(error))}[/]")
        return
    for note, lines in told:
        count = _count(len(lines), "log line")
        _say(console, f"[dim]{note}last {count}:[/]" if lines else f"[dim]{note}it wrote no log[/]")
        for line in lines:
            # As the job wrote it: neither wrapped nor read as markup.
            console.print(Text.from_ansi(f"  {line}"), soft_wrap=True, highlight=False)


def _last_words(job_id: str, result: JobResult, environment: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """For the job, or for its first failed children: whose words they are, and the last lines of its log."""
    logs = client("logs", environment)
    if result.log_stream is not None:
        return [("", tail(logs, result.log_stream, LOG_LINES))]
    told = []
    for child in failed_children(client("batch", environment), job_id):
        container = child.get("container", {})
        stream = container.get("logStreamName")
        code = container.get("exitCode")
        exited = "" if code is None else f", exit code {code}"
        note = f"child {child['arrayProperties']['index']}{exited}: "
        told.append((note, tail(logs, stream, LOG_LINES) if stream else []))
    return told


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)


def run_document(view: RunView) -> dict[str, Any]:
    """The run for programs. Times in milliseconds since the epoch; keys are only ever added."""
    run = view.run
    return {
        "run_id": run.run_id,
        "workflow": run.workflow,
        "version": run.version,
        "state": run.state.value,
        "params": dict(run.params),
        "created_at_ms": run.created_at_ms,
        "ended_at_ms": run.ended_at_ms,
        "tasks": [_task_document(row) for row in view.rows],
    }


def _task_document(row: TaskRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state.value,
        "attempt": row.attempt,
        "job_id": row.job_id,
        "started_at_ms": row.started_at_ms,
        "stopped_at_ms": row.stopped_at_ms,
        "attempts": [_result_document(result) for result in (*row.past, row.result) if result],
    }


def _result_document(result: JobResult) -> dict[str, Any]:
    return {
        "job_id": result.job_id,
        "succeeded": result.succeeded,
        "exit_code": result.exit_code,
        "failure": result.failure and result.failure.value,
        "reason": result.reason,
        "log_stream": result.log_stream,
        "started_at_ms": result.started_at_ms,
        "stopped_at_ms": result.stopped_at_ms,
    }
