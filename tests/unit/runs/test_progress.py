from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from batchwright.runs import progress
from batchwright.runs.progress import (
    LiveProgress,
    PlainProgress,
    change_lines,
    clock_time,
    lost_sentence,
    task_table,
)
from chalicelib.api import models as m
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import EVERY_STATE, FAILURE, NOON_MS, ended, redriven, result, row, view

GOLDEN = Path(__file__).parents[2] / "golden"
NOW_MS = NOON_MS + 90_000


def printed(width: int, *renderables: object, colours: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="standard" if colours else None
    )
    console.print(*renderables)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 50, 40])
def test_the_table_of_tasks_is_as_in_the_golden_file(width: int) -> None:
    text = printed(width, task_table(EVERY_STATE.tasks, NOW_MS, width))
    assert [line.rstrip() for line in text.splitlines()] == (GOLDEN / f"tasks.{width}.txt").read_text().splitlines()
    assert max(len(line) for line in text.splitlines()) <= width


def lines_of(before: Sequence[m.Task], after: Sequence[m.Task]) -> list[str]:
    return [change.text for change in change_lines(before, after, NOW_MS)]


def test_every_change_is_a_line_as_in_the_golden_file() -> None:
    lines = lines_of((), EVERY_STATE.tasks)
    assert lines == (GOLDEN / "changes.txt").read_text().splitlines()


def test_what_a_redrive_kept_is_said_with_its_epoch_and_without_what_led_to_it() -> None:
    assert lines_of((), redriven().tasks) == [
        "import failed (attempt 1 of 3, after 2.0 s, application: exit code 3: Essential container in task exited)",
        "fetch succeeded (kept from epoch 0, attempt 2 of 3, after 2.0 s)",
        "count failed (after 2.0 s, application: exit code 3: Essential container in task exited)",
        "import succeeded (attempt 2 of 3, after 7.0 s)",
        "report upstream_failed",
    ]


def test_a_pause_is_said_once_and_its_end_too() -> None:
    lines: list[str] = []
    plain = PlainProgress(lines.append)
    for state in (RunState.RUNNING, RunState.PAUSED, RunState.PAUSED, RunState.RUNNING, RunState.CANCELLING):
        plain.show(view(row(0, "a", TaskState.RUNNING), state=state))
    assert [line[9:] for line in lines] == [
        "a running",
        "Paused: nothing more is started until `batchwright resume films-abc`.",
        "Resumed.",
        "Being cancelled: its jobs are being ended.",
    ]


def test_what_happened_before_it_was_looked_at_has_the_time_at_which_it_happened() -> None:
    first, second = result(False, exit_code=1, seconds=(1, 3)), result(False, exit_code=1, seconds=(10, 14))
    failed = ended(0, "a", TaskState.FAILED, second, 2, 2).model_copy(update={"attempts": [first, second]})
    tasks = [
        failed,
        row(1, "b", TaskState.UPSTREAM_FAILED, 0, depends_on=["a"]),
        row(2, "c", TaskState.RUNNING, started_at_ms=NOON_MS + 5_000, claimed_at_ms=NOON_MS + 4_000),
        row(3, "d", TaskState.RUNNABLE, claimed_at_ms=NOON_MS + 12_000),
        row(4, "e", TaskState.CANCELLED, 0),
    ]
    told = [(change.at_ms - NOON_MS, change.text.split(" (")[0]) for change in change_lines((), tasks, NOW_MS)]
    assert told == [
        (3_000, "a failed"),
        (5_000, "c running"),
        (12_000, "d runnable"),
        (14_000, "a failed"),
        (14_000, "b upstream_failed"),
        (90_000, "e cancelled"),
    ]


def test_who_watches_a_run_that_ended_is_told_nothing_as_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "now_ms", lambda: NOON_MS + 600_000)
    lines: list[str] = []
    cancelled = row(0, "a", TaskState.CANCELLED, 0)
    PlainProgress(lines.append).show(view(cancelled, state=RunState.CANCELLED, lasted_seconds=7))
    assert lines == [f"{clock_time(NOON_MS + 7_000, NOON_MS)} a cancelled"]


def test_a_change_of_another_day_has_its_date() -> None:
    noon_ms = int(time.mktime((2026, 11, 21, 12, 0, 0, 0, 0, -1))) * 1_000
    assert clock_time(noon_ms, noon_ms + 3_600_000) == "12:00:00"
    assert clock_time(noon_ms, noon_ms + 86_400_000) == "2026-11-21 12:00:00"


