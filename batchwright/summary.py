"""What is left to say when a run has ended: how it went, why it failed, the last words of its jobs; or all as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from batchwright.joblogs import failed_children, tail
from batchwright.progress import counts_line, duration, now_ms, task_table, why
from chalicelib.api.runview import RunView, TaskRow
from chalicelib.core.records import JobResult, Redrive, Run, Scope
from chalicelib.core.states import RunState, TaskState

LOG_LINES = 20
FAILURES_SHOWN = 5
NAMES_SHOWN = 5
ROWS_SHOWN = 40
FILE_WIDTH = 1000
"""What is not a terminal has no width that would be a reason to shorten names."""
COLOURS = {RunState.SUCCEEDED: "green", RunState.FAILED: "red", RunState.CANCELLED: "magenta"}


def print_summary(console: Console, view: RunView, client_of: Callable[[str], Any]) -> None:
    """Print the tasks, the failures with their last log lines, what is unusual, and one sentence on the run.

    `client_of(service)` gives the clients of the AWS that the run is on.
    """
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
        _print_failure(console, row, client_of)
    if len(failures) > FAILURES_SHOWN:
        _say(console, f"\n... and {len(failures) - FAILURES_SHOWN:,} more failed tasks")
    if failures:
        console.print()
    for line in (*_second_job_lines(view), *_epoch_lines(view.run)):
        _say(console, line)
    _say(console, sentence(view))


def sentence(view: RunView) -> str:
    """One sentence on the run, in rich's markup. Of a redriven run it counts what happened in its epoch."""
    run = view.run
    where = f" in epoch {run.epoch}" if run.epoch else ""
    if not run.state.ended:
        ended = sum(row.state.ended for row in view.rows)
        tasks = number_of(len(view.rows), "task")
        return f"Run {run.run_id} is [bold]{run.state}[/]{where}; {ended:,} of {tasks} ended so far."
    tasks = number_of(len(view.rows), "task")
    fresh = [row for row in view.rows if row.kept_from is None]
    # What Batch refused has an attempt and no job.
    jobs = number_of(sum(row.attempt for row in fresh), "attempt")
    retries = sum(len(row.past) for row in fresh)
    retried = f", {retries:,} of them failed and retried" if retries else ""
    lasted = _lasted_ms(view)
    after = "" if lasted is None else f" after {duration(lasted)}"
    colour = COLOURS.get(run.state, "bold")
    return f"Run {run.run_id} [bold {colour}]{run.state}[/]{where}{after}: {tasks}, {jobs}{retried}."


def _lasted_ms(view: RunView) -> int | None:
    """How long the ended run lasted; of a redriven one, its epoch from the first claim on, if there was one."""
    run, began_ms = view.run, view.run.created_at_ms
    if run.epoch:
        claims = [row.claimed_at_ms for row in view.rows if row.kept_from is None and row.claimed_at_ms is not None]
        if not claims:
            return None
        began_ms = min(claims)
    return None if run.ended_at_ms is None else max(0, run.ended_at_ms - began_ms)


def number_of(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _second_job_lines(view: RunView) -> list[str]:
    rows = [row for row in view.rows if row.second_jobs]
    shown = [
        f"[yellow]{escape(row.name)} had {number_of(len(row.second_jobs), 'second job')}, ended at once: "
        f"{', '.join(row.second_jobs)}[/]"
        for row in rows[:FAILURES_SHOWN]
    ]
    rest = len(rows) - FAILURES_SHOWN
    return [*shown, f"[yellow]... and {number_of(rest, 'more task')} with second jobs[/]"] if rest > 0 else shown


def _epoch_lines(run: Run) -> list[str]:
    """A line for each epoch of a redriven run: how the earlier ones ended, and what the current one runs again."""
    lines = [f"epoch {epoch}: version {past.version}, {past.state}" for epoch, past in enumerate(run.past)]
    if run.redrive is not None:
        lines.append(f"epoch {run.epoch}: version {run.version}, runs again {escape(scope_words(run.redrive))}")
    return [f"[dim]{line}[/]" for line in lines]


def scope_words(redrive: Redrive) -> str:
    """What a redrive runs again, in words."""
    match redrive.scope:
        case Scope.ALL:
            return "every task"
        case Scope.FROM_FAILED:
            return "what did not succeed, and what follows it"
        case Scope.TASKS:
            names = ", ".join(f"'{name}'" for name in redrive.tasks[:NAMES_SHOWN])
            rest = len(redrive.tasks) - NAMES_SHOWN
            return f"{names}{f' and {rest:,} more' if rest > 0 else ''}, and what follows"


def _print_failure(console: Console, row: TaskRow, client_of: Callable[[str], Any]) -> None:
    result = row.result
    reason = why(result) if result else ""
    _say(console, f"\n[bold red]{escape(row.name)} failed[/]{': ' if reason else ''}{escape(reason)}")
    if result is None or row.job_id is None:
        return
    try:
        told = _last_words(row.job_id, result, client_of)
    except (BotoCoreError, ClientError) as error:
        _say(console, f"[dim]its log cannot be read: {escape(str(error))}[/]")
        return
    for note, lines in told:
        count = number_of(len(lines), "log line")
        _say(console, f"[dim]{note}last {count}:[/]" if lines else f"[dim]{note}it wrote no log[/]")
        for line in lines:
            # As the job wrote it: neither wrapped nor read as markup.
            console.print(Text.from_ansi(f"  {line}"), soft_wrap=True, highlight=False)


def _last_words(job_id: str, result: JobResult, client_of: Callable[[str], Any]) -> list[tuple[str, list[str]]]:
    """For the job, or for its first failed children: whose words they are, and the last lines of its log."""
    logs = client_of("logs")
    if result.log_stream is not None:
        return [("", tail(logs, result.log_stream, LOG_LINES))]
    told = []
    for child in failed_children(client_of("batch"), job_id):
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
        "epoch": run.epoch,
        "params": dict(run.params),
        "created_at_ms": run.created_at_ms,
        "ended_at_ms": run.ended_at_ms,
        "redrive": run.redrive and {"scope": run.redrive.scope.value, "tasks": list(run.redrive.tasks)},
        "past": [
            {"epoch": epoch, "version": past.version, "state": past.state.value, "ended_at_ms": past.ended_at_ms}
            for epoch, past in enumerate(run.past)
        ],
        "tasks": [_task_document(row, run.epoch) for row in view.rows],
    }


def _task_document(row: TaskRow, epoch: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state.value,
        "epoch": epoch if row.kept_from is None else row.kept_from,
        "attempt": row.attempt,
        "job_id": row.job_id,
        "started_at_ms": row.started_at_ms,
        "stopped_at_ms": row.stopped_at_ms,
        "attempts": [_result_document(result) for result in (*row.past, row.result) if result],
        "second_jobs": list(row.second_jobs),
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
