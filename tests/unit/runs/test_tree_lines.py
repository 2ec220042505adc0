from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from batchwright.runs.tree import choose, tree_of
from batchwright.runs.tree_lines import tree_lines
from batchwright.runs.view import RunView
from batchwright.terminal.signs import ASCII, UNICODE, Signs
from chalicelib.api import models as m
from chalicelib.core.states import TaskState
from tests.unit.rows import EVERY_STATE, FAILURE, NOON_MS, redriven, result, row
from tests.unit.run_stories import FAILED, NIGHTLY, RUNNING, RUNNING_NOW_MS, at_ms, idle, large, numbered, ran
from tests.unit.run_stories import redriven as redriven_nightly
from tests.unit.runs_drawn import runs

GOLDEN = Path(__file__).parents[2] / "golden"
ROWS = 40
MANY = large(600)


def drawn(
    tasks: tuple[m.Task, ...],
    now_ms: int,
    width: int,
    signs: Signs = UNICODE,
    *states: TaskState,
    limit: int | None = ROWS,
) -> list[str]:
    tree = tree_of(tasks)
    return [line.plain for line in tree_lines(tree, choose(tree, limit, states), now_ms, width, signs)]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    ("name", "shown", "now_ms"),
    [
        ("failed", FAILED, at_ms(195.4)),
        ("running", RUNNING, RUNNING_NOW_MS),
        ("redriven", redriven_nightly(), at_ms(3_628)),
        ("every-state", EVERY_STATE, NOON_MS + 90_000),
        ("large", MANY, at_ms(20)),
    ],
)
def test_the_tree_of_a_run_is_as_in_the_golden_file(name: str, shown: RunView, now_ms: int, width: int) -> None:
    text = "".join(f"{line}\n" for line in drawn(shown.tasks, now_ms, width))
    assert text == (GOLDEN / f"tree.{name}.{width}.txt").read_text()


def test_a_terminal_without_unicode_gets_a_tree_of_ascii() -> None:
    text = "".join(f"{line}\n" for line in drawn(FAILED.tasks, at_ms(195.4), 80, ASCII))
    assert text == (GOLDEN / "tree.failed.ascii.txt").read_text()
    assert text.isascii()


def test_a_task_stands_below_the_parent_that_ended_last_and_names_the_others() -> None:
    parents = (ran("slow", "", 0, 0, 9), ran("quick", "", 0, 0, 2), ran("other", "", 0, 0, 3))
    tasks = numbered(*parents, ran("join", "quick slow other", 9, 9, 10))
    assert drawn(tasks, NOON_MS, 80) == [
        "✓ slow     succeeded  9.0 s",
        "└─ ✓ join  succeeded  1.0 s  also after quick, other",
        "✓ quick    succeeded  2.0 s",
        "✓ other    succeeded  3.0 s",
    ]


def test_a_task_that_waits_stands_below_a_parent_that_has_not_ended() -> None:
    tasks = numbered(
        ran("goes-on", "", 0, 0, None, TaskState.RUNNING), ran("ended", "", 0, 0, 2), idle("waits", "goes-on ended")
    )
    assert [line.split()[:3] for line in drawn(tasks, at_ms(3), 80)][1] == ["└─", "○", "waits"]


def test_what_follows_a_task_that_never_ran_stands_below_it() -> None:
    lines = drawn(NIGHTLY, at_ms(195), 100)
    announce = next(place for place, line in enumerate(lines) if "announce" in line)
    assert "tidy" in lines[announce + 1]
    assert lines[announce + 1].index("✓") > lines[announce].index("⊘")


def test_whose_failure_it_was_is_said_however_far_away() -> None:
    assert "because evaluate failed" in next(line for line in drawn(NIGHTLY, at_ms(195), 100) if "announce" in line)
    tasks = numbered(*(ran(f"part-{n}", "", 0, 0, 1, TaskState.FAILED) for n in range(9)))
    join = idle("join", " ".join(task.name for task in tasks), TaskState.UPSTREAM_FAILED)
    (line,) = [line for line in drawn(numbered(*tasks, join), NOON_MS, 200) if "join" in line]
    assert line.endswith("because part-0 and 8 more failed, also after part-0, part-1, part-2 and 5 more")


def test_a_deep_run_does_not_leave_the_terminal() -> None:
    chain = numbered(*(ran(f"t{n}", f"t{n - 1}" if n else "", n, n, n + 1) for n in range(30)))
    lines = drawn(chain, NOON_MS, 60)
    assert lines[0].startswith("✓ t0 ")
    assert [line[:4] for line in lines[1:]] == ["↓ ✓ "] * 29
    ladder = numbered(
        *(
            one
            for n in range(30)
            for one in (ran(f"t{n}", f"t{n - 1}" if n else "", n, n, n + 1), idle(f"u{n}", f"t{n}"))
        )
    )
    lines = drawn(ladder, NOON_MS, 60, limit=None)
    assert len(lines) == 60
    assert max(map(len, lines)) <= 60
    assert lines[-1].startswith("…") or lines[-2].startswith("…")