def test_what_did_not_change_is_not_said_again() -> None:
    assert lines_of(EVERY_STATE.tasks, EVERY_STATE.tasks) == []


def test_an_attempt_that_failed_between_two_looks_is_told_with_the_next_one() -> None:
    before = [row(0, "flaky", TaskState.RUNNING, 1, 3)]
    after = [
        row(
            0, "flaky", TaskState.RUNNING, 3, 3, attempts=[FAILURE, result(False, reason="Host EC2 gone", seconds=None)]
        )
    ]
    assert lines_of(before, after) == [
        "flaky failed (attempt 1 of 3, after 2.0 s, application: exit code 3: Essential container in task exited)",
        "flaky failed (attempt 2 of 3, Host EC2 gone)",
        "flaky running (attempt 3 of 3)",
    ]


def test_an_ending_waits_one_look_for_its_result_and_no_longer() -> None:
    lines: list[str] = []
    plain = PlainProgress(lines.append)
    unwritten = view(row(0, "first", TaskState.SUCCEEDED), row(1, "second", TaskState.RUNNING))
    plain.show(unwritten)
    assert lines == []
    plain.show(view(ended(0, "first", TaskState.SUCCEEDED, result(True)), row(1, "second", TaskState.RUNNING)))
    assert [line[9:] for line in lines] == ["first succeeded (after 2.0 s)", "second running"]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    lines.clear()
    never = PlainProgress(lines.append)
    never.show(unwritten)
    never.show(unwritten)
    assert [line[9:] for line in lines] == ["first succeeded", "second running"]


def test_of_a_large_run_the_live_view_shows_what_matters_and_fits_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "now_ms", lambda: NOW_MS)
    rows = [row(index, f"task-{index}", TaskState.SUCCEEDED) for index in range(500)]
    rows[400] = ended(400, "task-400", TaskState.FAILED, FAILURE)
    rows[499] = row(499, "task-499", TaskState.RUNNING, started_at_ms=NOON_MS)
    console = Console(file=io.StringIO(), width=60, height=10, force_terminal=True, color_system=None)
    live = LiveProgress(console)
    live.say_lost(["task-499"])
    live.show(view(*rows))
    live.close()
    assert isinstance(console.file, io.StringIO)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    assert "task-400  failed" in shown
    assert "task-499  running" in shown
    assert "1 running  498 succeeded  1 failed" in shown
    assert "The job of 'task-499' has ended, but no event has told" in shown
    assert "task-12" not in shown
    # The screen is drawn once more when the view is closed.
    assert len(shown.split("task  ")[1].splitlines()) < 10


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    table = task_table(EVERY_STATE.tasks, NOW_MS, 80)
    assert "\x1b[32msucceeded" in printed(80, table, colours=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in printed(80, table, colours=True)


def test_many_lost_endings_are_counted() -> None:
    assert lost_sentence(["a", "b", "c", "d", "e"]).startswith(
        "The jobs of 'a', 'b', 'c' and 2 more have ended, but no event has told the run so yet."
    )


def test_a_lost_ending_is_said_once() -> None:
    lines: list[str] = []
    plain = PlainProgress(lines.append)
    for names in ([], ["a"], ["a"], ["a", "b"]):
        plain.say_lost(names)
    assert lines == [lost_sentence(["a"]), lost_sentence(["a", "b"])]


def test_the_times_of_the_lines_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "now_ms", lambda: NOON_MS + 60_000)
    lines: list[str] = []
    plain = PlainProgress(lines.append)
    later = row(0, "a", TaskState.RUNNING, started_at_ms=NOON_MS + 9_000)
    plain.show(view(later, row(1, "b", TaskState.WAITING, 0)))
    # Its event came late.
    plain.show(view(later, row(1, "b", TaskState.RUNNING, started_at_ms=NOON_MS + 4_000)))
    plain.show(view(later, ended(1, "b", TaskState.SUCCEEDED, result(True, seconds=(4, 12)))))
    times = [line.partition(" a ")[0].partition(" b ")[0] for line in lines]
    assert times == [clock_time(NOON_MS + 1_000 * second, NOON_MS) for second in (9, 9, 12)]
