from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from batchwright.runs.timeline_lines import timeline_lines
from batchwright.runs.view import RunView
from batchwright.terminal.signs import ASCII, UNICODE, Signs
from chalicelib.core.run.timeline import timeline_of
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import EVERY_STATE, NOON_MS, view
from tests.unit.run_stories import (
    FAILED,
    RUNNING,
    RUNNING_NOW_MS,
    at_ms,
    idle,
    large,
    numbered,
    ran,
    redriven,
)
from tests.unit.runs_drawn import runs

GOLDEN = Path(__file__).parents[2] / "golden"
ROWS = 20


def drawn(
    shown: RunView, now_ms: int, width: int, signs: Signs = UNICODE, limit: int | None = ROWS, *states: TaskState
) -> list[str]:
    line = timeline_of(shown.run, shown.tasks, now_ms)
    return [text.plain for text in timeline_lines(line, now_ms, width, signs, limit, states)]


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize(
    ("name", "shown", "now_ms"),
    [
        ("failed", FAILED, at_ms(9_999)),
        ("running", RUNNING, RUNNING_NOW_MS),
        ("redriven", redriven(), at_ms(9_999)),
        ("every-state", EVERY_STATE, NOON_MS + 90_000),
        ("large", large(600), at_ms(20)),
    ],
)
def test_the_chart_of_a_run_is_as_in_the_golden_file(name: str, shown: RunView, now_ms: int, width: int) -> None:
    text = "".join(f"{line}\n" for line in drawn(shown, now_ms, width))
    assert text == (GOLDEN / f"timeline.{name}.{width}.txt").read_text()


def test_a_terminal_without_unicode_gets_a_chart_of_ascii() -> None:
    text = "".join(f"{line}\n" for line in drawn(FAILED, at_ms(9_999), 80, ASCII))
    assert text == (GOLDEN / "timeline.failed.ascii.txt").read_text()
    assert text.isascii()


@pytest.mark.parametrize("lasted", [0.4, 2, 95, 7_200, 21 * 86_400])
def test_a_chart_is_as_wide_for_a_second_as_for_three_weeks(lasted: float) -> None:
    halves = numbered(ran("a", "", 0, 0, lasted / 2), ran("b", "a", lasted / 2, lasted / 2, lasted))
    lines = drawn(view(*halves, state=RunState.SUCCEEDED, lasted_seconds=lasted), 0, 80)
    bars = [re.search("█+", line) for line in lines[2:4]]
    assert bars[0] and bars[1]
    assert abs(bars[0].end() - bars[1].start()) <= 1
    assert abs(len(bars[0][0]) - len(bars[1][0])) <= 1
    assert len(bars[0][0]) > 20
    assert len(lines[0].split()) >= 3


def test_a_single_task_is_drawn_and_not_said_to_run_longest() -> None:
    lines = drawn(view(*numbered(ran("only", "", 0, 1, 2)), state=RunState.SUCCEEDED, lasted_seconds=2), 0, 60)
    assert lines[2].startswith("◆✓ only ░")
    assert lines[-1] == "All tasks together ran 1.0 s and waited 1.0 s to start."


def test_of_a_large_run_the_longest_chain_the_failures_and_the_longest_are_drawn() -> None:
    shown = large(600)
    lines = drawn(shown, at_ms(20), 100)
    drawn_signs = set(UNICODE.stretches.values())
    assert all(drawn_signs & set(line) for line in lines[2 : 2 + ROWS])
    assert " ✗ map-3 " in lines[3]
    assert re.match(r"… and \d,\d{3} more: .*; --all draws them", next(line for line in lines if line.startswith("…")))
    assert len([line for line in drawn(shown, at_ms(20), 100, UNICODE, None) if " map-" in line[:8]]) == 600


def test_only_the_states_that_were_asked_for_are_drawn() -> None:
    lines = drawn(FAILED, 0, 100, UNICODE, ROWS, TaskState.FAILED, TaskState.UPSTREAM_FAILED)
    assert [line.split()[1] for line in lines[2:3]] == ["evaluate"]
    assert "Not started: 2 upstream_failed (publish, announce)." in lines
    assert not any("fetch  " in line or "rescue" in line for line in lines)


def test_a_run_of_which_nothing_has_started_says_so() -> None:
    assert drawn(view(*numbered(idle("a", ""), idle("b", "a"))), at_ms(1), 80) == ["Not started: 2 waiting (a, b)."]


def test_ten_thousand_tasks_take_less_than_a_second() -> None:
    shown = large(5_000)
    begun = time.process_time()
    drawn(shown, at_ms(20), 100)
    assert time.process_time() - begun < 1


@settings(max_examples=60, deadline=None)
@given(runs(), st.integers(40, 130), st.sampled_from([ASCII, UNICODE]), st.sampled_from([None, 1, 3]))
def test_every_bar_stays_on_the_axis_and_no_line_is_too_wide(
    shown: RunView, width: int, signs: Signs, limit: int | None
) -> None:
    now_ms = at_ms(100)
    line = timeline_of(shown.run, shown.tasks, now_ms)
    lines = [text.plain for text in timeline_lines(line, now_ms, width, signs, limit)]
    assert max(map(cell_len, lines), default=0) <= width
    if not line.bars:
        return
    rows = len(line.bars) if limit is None else min(limit, len(line.bars))
    first, end = len(lines[1]) - len(lines[1].lstrip()), len(lines[1])
    for text in lines[2 : 2 + rows]:
        bar = text[first:end]
        assert set(bar) <= {" ", *signs.stretches.values()}
        assert bar.strip()
        assert text[first - 1] == " "
    assert all(span.begin_ms <= span.end_ms for bar in line.bars for span in bar.spans)
