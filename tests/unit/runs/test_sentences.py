from __future__ import annotations

import pytest

from batchwright.runs.sentences import (
    cancel_sentence,
    pause_sentence,
    redrive_sentence,
    resume_sentence,
)
from batchwright.runs.view import RunView
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import FAILURE, redriven, result, row, view

ONE = view(row(0, "a", TaskState.RUNNING), row(1, "b", TaskState.WAITING, 0))
MANY = view(
    *(row(index, f"t{index}", TaskState.SUBMITTED) for index in range(3)),
    *(row(index, f"t{index}", TaskState.WAITING, 0) for index in range(3, 1_503)),
    row(1_503, "done", TaskState.SUCCEEDED),
)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (ONE, "1 job under way goes on, 1 task waits; `batchwright resume films-abc` lets it go on."),
        (MANY, "3 jobs under way go on, 1,500 tasks wait; `batchwright resume films-abc` lets it go on."),
    ],
)
def test_a_pause_says_what_goes_on_and_what_waits(shown: RunView, said: str) -> None:
    assert pause_sentence(shown, news=True) == f"Run films-abc is paused: {said}"
    assert pause_sentence(shown, news=False) == f"Run films-abc is paused already: {said}"


def test_a_resume_says_what_is_still_to_come() -> None:
    said = ": 3 jobs under way, 1,500 tasks wait; `batchwright watch films-abc` follows it."
    assert resume_sentence(MANY, news=True) == f"Run films-abc goes on{said}"
    assert resume_sentence(MANY, news=False) == f"Run films-abc goes on already{said}"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (ONE, "is being cancelled: 1 job under way is being ended, 1 task will not start; "),
        (view(row(0, "a", TaskState.RUNNING)), "is being cancelled: 1 job under way is being ended; "),
        (view(row(0, "a", TaskState.CANCELLED, 0)), "is being cancelled: 1 task will not start; "),
        (view(row(0, "a", TaskState.SUCCEEDED)), "is being cancelled; "),
    ],
)
def test_a_cancel_says_what_is_ended_and_what_will_not_start(shown: RunView, said: str) -> None:
    assert cancel_sentence(shown, news=True) == f"Run films-abc {said}`batchwright watch films-abc` follows it."


def test_a_second_cancel_tells_what_was_ended_from_what_will_not_start() -> None:
    terminated = result(False, exit_code=143, failure=FailureClass.CANCELLED)
    shown = view(
        row(0, "ended", TaskState.CANCELLED, attempts=[terminated]),
        row(1, "ended-and-not-written-yet", TaskState.CANCELLED),
        row(2, "under-way", TaskState.RUNNING),
        row(3, "waited-for-its-retry", TaskState.CANCELLED, attempts=[FAILURE]),
        row(4, "never", TaskState.CANCELLED, 0),
        state=RunState.CANCELLING,
    )
    assert cancel_sentence(shown, news=False) == (
        "Run films-abc is being cancelled already: 2 jobs were ended, 1 job under way is being ended, "
        "2 tasks will not start; `batchwright watch films-abc` follows it."
    )


def test_where_no_job_is_under_way_none_is_counted() -> None:
    idle = view(row(0, "a", TaskState.WAITING, 0))
    assert pause_sentence(idle, news=True).startswith("Run films-abc is paused: no job is under way, 1 task waits; ")
    assert resume_sentence(idle, news=True).startswith("Run films-abc goes on: no job under way, 1 task waits; ")


def test_a_cancel_that_is_done_already_says_so() -> None:
    ended = view(row(0, "a", TaskState.CANCELLED), state=RunState.CANCELLED, lasted_seconds=1)
    assert cancel_sentence(ended, news=False) == "Run films-abc is cancelled."


def test_a_redrive_says_how_many_tasks_run_again_and_how_many_endings_it_keeps() -> None:
    run = redriven().run
    begin, end = "Run films-abc goes on in epoch 2, with version 3: ", "; `batchwright watch films-abc` follows it."
    assert redrive_sentence(run, 4, 3) == f"{begin}1 task runs again, 3 keep their ending{end}"
    assert redrive_sentence(run, 4, 1) == f"{begin}3 tasks run again, 1 keeps its ending{end}"
