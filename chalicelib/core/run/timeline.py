"""When the tasks of a run waited, ran and rested: what a chart of its time is made of.

Owns the reading of times: what is missing is left out, and what contradicts itself, because clocks differ, is made into
the nearest thing that does not. Pure: tasks in, figures out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from chalicelib.core.run.task_view import RunTimes, TaskView, began_ms, past_of, result_of
from chalicelib.core.states import TaskState

T = TypeVar("T", bound=TaskView)


class Stretch(StrEnum):
    """What a task did for a while. What comes later in this list covers what comes before it."""

    RESTED = "rested"
    """Between two attempts, or until the next one."""
    WAITED = "waited"
    """From the claim of an attempt to its start."""
    RAN = "ran"
    UNDER_WAY = "under_way"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """An attempt that failed, also one that another followed."""


_RAN = (Stretch.RAN, Stretch.UNDER_WAY, Stretch.FAILED, Stretch.CANCELLED)
_SKEW_MINIMUM_MS = 600_000
"""Times that lie further outside of the run than this, and than the run is long, are mistakes: no chart shows both."""
_SKEW_TOLD_MS = 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a task's time; it never ends before it begins."""

    stretch: Stretch
    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A task that something is known of in time: at least one span, in the order of time."""

    place: int
    spans: tuple[Span, ...]

    @property
    def begin_ms(self) -> int:
        return self.spans[0].begin_ms

    @property
    def end_ms(self) -> int:
        return max(span.end_ms for span in self.spans)

    @property
    def waited_ms(self) -> int:
        return sum(span.end_ms - span.begin_ms for span in self.spans if span.stretch is Stretch.WAITED)

    @property
    def ran_ms(self) -> int:
        """Of all its attempts."""
        return sum(span.end_ms - span.begin_ms for span in self.spans if span.stretch in _RAN)


@dataclass(frozen=True, slots=True)
class Timeline(Generic[T]):
    """The time of a run, or of one of its epochs."""

    tasks: Sequence[T]
    begin_ms: int
    end_ms: int
    """Later than `begin_ms`."""
    is_over: bool
    bars: tuple[Bar, ...]
    """By their beginning."""
    chain: tuple[int, ...]
    """The places of the tasks of the longest chain: each follows the one before it, and together they took longest."""
    chain_ms: int
    unsure: int
    """How many tasks have times that cannot be, as when clocks differ."""


def timeline_of(run: RunTimes, tasks: Sequence[T], now_ms: int) -> Timeline[T]:
    """The time of a run with all its tasks, in the order of the plan. A run that goes on lasts until now."""
    looked_ms = run.ended_at_ms if run.ended_at_ms is not None else now_ms
    began = began_ms(run, tasks)
    begin_ms = run.created_at_ms if began is None else began
    bars = [Bar(place, spans) for place, spans in enumerate(_all_spans(tasks, looked_ms)) if spans]
    end_ms = max(looked_ms, begin_ms + 1)
    slack_ms = max(_SKEW_MINIMUM_MS, end_ms - begin_ms)
    unsure = sum(
        bar.begin_ms < begin_ms - _SKEW_TOLD_MS or bar.end_ms > end_ms + _SKEW_TOLD_MS or _backwards(tasks[bar.place])
        for bar in bars
    )
    begins = [bar.begin_ms for bar in bars if bar.begin_ms >= begin_ms - slack_ms]
    ends = [bar.end_ms for bar in bars if bar.end_ms <= end_ms + slack_ms]
    chain, chain_ms = _longest_chain(tasks, {bar.place: bar for bar in bars})
    return Timeline(
        tasks=tasks,
        begin_ms=min([begin_ms, *begins]),
        end_ms=max([end_ms, *ends]),
        is_over=run.ended_at_ms is not None,
        bars=tuple(sorted(bars, key=lambda bar: (bar.begin_ms, bar.place))),
        chain=chain,
        chain_ms=chain_ms,
        unsure=unsure,
    )


def _all_spans(tasks: Sequence[TaskView], now_ms: int) -> Iterator[tuple[Span, ...]]:
    stops = {task.name: task.stopped_at_ms for task in tasks}
    for task in tasks:
        if task.kept:
            yield ()
            continue
        ready_ms = max((stops.get(name) or 0 for name in task.depends_on), default=0)
        yield tuple(_with_rests(list(_spans(task, ready_ms, now_ms)), task, now_ms))


def _spans(task: TaskView, ready_ms: int, now_ms: int) -> Iterator[Span]:
    """What is known of its attempts. Of earlier ones nobody knows when they were claimed."""
    past, result = past_of(task), result_of(task)
    for number, attempt in enumerate(past):
        began = attempt.started_at_ms
        if began is None and task.is_array:
            # The parent of an array never runs; it began when it could.
            began = (past[number - 1].stopped_at_ms if number else ready_ms) or attempt.stopped_at_ms
        if began is not None:
            yield _span(Stretch.FAILED, began, attempt.stopped_at_ms)
        elif attempt.stopped_at_ms is not None:
            yield _span(Stretch.FAILED, attempt.stopped_at_ms, attempt.stopped_at_ms)
    if task.attempt <= len(past):
        return
    began, ended = task.started_at_ms, task.stopped_at_ms
    if ended is None and not task.state.ended:
        ended = now_ms
    if task.claimed_at_ms is not None:
        until = began if began is not None else ended
        if began is None or began > task.claimed_at_ms:
            yield _span(Stretch.WAITED, task.claimed_at_ms, until)
    if began is not None:
        yield _span(_how(task), began, ended)
    elif result is not None and not result.succeeded and ended is not None:
        yield _span(_how(task), ended, ended)


def _span(stretch: Stretch, begin_ms: int, end_ms: int | None) -> Span:
    return Span(stretch, begin_ms, max(begin_ms, end_ms if end_ms is not None else begin_ms))


def _how(task: TaskView) -> Stretch:
    """How the last or current attempt goes, or went."""
    match task.state:
        case TaskState.SUCCEEDED:
            return Stretch.RAN
        case TaskState.FAILED:
            return Stretch.FAILED
        case TaskState.CANCELLED:
            return Stretch.CANCELLED
        case _:
            return Stretch.UNDER_WAY


def _with_rests(spans: Sequence[Span], task: TaskView, now_ms: int) -> Iterator[Span]:
    """The spans in the order of time, and what lies between attempts."""
    in_order = sorted(spans, key=lambda span: (span.begin_ms, span.end_ms))
    until_ms = None
    for span in in_order:
        if until_ms is not None and span.begin_ms > until_ms:
            yield Span(Stretch.RESTED, until_ms, span.begin_ms)
        yield span
        until_ms = max(until_ms or 0, span.end_ms)
    if task.retry_at_ms is not None and not task.state.ended and until_ms is not None and now_ms > until_ms:
        yield Span(Stretch.RESTED, until_ms, now_ms)


def _backwards(task: TaskView) -> bool:
    times = [(attempt.started_at_ms, attempt.stopped_at_ms) for attempt in task.attempts]
    times += [(task.started_at_ms, task.stopped_at_ms), (task.claimed_at_ms, task.stopped_at_ms)]
    return any(begin is not None and end is not None and end < begin for begin, end in times)


def _longest_chain(tasks: Sequence[TaskView], bars: dict[int, Bar]) -> tuple[tuple[int, ...], int]:
    """The tasks that follow each other and together took longest, waiting included; and how long that was. Time that
    two of them share, where one did not wait for the other's end, counts once."""
    place_of = {task.name: place for place, task in enumerate(tasks)}
    lengths: list[int] = []
    before: list[int | None] = []
    for place, task in enumerate(tasks):
        bar = bars.get(place)
        longest, via = 0, None
        for name in task.depends_on:
            parent = place_of.get(name, place)
            if parent >= place:
                continue
            other = bars.get(parent)
            shared = max(0, other.end_ms - bar.begin_ms) if bar is not None and other is not None else 0
            if lengths[parent] - shared > longest:
                longest, via = lengths[parent] - shared, parent
        lengths.append(longest + (bar.end_ms - bar.begin_ms if bar is not None else 0))
        before.append(via)
    if not bars:
        return (), 0
    last: int | None = max(bars, key=lambda place: lengths[place])
    total_ms = lengths[last] if last is not None else 0
    chain: list[int] = []
    while last is not None:
        if last in bars:
            chain.append(last)
        last = before[last]
    return tuple(reversed(chain)), total_ms
