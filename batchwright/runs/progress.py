"""What a person sees while a run goes on: a live table on a terminal, a plain log elsewhere, a summary at the end.

Owns the words and colours of the display. What is shown comes from view.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batchwright.runs.view import RunView, changed
from chalicelib.api import models as m
from chalicelib.core.durations import short
from chalicelib.core.failure import failure_words
from chalicelib.core.run.task_view import duration_ms, is_held_back, past_of, result_of
from chalicelib.core.states import WITHOUT_RESULT, RunState, TaskState

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
MAY_FAIL = "may fail"
"""Of a task that failed and does not fail its run."""
_NAMES_SHOWN = 3
_NAME_WIDTH_MINIMUM = 8
_GAP = 2
_DAYS_FROM_SECONDS = 48 * 3600
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


def attempt_of(task: m.Task) -> str:
    """`2/3`: the second attempt of three; empty before the first. `2/3 (epoch 0)` if a redrive kept what came of it."""
    if not task.attempt:
        return ""
    return f"{task.attempt}/{task.attempts_allowed}" + (f" (epoch {task.epoch})" if task.kept else "")


def held_sentence(run: m.Run) -> str:
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
        tasks = list(view.tasks)
        if len(tasks) > room:
            tasks = (view.with_state(TaskState.FAILED) + view.with_state(*_UNDER_WAY))[:room]
        return Group(task_table(tasks, now_ms(), self._console.width), counts, *notes)


class PlainProgress:
    """One line a change of state, for logs and pipes, each with the time at which it happened, as far as that is
    known, and in the order of these times: what is heard of late has the time of the line above it."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._seen: tuple[m.Task, ...] = ()
        self._held = ""
        self._held_back = False
        self._last_ms = 0
        self._lost: Sequence[str] = ()

    def show(self, view: RunView) -> None:
        # An ending is tallied a moment before its result is written, which belongs on the same line: the next look
        # has it.
        if not self._held_back and not view.run.state.ended and any(map(_lacks_its_result, view.tasks)):
            self._held_back = True
            return
        self._held_back = False
        looked_ms = now_ms()
        # What nobody noted the time of happened before the run's end.
        at_ms = looked_ms if view.run.ended_at_ms is None else view.run.ended_at_ms
        changes = change_lines(self._seen, view.tasks, at_ms)
        if not view.run.state.ended and (held := held_sentence(view.run)) != self._held:
            changes.append(Change(at_ms, held or "Resumed."))
            self._held = held
        for change in sorted(changes, key=lambda change: change.at_ms):
            # An event may be late. Its line does not go back behind the one above it.
            self._last_ms = max(self._last_ms, change.at_ms)
            self._write(f"{clock_time(self._last_ms, looked_ms)} {change.text}")
        self._seen = view.tasks

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


class Change(NamedTuple):
    """Something that happened to a run, and when, or when it was seen."""

    at_ms: int
    text: str


def clock_time(at_ms: int, now_ms: int) -> str:
    """The time of day; of another day than today, with its date."""
    then, now = (time.localtime(ms / 1000) for ms in (at_ms, now_ms))
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)


def change_lines(before: Sequence[m.Task], after: Sequence[m.Task], at_ms: int) -> list[Change]:
    """Each attempt that failed and each change of state between two looks at a run, by when it happened; `at_ms` is
    when it was looked at."""
    known = {task.index: len(past_of(task)) for task in before}
    failed = [
        Change(task.attempts[number - 1].stopped_at_ms or at_ms, f"{task.name} failed{_how(task, number, at_ms)}")
        for task in after
        if not task.kept
        for number in range(known.get(task.index, 0) + 1, len(past_of(task)) + 1)
    ]
    # Of a task that waits for its retry, its failure says all.
    moved = [task for task in changed(before, after) if task.state is not TaskState.WAITING]
    happened = _times(after, at_ms)
    moves = [Change(happened[task.name], f"{task.name} {task.state.value}{_details(task, at_ms)}") for task in moved]
    return sorted(failed + moves, key=lambda change: change.at_ms)


