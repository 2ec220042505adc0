from __future__ import annotations

import pytest

from batchwright.runs.view import RunView
from chalicelib.api import models as m
from chalicelib.core.run.timeline import Stretch, Timeline, timeline_of
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import result, row, view
from tests.unit.run_stories import FAILED, RUNNING, RUNNING_NOW_MS, at_ms, idle, numbered, ran, redriven

WAITED, RAN, RESTED, BAD, GOES_ON = Stretch.WAITED, Stretch.RAN, Stretch.RESTED, Stretch.FAILED, Stretch.UNDER_WAY


def shown_timeline(shown: RunView, now_ms: int) -> Timeline[m.Task]:
    return timeline_of(shown.run, shown.tasks, now_ms)


def seconds(at: int) -> float:
    return (at - at_ms(0)) / 1_000


def spans(line: Timeline[m.Task], name: str) -> list[tuple[Stretch, float, float]]:
    (bar,) = [bar for bar in line.bars if line.tasks[bar.place].name == name]
    return [(span.stretch, seconds(span.begin_ms), seconds(span.end_ms)) for span in bar.spans]


def test_an_attempt_waits_from_its_claim_to_its_start_and_between_attempts_the_task_rests() -> None:
    line = shown_timeline(FAILED, at_ms(9_999))
    assert spans(line, "fetch") == [(WAITED, 0, 4), (RAN, 4, 21)]
    assert spans(line, "train") == [(BAD, 34, 71), (RESTED, 71, 82), (WAITED, 82, 118), (RAN, 118, 171)]
    assert spans(line, "evaluate")[-1] == (BAD, 174, 190)
    assert [line.tasks[bar.place].name for bar in line.bars] == ["fetch", "prices", "train", "evaluate", "tidy"]


def test_what_goes_on_lasts_until_now() -> None:
    line = shown_timeline(RUNNING, RUNNING_NOW_MS)
    assert (line.is_over, seconds(line.end_ms)) == (False, 100)
    assert spans(line, "prices") == [(WAITED, 21, 25), (GOES_ON, 25, 100)]
    assert spans(line, "queued") == [(WAITED, 22, 100)]
    assert spans(line, "flaky") == [(BAD, 34, 71), (RESTED, 71, 100)]
    assert spans(line, "train")[-1] == (GOES_ON, 82, 100)


def test_an_epoch_begins_with_its_first_claim_and_what_it_kept_has_no_bar() -> None:
    line = shown_timeline(redriven(), at_ms(9_999))
    assert seconds(line.begin_ms) == 3_600
    assert [line.tasks[bar.place].name for bar in line.bars] == ["evaluate", "publish", "announce", "tidy"]


def test_an_epoch_begins_when_it_was_redriven_however_late_its_last_claim_was() -> None:
    retried = ran("t", "", 104, 105, 106, TaskState.SUCCEEDED, None, result(False, seconds=(101, 103)), epoch=1)
    shown = view(*numbered(retried), state=RunState.SUCCEEDED, lasted_seconds=106)
    for began_at_ms, begins in ((at_ms(100), 100), (None, 101)):
        redrive = {"epoch": 1, "began_at_ms": began_at_ms}
        line = shown_timeline(RunView(shown.run.model_copy(update=redrive), shown.tasks), at_ms(9_999))
        assert (seconds(line.begin_ms), line.unsure) == (begins, 0)


def test_the_longest_chain_counts_waiting_and_what_two_share_once() -> None:
    line = shown_timeline(FAILED, at_ms(9_999))
    assert [line.tasks[place].name for place in line.chain] == ["fetch", "train", "evaluate", "tidy"]
    assert line.chain_ms == 1_000 * (21 + (171 - 34) + 19 + 5)
    early = view(*numbered(ran("a", "", 0, 0, 9), ran("b", "a", 2, 2, 12)), state=RunState.SUCCEEDED, lasted_seconds=12)
    assert shown_timeline(early, 0).chain_ms == 12_000


def test_an_array_whose_earlier_attempt_has_no_start_began_when_it_could() -> None:
    told = result(False, reason="Array Child Job failed", seconds=None).model_copy(update={"stopped_at_ms": at_ms(9)})
    tasks = numbered(
        ran("a", "", 0, 0, 2), ran("b", "a", 10, 10, 14, TaskState.SUCCEEDED, None, told, is_array=True, children=3)
    )
    line = shown_timeline(view(*tasks, state=RunState.SUCCEEDED, lasted_seconds=14), 0)
    assert spans(line, "b") == [(BAD, 2, 9), (RESTED, 9, 10), (RAN, 10, 14)]


def test_an_attempt_that_failed_before_it_could_start_is_there_all_the_same() -> None:
    told = result(False, reason="CannotPullContainerError", seconds=None)
    failed = row(0, "t", TaskState.FAILED, attempts=[told], claimed_at_ms=at_ms(1), stopped_at_ms=at_ms(61))
    line = shown_timeline(view(failed, state=RunState.FAILED, lasted_seconds=62), 0)
    assert spans(line, "t") == [(WAITED, 1, 61), (BAD, 61, 61)]


def test_a_cancelled_job_is_told_from_one_that_failed() -> None:
    ended = ran("t", "", 0, 1, 5, TaskState.CANCELLED, result(False, reason="a typo"))
    line = shown_timeline(view(*numbered(ended), state=RunState.CANCELLED, lasted_seconds=5), 0)
    assert spans(line, "t")[-1] == (Stretch.CANCELLED, 1, 5)


@pytest.mark.parametrize(
    ("claimed", "started", "stopped"),
    [(5, 4, 8), (1, 9, 3), (-7, -6, -5), (30, 31, 32)],
    ids=["claimed after its start", "stopped before its start", "before the run", "after the run"],
)
def test_clocks_that_differ_make_no_span_run_backwards(claimed: float, started: float, stopped: float) -> None:
    shown = view(*numbered(ran("t", "", claimed, started, stopped)), state=RunState.SUCCEEDED, lasted_seconds=10)
    line = shown_timeline(shown, 0)
    (bar,) = line.bars
    assert all(span.begin_ms <= span.end_ms for span in bar.spans)
    assert line.begin_ms <= bar.begin_ms
    assert bar.end_ms <= line.end_ms
    assert line.unsure == (0 if claimed == 5 else 1)


def test_one_absurd_time_does_not_make_the_axis_half_a_century_long() -> None:
    epoch = view(*numbered(ran("t", "", 1, -1_800_000_000, 5)), state=RunState.SUCCEEDED, lasted_seconds=10)
    line = shown_timeline(epoch, 0)
    assert (seconds(line.begin_ms), seconds(line.end_ms), line.unsure) == (0, 10, 1)


@pytest.mark.parametrize(
    "shown", [view(), view(idle("t", "")), view(row(0, "t", TaskState.SUCCEEDED), lasted_seconds=0)]
)
def test_a_run_without_times_has_no_bars(shown: RunView) -> None:
    line = shown_timeline(shown, at_ms(0))
    assert (line.bars, line.chain, line.chain_ms) == ((), (), 0)
    assert line.end_ms > line.begin_ms