def test_of_a_large_run_failures_come_first_and_everything_is_counted() -> None:
    tree = tree_of(MANY.tasks)
    chosen = choose(tree, ROWS)
    states = Counter(task.state for task in MANY.tasks)
    assert len(chosen.places) <= 2 * ROWS
    assert sum(MANY.tasks[place].state is TaskState.FAILED for place in chosen.places) == states[TaskState.FAILED]
    counted = Counter(MANY.tasks[place].state for place in chosen.places)
    for hidden in chosen.hidden:
        counted += hidden
    assert counted == states


def test_only_the_states_that_were_asked_for_are_listed_with_what_they_stand_under() -> None:
    assert drawn(NIGHTLY, at_ms(195), 120, UNICODE, TaskState.FAILED) == [
        "✓ fetch           succeeded  17 s",
        "└─ ✓ train [8]    succeeded  53 s",
        "   └─ ✗ evaluate  failed     16 s  also after prices",
        "         out_of_memory: exit code 137: OutOfMemoryError: Container killed due to memory usage",
    ]
    failed = [line for line in drawn(MANY.tasks, at_ms(20), 80, UNICODE, TaskState.FAILED, limit=None) if "✗" in line]
    assert len(failed) == sum(task.state is TaskState.FAILED for task in MANY.tasks)
    assert drawn(NIGHTLY, NOON_MS, 80, UNICODE, TaskState.CANCELLED) == []


def test_a_reason_is_one_text_on_lines_of_its_own_and_moves_no_cursor() -> None:
    broken = result(False, exit_code=1, reason="first\x1b[2J\nsecond " + "word " * 100)
    lines = drawn(numbered(ran("t", "", 0, 0, 1, TaskState.FAILED, broken)), NOON_MS, 60)
    assert lines[1].strip().startswith("exit code 1: first�[2J second word")
    assert len(lines) == 7
    assert lines[-1].endswith("…")
    assert max(map(cell_len, lines)) <= 60


def test_a_wide_script_counts_its_cells() -> None:
    broken = result(False, reason="壊れました" * 30)
    lines = drawn(numbered(ran("t", "", 0, 0, 1, TaskState.FAILED, broken)), NOON_MS, 60)
    assert max(map(cell_len, lines)) <= 60


def test_what_an_earlier_epoch_gave_is_said() -> None:
    assert "kept from epoch 0, attempt 2 of 3" in drawn(redriven().tasks, NOON_MS, 120)[0]


def test_a_retry_that_is_due_and_could_not_start_is_told_from_a_task_that_never_did() -> None:
    tasks = (row(0, "held", TaskState.WAITING, 1, 2, attempts=[FAILURE]), idle("never", ""))
    held, _, never = drawn(tasks, NOON_MS, 120)
    assert held.endswith("attempt 1 of 2, retry held back")
    assert never.endswith("waiting")


def test_a_long_wait_is_said_and_a_short_one_is_not() -> None:
    def says(claimed: float, started: float, stopped: float) -> bool:
        (line,) = drawn(numbered(ran("t", "", claimed, started, stopped)), NOON_MS, 80)
        return "waited" in line

    assert says(0, 31, 900)
    assert says(0, 4, 5)
    assert not says(0, 4, 60)
    assert not says(0, 1, 1.1)
    assert not says(9, 1, 20)
    (line,) = drawn((row(0, "t", TaskState.RUNNABLE, claimed_at_ms=NOON_MS),), at_ms(75), 80)
    assert line.endswith("waited 1 min 15 s")


@settings(max_examples=60, deadline=None)
@given(runs(), st.integers(40, 130), st.sampled_from([ASCII, UNICODE]), st.sampled_from([None, 1, 3, 8]))
def test_every_task_is_shown_once_or_counted_once_and_no_line_is_too_wide(
    shown: RunView, width: int, signs: Signs, limit: int | None
) -> None:
    tree = tree_of(shown.tasks)
    chosen = choose(tree, limit)
    lines = [line.plain for line in tree_lines(tree, chosen, at_ms(100), width, signs)]
    assert max(map(cell_len, lines), default=0) <= width
    found = [
        re.match(rf"[│├└─↓… |`v.-]*[{re.escape(''.join(signs.states.values()))}] (task-\d+~)", line) for line in lines
    ]
    named = Counter(one[1] for one in found if one)
    assert named == {shown.tasks[place].name: 1 for place in chosen.places}
    assert len(chosen.places) + sum(hidden.total() for hidden in chosen.hidden) == len(shown.tasks)
    if limit is None:
        assert len(chosen.places) == len(shown.tasks)
