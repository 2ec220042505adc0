"""The lines that show a run as a tree: a task a line, below it why it failed, beside it what is unusual about it.

Owns what is said of a task and where it stands on the line. Which tasks are shown, and under which parent, is
tree.py's. Pure: data and a width in, lines out, none wider than the width (40 cells at least).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from batchwright.runs.progress import COLOURS, MAY_FAIL, why
from batchwright.runs.tree import ROOT, RunTree, Shown
from batchwright.runs.view import child_title
from batchwright.terminal.fitting import broken, cut, one_line, width_of
from batchwright.terminal.signs import Signs
from chalicelib.api import models as m
from chalicelib.core.durations import short
from chalicelib.core.run.causes import Cause, causes
from chalicelib.core.run.no_log import cause_words
from chalicelib.core.run.task_view import duration_ms, is_held_back, past_of, result_of
from chalicelib.core.states import WITHOUT_RESULT, TaskState

REASON_LINES = 6
_NAMES_SHOWN = 3
_NAME_MINIMUM = 8
_INDENT_MAXIMUM = 48
_GAP = 2
_WIDTH_MINIMUM = 40
"""Below it nothing could be read; a narrower terminal breaks the lines."""
_LONG_WAIT_MS = 30_000
_SHORT_WAIT_MS = 3_000
_CONTEXT = "dim"
"""The style of tasks that were not asked for and only say where others stand."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A task, or what is not shown below one, with what is drawn before it and before the lines that go with it."""

    place: int
    before: str
    beside: str
    hidden: Counter[TaskState] | None = None


def tree_lines(tree: RunTree, shown: Shown, now_ms: int, width: int, signs: Signs) -> list[Text]:
    """The tree of the tasks that are shown, each line at most `width` cells wide."""
    width = max(width, _WIDTH_MINIMUM)
    rows = _rows(tree, shown, width, signs)
    if not rows:
        return []
    words = _Words(tree, causes(tree.tasks), now_ms, width, signs)
    tasks = [tree.tasks[row.place] for row in rows if row.hidden is None]
    states = max((len(task.state.value) for task in tasks), default=0)
    durations = max((len(short(duration_ms(task, now_ms))) for task in tasks), default=0)
    widest = max((width_of(words.left(row)) for row in rows if row.hidden is None), default=0)
    columns = _Columns(max(1, min(widest, width - states - durations - 2 * _GAP)), states, durations)
    lines: list[Text] = []
    for row in rows:
        if row.hidden is not None:
            text = cut(row.before + _hidden_words(row.hidden, signs), width, signs.ellipsis)
            lines.append(Text(text, style=_CONTEXT))
        else:
            lines += words.lines(row, columns, row.place in shown.wanted)
    return lines


