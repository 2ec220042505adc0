from __future__ import annotations

from chalicelib.core.run.task_view import past_of, result_of
from chalicelib.core.states import TaskState
from tests.unit.rows import EVERY_STATE, FAILURE, KILLED, NO_START, row


def test_the_last_attempt_of_an_ended_task_is_its_result_and_those_before_are_past() -> None:
    by_name = {task.name: task for task in EVERY_STATE.tasks}
    assert (result_of(by_name["broken"]), past_of(by_name["broken"])) == (FAILURE, [FAILURE])
    assert (result_of(by_name["flaky"]), past_of(by_name["flaky"])) == (None, [KILLED])
    assert (result_of(by_name["never-started"]), past_of(by_name["never-started"])) == (NO_START, [])
    assert (result_of(by_name["skipped"]), past_of(by_name["skipped"])) == (None, [])


def test_an_ending_whose_result_is_not_written_yet_has_none() -> None:
    late = row(0, "a", TaskState.SUCCEEDED, 2, 3, attempts=[FAILURE])
    assert (result_of(late), past_of(late)) == (None, [FAILURE])
