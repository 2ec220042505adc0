"""What is left to say when a run has ended: how it went, why it failed, the last words of its jobs; or all as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from batchwright.joblogs import failed_children, tail
from batchwright.local.stack import client
from batchwright.progress import counts_line, duration, task_table
from batchwright.runview import RunView, TaskRow
from chalicelib.core.records import JobResult
from chalicelib.core.states import RunState, TaskState

LOG_LINES = 20
FAILURES_SHOWN = 5
ROWS_SHOWN = 40
_COLOURS = {RunState.SUCCEEDED: "green", RunState.FAILED: "red", RunState.CANCELLED: "magenta"}


def print_summary(console: Console, view: RunView, environment: Mapping[str, str]) -> None:
    """Print the tasks, the failures with their last log lines, and one sentence on the run."""
    rows = list(view.rows)
    if len(rows) > ROWS_SHOWN:
        rows = [row for row in rows if row.state is not TaskState.SUCCEEDED][:ROWS_SHOWN]
    if rows:
        console.print(task_table(view, rows, view.run.ended_at_ms or 0))
    if len(view.rows) > ROWS_SHOWN:
        console.print(counts_line(view))
    failures = view.with_state(TaskState.FAILED)
    for row in failures[:FAILURES_SHOWN]:
        _print_failure(console, row, environment)
    if len(failures) > FAILURES_SHOWN:
        console.print(f"... and {len(failures) - FAILURES_SHOWN} more failed tasks")
    console.print(_sentence(view), highlight=False)


def _sentence(view: RunView) -> str:
    run = view.run
    if run.ended_at_ms is None:
        return f"Run {run.run_id} is [bold]{run.state}[/]; it was left before its end."
    attempts = sum(row.attempt for row in view.rows)
    retries = sum(len(row.past) for row in view.rows)
    lasted = duration(run.ended_at_ms - run.created_at_ms)
    retried = f", {retries} of them failed and retried" if retries else ""
    colour = _COLOURS.get(run.state, "bold")
    return (
        f"Run {run.run_id} [bold {colour}]{run.state}[/] after {lasted}: "
        f"{len(view.rows)} tasks, {attempts} jobs submitted{retried}."
    )


def _print_failure(console: Console, row: TaskRow, environment: Mapping[str, str]) -> None:
    result = row.result
    console.print(f"\n[bold red]{escape(row.name)} failed[/]{escape(_why(result))}", highlight=False)
    if result is None or row.job_id is None:
        return
    stream, note = result.log_stream, ""
    if stream is None and (children := failed_children(client("batch", environment), row.job_id)):
        first = children[0]
        container = first.get("container", {})
        stream = container.get("logStreamName")
        index = first.get("arrayProperties", {}).get("index")
        code = container.get("exitCode")
        note = f" of array child {index}" + ("" if code is None else f", which exited with {code}")
    lines = tail(client("logs", environment), stream, LOG_LINES) if stream else []
    if lines:
        console.print(f"[dim]last {len(lines)} log lines{note}:[/]", highlight=False)
        for line in lines:
            console.print(f"  {escape(line)}", highlight=False)
    console.print()


def _why(result: JobResult | None) -> str:
    if result is None:
        return ""
    code = "" if result.exit_code is None else f" with exit code {result.exit_code}"
    return code + (f": {result.reason}" if result.reason else "")


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
        "reason": result.reason,
        "log_stream": result.log_stream,
        "started_at_ms": result.started_at_ms,
        "stopped_at_ms": result.stopped_at_ms,
    }
