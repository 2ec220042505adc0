"""What a person sees while a run goes on: a live table on a terminal, a plain log elsewhere, a summary at the end.

Owns the words and colours of the display. What is shown comes from runview.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chalicelib.api.runview import RunView, TaskRow, changed
from chalicelib.core.failure import FailureClass
from chalicelib.core.records import JobResult, Run
from chalicelib.core.states import RunState, TaskState

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
_NAMES_SHOWN = 3
_NAME_WIDTH_MINIMUM = 8
_GAP = 2
_SAY_NOTHING = (None, FailureClass.APPLICATION, FailureClass.DEPENDENCY, FailureClass.UNKNOWN)
_UNDER_WAY = tuple(state for state in COLOURS if not state.ended and state is not TaskState.WAITING)


class Progress(Protocol):
    """Shows a run again and again until it has ended."""

    def show(self, view: RunView) -> None: ...

    def say_lost(self, names: Sequence[str]) -> None:
        """Say that the jobs of these tasks have ended, though no event has told the run so."""
        ...

    def close(self) -> None: ...


def lost_sentence(names: Sequence[str]) -> str:
    """What to say of tasks whose jobs have ended without an event of it so far."""
    shown = ", ".join(f"'{name}'" for name in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    subject = f"The job of {shown} has" if len(names) == 1 else f"The jobs of {shown}{more} have"
    return f"{subject} ended, but no event has told the run so yet. If none comes, the sweep asks Batch."


def duration(ms: int | None) -> str:
    """Milliseconds as people say them: 0.8 s, 12 s, 3 min 07 s, 2 h 05 min."""
    if ms is None:
        return ""
    seconds = ms / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def attempt_of(row: TaskRow) -> str:
    """`2/3`: the second attempt of three; empty before the first. `2/3 (epoch 0)` if a redrive kept what came of it."""
    if not row.attempt:
        return ""
    return f"{row.attempt}/{row.attempts_allowed}" + ("" if row.kept_from is None else f" (epoch {row.kept_from})")


def held_sentence(run: Run) -> str:
    """What keeps a run from starting more, or nothing."""
    match run.state:
        case RunState.PAUSED:
            return f"Paused: nothing more is started until `batchwright resume {run.run_id}`."
        case RunState.CANCELLING:
            return "Being cancelled: its jobs are being ended."
    return ""


class LiveProgress:
    """One line a task, redrawn in place. Of a large run only what is under way or failed, and counts of the rest."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._console = console
        self._lost: Sequence[str] = ()
        self._live.start()

    def show(self, view: RunView) -> None:
        self._live.update(self._render(view), refresh=True)

    def say_lost(self, names: Sequence[str]) -> None:
        self._lost = names

    def close(self) -> None:
        self._live.stop()

    def _render(self, view: RunView) -> RenderableType:
        counts = counts_line(view)
        said = filter(None, (held_sentence(view.run), lost_sentence(self._lost) if self._lost else ""))
        notes = [Text(sentence, style="yellow") for sentence in said]
        below = sum(len(text.wrap(self._console, self._console.width)) for text in (counts, *notes))
        # One line for the table's head, one for the cursor.
        room = max(3, self._console.height - below - 2)
        rows = list(view.rows)
        if len(rows) > room:
            rows = (view.with_state(TaskState.FAILED) + view.with_state(*_UNDER_WAY))[:room]
        return Group(task_table(rows, now_ms(), self._console.width), counts, *notes)