def _rows(tree: RunTree, shown: Shown, width: int, signs: Signs) -> list[_Row]:
    """What is drawn, from above. When the tree is too deep for the width, a task that alone follows another stands
    below it and not beneath it, and what is still too deep loses the left part of its branches."""
    room = max(9, min(width * 3 // 10, _INDENT_MAXIMUM))
    deepest = max((tree.depths[place] for place in shown.places), default=0)
    steep = deepest * len(signs.branch) > room
    rows: list[_Row] = []
    # What is still to be drawn, the next one last: a place, or the parent of what is hidden, as ~parent.
    open_rows: list[tuple[int, bool, str, str]] = []

    def push_below(parent: int, beside: str) -> None:
        below = [child for child in tree.below[parent] if child in shown.places]
        hidden = bool(shown.hidden[parent])
        alone = steep and parent != ROOT and len(below) == 1 and not hidden
        ends = [*((child, False) for child in below), *([(parent, True)] if hidden else [])]
        for number, (place, is_hidden) in reversed(list(enumerate(ends))):
            last = number == len(ends) - 1
            if parent == ROOT:
                drawn, onward = "", ""
            elif alone:
                drawn, onward = beside[: -len(signs.then)] + signs.then, beside
            else:
                drawn = beside + (signs.last_branch if last else signs.branch)
                onward = beside + (" " * len(signs.beside) if last else signs.beside)
            open_rows.append((place, is_hidden, drawn, onward))

    push_below(ROOT, "")
    while open_rows:
        place, is_hidden, drawn, onward = open_rows.pop()
        if is_hidden:
            rows.append(_Row(place, _elided(drawn, room, signs), "", shown.hidden[place]))
            continue
        stem = signs.beside if _has_below(tree, shown, place) else " " * len(signs.beside)
        rows.append(_Row(place, _elided(drawn, room, signs), _elided(onward, room, signs) + stem))
        push_below(place, onward)
    return rows


def _has_below(tree: RunTree, shown: Shown, place: int) -> bool:
    return bool(shown.hidden[place]) or any(child in shown.places for child in tree.below[place])


def _elided(drawn: str, room: int, signs: Signs) -> str:
    if len(drawn) <= room:
        return drawn
    step = len(signs.beside)
    kept = drawn[-max(step, (room - len(signs.ellipsis)) // step * step) :]
    return signs.ellipsis + kept


@dataclass(frozen=True, slots=True)
class _Columns:
    left: int
    state: int
    duration: int


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of the tasks of one run."""

    tree: RunTree
    causes: dict[int, Cause]
    now_ms: int
    width: int
    signs: Signs

    def left(self, row: _Row) -> str:
        task = self.tree.tasks[row.place]
        return f"{row.before}{self.signs.states[task.state]} {one_line(task.name)}{array_size(task)}"

    def lines(self, row: _Row, columns: _Columns, wanted: bool) -> Iterator[Text]:
        """The task's line, and those that go with it."""
        task = self.tree.tasks[row.place]
        style = COLOURS[task.state] if wanted else _CONTEXT
        sign = self.signs.states[task.state]
        room = max(_NAME_MINIMUM, columns.left - width_of(row.before) - width_of(sign) - 1)
        name = fitted_name(task, room, self.signs)
        line = Text().append(row.before, _CONTEXT).append(f"{sign} ", style)
        line.append(name, "" if wanted else _CONTEXT)
        _pad(line, columns.left + _GAP)
        line.append(task.state.value, style)
        if columns.duration:
            _pad(line, columns.left + columns.state + 2 * _GAP)
            line.append(short(duration_ms(task, self.now_ms)).rjust(columns.duration), "" if wanted else _CONTEXT)
        notes = ", ".join(self._notes(row.place)) if wanted else ""
        below: list[tuple[str, str]] = []
        if notes:
            where = columns.left + columns.state + columns.duration + 3 * _GAP
            if where + width_of(notes) <= self.width:
                _pad(line, where)
                line.append(notes, "dim")
            else:
                below.append((notes, "dim"))
        line.rstrip()
        line.truncate(self.width)
        yield line
        below += self._reasons(task) if wanted else []
        for text, its_style in below:
            for part in broken(text, self.width - width_of(row.beside), REASON_LINES, self.signs.ellipsis):
                yield Text().append(row.beside, _CONTEXT).append(part, its_style)

    def _notes(self, place: int) -> Iterator[str]:
        """What is unusual about the task, or cannot be seen from where it stands."""
        task = self.tree.tasks[place]
        if task.allow_failure and task.state in WITHOUT_RESULT:
            yield MAY_FAIL
        if task.kept:
            yield f"kept from epoch {task.epoch}"
        if task.attempt > 1 or (task.attempt and task.retry_at_ms is not None) or is_held_back(task):
            yield f"attempt {task.attempt} of {task.attempts_allowed}"
        if tries := tries_words(task):
            yield tries
        if task.state is TaskState.WAITING and task.retry_at_ms is not None:
            yield _retry(task.retry_at_ms, self.now_ms)
        if is_held_back(task):
            yield "retry held back"
        if task.children_ended is not None and not task.state.ended:
            yield f"{task.children_ended:,} of {task.children:,} children ended"
        if task.children_failed and task.state is TaskState.FAILED:
            yield f"{task.children_failed:,} of {task.children:,} children failed"
        if (waited := long_wait_ms(task, self.now_ms)) is not None:
            yield f"waited {short(waited)}"
        if place in self.causes:
            failed, others = self.causes[place]
            yield f"because {cause_words(one_line(self.tree.tasks[failed].name), others)}"
        if parents := self.tree.other_parents(place):
            yield f"also after {some_names(parents)}"

    def _reasons(self, task: m.Task) -> Iterator[tuple[str, str]]:
        """Why attempts failed: the last one's reason, and of those before it the last, unless it was for the same."""
        result, past = result_of(task), past_of(task)
        if past and (result is None or why(result) != why(past[-1])):
            which = f"attempt {len(past)}" if len(past) == 1 else f"attempts 1 to {len(past)}"
            last = "" if len(past) == 1 else " the last:"
            yield f"{which} failed:{last} {why(past[-1]) or 'no reason told'}", "dim"
        tries = result.tries if result is not None else []
        if len(tries) > 1 and why(tries[-2]) != why(tries[-1]):
            yield f"try {len(tries) - 1} inside AWS Batch failed: {why(tries[-2]) or 'no reason told'}", "dim"
        if result is not None and not result.succeeded:
            style = "red" if task.state is TaskState.FAILED else _CONTEXT
            yield why(result) or "no reason told", style
            # An array's own reason says no more than that a child failed.
            for child in task.failed_children[:1]:
                yield f"{child_title(child)}: {why(child) or 'no reason told'}", style


def tries_words(task: m.Task) -> str | None:
    """How often Batch itself tried the job of the current or last attempt, by the definition's own retryStrategy."""
    if task.job_tries:
        return f"try {task.job_tries + 1} inside AWS Batch"
    last = task.attempts[-1] if task.attempts else None
    return f"{len(last.tries)} tries inside AWS Batch" if last is not None and last.tries else None


def _pad(line: Text, column: int) -> None:
    line.append(" " * (column - width_of(line.plain)))


def fitted_name(task: m.Task, width: int, signs: Signs) -> str:
    """The task's name and size; the name is cut where both do not fit, and where there is room for neither, the size
    goes."""
    name, size = one_line(task.name), array_size(task)
    if width_of(name) + len(size) > width and 2 * len(size) > width:
        size = ""
    return cut(name, width - len(size), signs.ellipsis) + size


def array_size(task: m.Task) -> str:
    """That it is an array, and of how many children, if that is known."""
    if not task.is_array:
        return ""
    return " [array]" if task.children is None else f" [{task.children:,}]"


def _retry(due_ms: int, now_ms: int) -> str:
    return f"retry in {short(due_ms - now_ms)}" if due_ms > now_ms else "retry due"


def long_wait_ms(task: m.Task, now_ms: int) -> int | None:
    """How long its attempt waited from the claim to the start, or waits so far, if that was long: half a minute, or
    some seconds and longer than it then ran."""
    if task.claimed_at_ms is None or task.kept or (task.state.ended and task.started_at_ms is None):
        return None
    if task.state is TaskState.WAITING:
        return None
    waited = (task.started_at_ms or now_ms) - task.claimed_at_ms
    ran = duration_ms(task, now_ms) or 0
    return waited if waited >= _LONG_WAIT_MS or waited >= max(_SHORT_WAIT_MS, ran) else None


def some_names(names: Sequence[str]) -> str:
    """The first few of these names, and how many more there are."""
    shown = ", ".join(one_line(name) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _hidden_words(hidden: Counter[TaskState], signs: Signs) -> str:
    """`... and 4,812 more succeeded`, `... and 20 more: 12 succeeded, 8 waiting`."""
    states = [(state, hidden[state]) for state in COLOURS if hidden[state]]
    if len(states) == 1:
        return f"{signs.ellipsis} and {states[0][1]:,} more {states[0][0].value}"
    parts = ", ".join(f"{count:,} {state.value}" for state, count in states)
    return f"{signs.ellipsis} and {hidden.total():,} more: {parts}"
