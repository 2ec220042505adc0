"""The lines that draw a run's time: a bar a task, an axis above them, and below what cannot be seen from bars.

Owns which bars are drawn when there are more than fit, and what is said. The times are core/run/timeline.py's, the axis
is terminal/time_axis.py's. Pure: data and a width in, lines out, none wider than the width (40 cells at least).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from batchwright.runs.progress import COLOURS
from batchwright.runs.tree_lines import array_size, fitted_name
from batchwright.terminal.fitting import broken, one_line, packed, width_of
from batchwright.terminal.signs import STRETCH_WORDS, Signs
from batchwright.terminal.time_axis import cell_of, ticks
from chalicelib.api import models as m
from chalicelib.core.durations import short
from chalicelib.core.run.task_view import duration_ms
from chalicelib.core.run.timeline import Bar, Stretch, Timeline
from chalicelib.core.states import TaskState

_STYLES = {
    Stretch.RESTED: "dim",
    Stretch.WAITED: "yellow",
    Stretch.RAN: "green",
    Stretch.UNDER_WAY: "bold blue",
    Stretch.CANCELLED: "magenta",
    Stretch.FAILED: "bold red",
}
_COVERS = {stretch: rank for rank, stretch in enumerate(Stretch)}
_BAR_MINIMUM = 10
_WIDTH_MINIMUM = 40
"""Below it nothing could be read; a narrower terminal breaks the lines."""
_NAMES_SHOWN = 6
_CHAIN_NAMES = 12
_NOTE_LINES = 4


def timeline_lines(
    line: Timeline[m.Task], now_ms: int, width: int, signs: Signs, limit: int | None, states: Collection[TaskState] = ()
) -> list[Text]:
    """The chart of the tasks in these states (of all without any), and what is to be said below it. Of more than
    `limit` bars those are drawn that matter: the longest chain, what failed, what took longest."""
    width = max(width, _WIDTH_MINIMUM)
    asked = [bar for bar in line.bars if not states or line.tasks[bar.place].state in states]
    drawn = _chosen(line, asked, limit)
    notes = list(_notes(line, asked, drawn, signs, states))
    lines: list[Text] = []
    if drawn:
        lines, seen = _chart(line, drawn, now_ms, width, signs)
        legend = _legend(seen, any(bar.place in line.chain for bar in drawn), line.begin_ms, signs)
        lines += [Text(part, style="dim") for part in packed(legend, width, signs.ellipsis)]
    for text, style in notes:
        lines += [Text(part, style=style) for part in broken(text, width, _NOTE_LINES, signs.ellipsis)]
    return lines


def _chosen(line: Timeline[m.Task], bars: Sequence[Bar], limit: int | None) -> list[Bar]:
    if limit is None or len(bars) <= limit:
        return list(bars)
    chain = set(line.chain)

    def weight(bar: Bar) -> tuple[bool, bool, int]:
        failed = line.tasks[bar.place].state is TaskState.FAILED
        return (bar.place in chain, failed, bar.end_ms - bar.begin_ms)

    chosen = {bar.place for bar in sorted(bars, key=weight, reverse=True)[:limit]}
    return [bar for bar in bars if bar.place in chosen]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths in cells: of the names with their signs, of the bars, and of what stands behind them."""

    names: int
    bars: int
    durations: int
    attempts: int


