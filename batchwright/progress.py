"""What a person sees while a run goes on: a live table on a terminal, a plain log elsewhere, a summary at the end.

Owns the words and colours of the display. What is shown comes from runview.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batchwright.runview import RunView, TaskRow, changed
from chalicelib.core.states import TaskState

COLOURS = {
    TaskState.WAITING: "dim",
    TaskState.CLAIMED: "cyan",
    TaskState.SUBMITTED: "cyan",
    TaskState.PENDING: "cyan",
    TaskState.RUNNABLE: "cyan",
    TaskState.STARTING: "blue",
    TaskState.RUNNING: "bold blue",
    TaskState.SUCCEEDED: "green",
    TaskState.FAILED: "bold red",
    TaskState.SKIPPED: "yellow",
    TaskState.UPSTREAM_FAILED: "red",
    TaskState.CANCELLED: "magenta",
}
_UNDER_WAY = tuple(state for state in COLOURS if not state.ended and state is not TaskState.WAITING)


class Progress(Protocol):
    """Shows a run again and again until it has ended."""

    def show(self, view: RunView) -> None: ...

    def close(self) -> None: ...


def duration(ms: int | None) -> str:
    """Milliseconds as people say them: 0.8 s, 12 s, 3 min 07 s, 2 h 05 min."""
    if ms is None:
        return ""
    seconds = ms / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def attempt_of(row: TaskRow) -> str:
    """`2/3`: the second attempt of three; empty before the first."""
    return f"{row.attempt}/{row.attempts_allowed}" if row.attempt else ""


class LiveProgress:
    """One line a task, redrawn in place. Of a large run only what is under way or failed, and counts of the rest."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._console = console
        self._live.start()

    def show(self, view: RunView) -> None:
        self._live.update(self._render(view), refresh=True)

    def close(self) -> None:
        self._live.stop()

    def _render(self, view: RunView) -> RenderableType:
        room = max(5, self._console.size.height - 4)
        rows = list(view.rows)
        if len(rows) > room:
            rows = (view.with_state(TaskState.FAILED) + view.with_state(*_UNDER_WAY))[:room]
        return Group(task_table(view, rows, now_ms()), counts_line(view))


class PlainProgress:
    """One line a change of state, for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._seen: tuple[TaskRow, ...] = ()

    def show(self, view: RunView) -> None:
        for row in changed(self._seen, view.rows):
            self._write(f"{time.strftime('%H:%M:%S')} {row.name} {row.state.value}{_details(row)}")
        self._seen = view.rows

    def close(self) -> None:
        pass


class NoProgress:
    """Says nothing, for output that a program reads."""

    def show(self, view: RunView) -> None:
        pass

    def close(self) -> None:
        pass


def _details(row: TaskRow) -> str:
    details = []
    if row.attempt > 1 or row.attempts_allowed > 1:
        details.append(f"attempt {row.attempt} of {row.attempts_allowed}")
    if row.state.ended and (lasted := row.duration_ms(now_ms())) is not None:
        details.append(f"after {duration(lasted)}")
    if row.state in (TaskState.FAILED, TaskState.WAITING) and row.last_result and row.last_result.reason:
        details.append(row.last_result.reason)
    return f" ({', '.join(details)})" if details else ""


def task_table(view: RunView, rows: list[TaskRow], at_ms: int) -> Table:
    """The table of these tasks."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("task", no_wrap=True, overflow="ellipsis")
    table.add_column("state", no_wrap=True)
    table.add_column("duration", justify="right", no_wrap=True)
    table.add_column("attempt", justify="right", no_wrap=True)
    for row in rows:
        state = Text(row.state.value, style=COLOURS[row.state])
        if row.state is TaskState.WAITING and row.retry_at_ms is not None and row.past:
            state.append(f", retry in {duration(max(0, row.retry_at_ms - at_ms))}")
        table.add_row(row.name, state, duration(row.duration_ms(at_ms)), attempt_of(row))
    return table


def counts_line(view: RunView) -> Text:
    """How many tasks are in which state, on one line."""
    line = Text()
    for state, style in COLOURS.items():
        if count := view.counts()[state]:
            line.append(f"{count} {state.value}  ", style=style)
    return line


def now_ms() -> int:
    return time.time_ns() // 1_000_000