def _times(tasks: Sequence[m.Task], at_ms: int) -> dict[str, int]:
    """By name: when each task came into its state; `at_ms` where nobody noted it. A task that did not run ended when
    its parents' endings were known."""
    times: dict[str, int] = {}
    for task in tasks:
        known: int | None = None
        if task.state.ended:
            never_ran = not task.attempt and task.state is not TaskState.CANCELLED
            known = task.stopped_at_ms
            if known is None and never_ran:
                known = max((times[name] for name in task.depends_on if name in times), default=None)
        elif task.state is TaskState.RUNNING:
            known = task.started_at_ms
        elif task.attempt > len(task.attempts):
            known = task.claimed_at_ms
        times[task.name] = at_ms if known is None else min(known, at_ms)
    return times


def _lacks_its_result(task: m.Task) -> bool:
    return bool(task.attempt) and result_of(task) is None and task.state in (TaskState.SUCCEEDED, TaskState.FAILED)


def _how(task: m.Task, number: int, at_ms: int) -> str:
    """How an attempt failed that another one follows."""
    result = task.attempts[number - 1]
    lasted = retry = None
    if result.started_at_ms is not None and result.stopped_at_ms is not None:
        lasted = f"after {short(result.stopped_at_ms - result.started_at_ms)}"
    if task.retry_at_ms is not None and number == len(past_of(task)):
        retry = f"retry in {short(max(0, task.retry_at_ms - at_ms))}"
    return _in_brackets(f"attempt {number} of {task.attempts_allowed}", lasted, why(result), retry)


def _details(task: m.Task, at_ms: int) -> str:
    attempt = lasted = reason = kept = None
    may_fail = MAY_FAIL if task.allow_failure and task.state in WITHOUT_RESULT else None
    if task.attempt and task.attempts_allowed > 1:
        attempt = f"attempt {task.attempt} of {task.attempts_allowed}"
    if task.kept:
        kept = f"kept from epoch {task.epoch}"
    if task.state.ended and (ms := duration_ms(task, at_ms)) is not None:
        lasted = f"after {short(ms)}"
    if task.state is TaskState.FAILED and task.attempts:
        reason = why(task.attempts[-1])
    return _in_brackets(may_fail, kept, attempt, lasted, reason)


def _in_brackets(*details: str | None) -> str:
    given = [detail for detail in details if detail]
    return f" ({', '.join(given)})" if given else ""


def why(result: m.Attempt | m.FailedChild | m.JobTry) -> str:
    """Why an attempt, a job of an array or a try failed. Tries have no class."""
    failure = None if isinstance(result, m.JobTry) else result.failure
    return failure_words(failure, result.exit_code, result.reason)


def task_table(tasks: Sequence[m.Task], at_ms: int, width: int) -> Table:
    """The table of these tasks, at most `width` characters wide: names give way first, then whole columns."""
    states = [_state(task, at_ms) for task in tasks]
    durations = [short(duration_ms(task, at_ms)) for task in tasks]
    attempts = [attempt_of(task) for task in tasks]
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
    for place, task in enumerate(tasks):
        table.add_row(Text(task.name), *(cells[place] for _, cells in columns))
    return table


def _state(task: m.Task, at_ms: int) -> Text:
    state = Text(task.state.value, style=COLOURS[task.state])
    if task.state is TaskState.WAITING and task.retry_at_ms is not None:
        state.append(f", retry in {short(max(0, task.retry_at_ms - at_ms))}")
    elif is_held_back(task):
        state.append(", retry held back")
    elif task.children_ended is not None and not task.state.ended:
        state.append(f", {task.children_ended:,} of {task.children:,} ended")
    return state


def counts_line(view: RunView) -> Text:
    """How many tasks are in which state, on one line."""
    counts = view.counts()
    return Text("  ").join(
        Text(f"{counts[state]:,} {state.value}", style=style) for state, style in COLOURS.items() if counts[state]
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000