class PlainProgress:
    """One line a change of state, for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._seen: tuple[TaskRow, ...] = ()
        self._held = ""
        self._held_back = False
        self._lost: Sequence[str] = ()

    def show(self, view: RunView) -> None:
        # An ending is tallied a moment before its result is written, which belongs on the same line: the next look
        # has it.
        if not self._held_back and not view.run.state.ended and any(map(_lacks_its_result, view.rows)):
            self._held_back = True
            return
        self._held_back = False
        lines = change_lines(self._seen, view.rows, now_ms())
        if not view.run.state.ended and (held := held_sentence(view.run)) != self._held:
            lines.append(held or "Resumed.")
            self._held = held
        for line in lines:
            self._write(f"{time.strftime('%H:%M:%S')} {line}")
        self._seen = view.rows

    def say_lost(self, names: Sequence[str]) -> None:
        if names and names != self._lost:
            self._write(lost_sentence(names))
        self._lost = names

    def close(self) -> None:
        pass


class NoProgress:
    """Says nothing, for output that a program reads; `complain` hears what would leave it waiting."""

    def __init__(self, complain: Callable[[str], None] = lambda _: None) -> None:
        self._complain = PlainProgress(complain)

    def show(self, view: RunView) -> None:
        pass

    def say_lost(self, names: Sequence[str]) -> None:
        self._complain.say_lost(names)

    def close(self) -> None:
        pass


def change_lines(before: Sequence[TaskRow], after: Sequence[TaskRow], at_ms: int) -> list[str]:
    """A line for each attempt that failed and each change of state between two looks at a run."""
    known = {row.index: len(row.past) for row in before}
    failed = [
        f"{row.name} failed{_how(row, number, at_ms)}"
        for row in after
        if row.kept_from is None
        for number in range(known.get(row.index, 0) + 1, len(row.past) + 1)
    ]
    # Of a task that waits for its retry, its failure says all.
    moved = [row for row in changed(before, after) if row.state is not TaskState.WAITING]
    return failed + [f"{row.name} {row.state.value}{_details(row, at_ms)}" for row in moved]


def _lacks_its_result(row: TaskRow) -> bool:
    return bool(row.attempt) and row.result is None and row.state in (TaskState.SUCCEEDED, TaskState.FAILED)


def _how(row: TaskRow, number: int, at_ms: int) -> str:
    """How an attempt failed that another one follows."""
    result = row.past[number - 1]
    lasted = retry = None
    if result.started_at_ms is not None and result.stopped_at_ms is not None:
        lasted = f"after {duration(result.stopped_at_ms - result.started_at_ms)}"
    if row.retry_at_ms is not None and number == len(row.past):
        retry = f"retry in {duration(max(0, row.retry_at_ms - at_ms))}"
    return _in_brackets(f"attempt {number} of {row.attempts_allowed}", lasted, why(result), retry)


def _details(row: TaskRow, at_ms: int) -> str:
    attempt = lasted = reason = kept = None
    if row.attempt and row.attempts_allowed > 1:
        attempt = f"attempt {row.attempt} of {row.attempts_allowed}"
    if row.kept_from is not None:
        kept = f"kept from epoch {row.kept_from}"
    if row.state.ended and (ms := row.duration_ms(at_ms)) is not None:
        lasted = f"after {duration(ms)}"
    if row.state is TaskState.FAILED and row.last_result:
        reason = why(row.last_result)
    return _in_brackets(kept, attempt, lasted, reason)


def _in_brackets(*details: str | None) -> str:
    given = [detail for detail in details if detail]
    return f" ({', '.join(given)})" if given else ""


def why(result: JobResult) -> str:
    """Why an attempt failed: `out_of_memory: exit code 137: OutOfMemoryError ...`, `exit code 3: Essential ...`.

    The class is left out where the rest says no less.
    """
    failure = "" if result.failure in _SAY_NOTHING else result.failure
    code = "" if result.exit_code is None else f"exit code {result.exit_code}"
    return ": ".join(filter(None, (failure, code, result.reason)))


def task_table(rows: Sequence[TaskRow], at_ms: int, width: int) -> Table:
    """The table of these tasks, at most `width` characters wide: names give way first, then whole columns."""
    states = [_state(row, at_ms) for row in rows]
    durations = [duration(row.duration_ms(at_ms)) for row in rows]
    attempts = [attempt_of(row) for row in rows]
    columns: list[tuple[str, Sequence[Text | str]]] = [
        ("state", states),
        ("duration", durations),
        ("attempt", attempts),
    ]
    widths = [max(len(title), *map(len, cells)) for title, cells in columns]
    while len(widths) > 1 and width - sum(widths) - len(widths) * _GAP < _NAME_WIDTH_MINIMUM:
        columns.pop()
        widths.pop()
    name_width = max(_NAME_WIDTH_MINIMUM, width - sum(widths) - len(widths) * _GAP)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", no_wrap=True, overflow="ellipsis", max_width=name_width)
    for title, _ in columns:
        table.add_column(title, no_wrap=True, justify="left" if title == "state" else "right")
    for place, row in enumerate(rows):
        table.add_row(Text(row.name), *(cells[place] for _, cells in columns))
    return table


def _state(row: TaskRow, at_ms: int) -> Text:
    state = Text(row.state.value, style=COLOURS[row.state])
    if row.state is TaskState.WAITING and row.retry_at_ms is not None:
        state.append(f", retry in {duration(max(0, row.retry_at_ms - at_ms))}")
    elif row.children_ended is not None and not row.state.ended:
        state.append(f", {row.children_ended:,} of {row.children:,} ended")
    return state


def counts_line(view: RunView) -> Text:
    """How many tasks are in which state, on one line."""
    counts = view.counts()
    return Text("  ").join(
        Text(f"{counts[state]:,} {state.value}", style=style) for state, style in COLOURS.items() if counts[state]
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000