def _columns(tasks: Sequence[m.Task], now_ms: int, width: int) -> _Columns:
    names = max(width_of(one_line(task.name)) + len(array_size(task)) for task in tasks)
    durations = max(len(short(duration_ms(task, now_ms))) for task in tasks)
    attempts = max(len(_attempt(task)) for task in tasks)
    behind = sum(part + 1 for part in (durations, attempts) if part)
    # Before a name: the mark of the chain, the sign of the state, a space; behind it another one.
    names = max(1, min(names, width * 3 // 10, width - behind - 4 - _BAR_MINIMUM))
    return _Columns(names, width - behind - 4 - names, durations, attempts)


def _attempt(task: m.Task) -> str:
    return f"{task.attempt}/{task.attempts_allowed}" if task.attempt > 1 else ""


def _chart(
    line: Timeline[m.Task], bars: Sequence[Bar], now_ms: int, width: int, signs: Signs
) -> tuple[list[Text], set[Stretch]]:
    """The axis and the bars, and what is to be seen in them."""
    tasks = [line.tasks[bar.place] for bar in bars]
    columns, chain = _columns(tasks, now_ms, width), set(line.chain)
    lines, seen = list(_axis(line, columns, signs)), set[Stretch]()
    for bar, task in zip(bars, tasks, strict=True):
        name = fitted_name(task, columns.names, signs)
        row = Text().append(signs.chain if bar.place in chain else " ", "bold")
        row.append(f"{signs.states[task.state]} ", COLOURS[task.state]).append(name)
        row.append(" " * (columns.names + 1 - width_of(name)))
        for stretch, cells in _painted(line, bar, columns.bars):
            if stretch is None:
                row.append(" " * cells)
            else:
                row.append(signs.stretches[stretch] * cells, _STYLES[stretch])
                seen.add(stretch)
        if columns.durations:
            row.append(f" {short(duration_ms(task, now_ms)):>{columns.durations}}")
        if columns.attempts:
            row.append(f" {_attempt(task):>{columns.attempts}}")
        row.rstrip()
        lines.append(row)
    return lines, seen


def _axis(line: Timeline[m.Task], columns: _Columns, signs: Signs) -> Iterator[Text]:
    """What the ticks say, and the ticks; of a run that goes on, the axis ends now."""
    labels, rule = [" "] * columns.bars, [signs.rule] * columns.bars
    room = columns.bars if line.is_over else columns.bars - len("now") - 1
    for cell, said in ticks(line.end_ms - line.begin_ms, columns.bars):
        rule[cell] = signs.tick
        if cell + len(said) <= room:
            labels[cell : cell + len(said)] = said
    if not line.is_over:
        labels[-len("now") :] = "now"
        rule[-1] = signs.now
    before = " " * (columns.names + 4)
    yield Text(f"{before}{''.join(labels)}".rstrip(), style="dim")
    yield Text(f"{before}{''.join(rule)}", style="dim")


def _painted(line: Timeline[m.Task], bar: Bar, cells: int) -> list[tuple[Stretch | None, int]]:
    """The cells of a bar, from the left: what they show, and how many of them. Whatever happened has a cell, if nothing
    that matters more happened in it."""
    span_ms = line.end_ms - line.begin_ms
    painted: list[Stretch | None] = [None] * cells
    for span in sorted(bar.spans, key=lambda span: _COVERS[span.stretch]):
        first = cell_of(span.begin_ms - line.begin_ms, span_ms, cells)
        # A stretch that ends where a cell begins is not in that cell.
        last = max(first, cell_of(span.end_ms - 1 - line.begin_ms, span_ms, cells))
        painted[first : last + 1] = [span.stretch] * (last + 1 - first)
    runs: list[tuple[Stretch | None, int]] = []
    for stretch in painted:
        if runs and runs[-1][0] is stretch:
            runs[-1] = (stretch, runs[-1][1] + 1)
        else:
            runs.append((stretch, 1))
    return runs


def _notes(
    line: Timeline[m.Task], asked: Sequence[Bar], drawn: Sequence[Bar], signs: Signs, states: Collection[TaskState]
) -> Iterator[tuple[str, str]]:
    """What is said below the chart, with its style."""
    if len(asked) > len(drawn):
        shown = {bar.place for bar in drawn}
        left = Counter(line.tasks[bar.place].state for bar in asked if bar.place not in shown)
        yield f"{signs.ellipsis} and {len(asked) - len(drawn):,} more: {_counted(left)}; --all draws them", "dim"
    have_bars = {bar.place for bar in line.bars}
    without = [
        task for place, task in enumerate(line.tasks) if place not in have_bars and (not states or task.state in states)
    ]
    if kept := [task for task in without if task.kept]:
        yield f"Kept from earlier epochs: {_some(kept)}.", ""
    for text in _not_started([task for task in without if not task.kept]):
        yield text, ""
    if line.unsure:
        whose = "1 task has" if line.unsure == 1 else f"{line.unsure:,} tasks have"
        yield f"{whose} times that cannot be, for clocks differ; they are drawn as near as it goes.", "yellow"
    if line.bars:
        yield _chain_sentence(line, signs), ""
        yield _sums(line), ""


def _not_started(tasks: Sequence[m.Task]) -> Iterator[str]:
    """The tasks that have no bar, by state: of some that failed before they could start no time is known."""
    by_state = {state: [task for task in tasks if task.state is state] for state in COLOURS}
    parts = [f"{len(those):,} {state.value} ({_some(those)})" for state, those in by_state.items() if those]
    if parts:
        yield f"Not started: {'; '.join(parts)}."


def _some(tasks: Sequence[m.Task]) -> str:
    names = ", ".join(one_line(task.name) for task in tasks[:_NAMES_SHOWN])
    more = len(tasks) - _NAMES_SHOWN
    return f"{names} and {more:,} more" if more > 0 else names


def _counted(states: Counter[TaskState]) -> str:
    return ", ".join(f"{states[state]:,} {state.value}" for state in COLOURS if states[state])


def _legend(seen: Collection[Stretch], chain: bool, begin_ms: int, signs: Signs) -> list[str]:
    """What each sign of the chart means, and when its time begins."""
    parts = [f"{signs.stretches[stretch]} {STRETCH_WORDS[stretch]}" for stretch in Stretch if stretch in seen]
    if chain:
        parts.append(f"{signs.chain} longest chain")
    return [*parts, f"0 is {_when(begin_ms)}"]


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _chain_sentence(line: Timeline[m.Task], signs: Signs) -> str:
    """The longest chain in a sentence, and how much of the run it was."""
    names = [one_line(line.tasks[place].name) for place in line.chain]
    if len(names) > _CHAIN_NAMES:
        left_out = f"{signs.ellipsis} {len(names) - _CHAIN_NAMES:,} more"
        names = [*names[: _CHAIN_NAMES // 2], left_out, *names[-_CHAIN_NAMES // 2 :]]
    whole = short(line.end_ms - line.begin_ms)
    so_far = "" if line.is_over else " so far"
    return f"The longest chain took {short(line.chain_ms)} of {whole}{so_far}: {signs.follows.join(names)}."


def _sums(line: Timeline[m.Task]) -> str:
    """How long all tasks ran and waited together, and which took longest."""
    ran = sum(bar.ran_ms for bar in line.bars)
    waited = sum(bar.waited_ms for bar in line.bars)
    slowest = max(line.bars, key=lambda bar: bar.ran_ms)
    name = one_line(line.tasks[slowest.place].name)
    most = f"; {name} ran longest, {short(slowest.ran_ms)}" if slowest.ran_ms and len(line.bars) > 1 else ""
    return f"All tasks together ran {short(ran)} and waited {short(waited)} to start{most}."
