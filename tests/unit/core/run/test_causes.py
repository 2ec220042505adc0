from __future__ import annotations

from chalicelib.core.failure import FailureClass
from chalicelib.core.run.causes import Cause, FailureKey, causes, failures_of
from chalicelib.core.states import TaskState
from tests.unit.rows import FAILURE, KILLED, NO_START, ended, result, row

OUT_OF_MEMORY = FailureKey(FailureClass.OUT_OF_MEMORY, 137, "OutOfMemoryError: killed")
APPLICATION = FailureKey(FailureClass.APPLICATION, 3, "Essential container in task exited")
TASKS = (
    ended(0, "late", TaskState.FAILED, result(False, exit_code=3, seconds=(1, 9), failure=FailureClass.APPLICATION)),
    ended(1, "allowed", TaskState.FAILED, KILLED).model_copy(update={"allow_failure": True}),
    ended(2, "early", TaskState.FAILED, result(False, exit_code=3, seconds=(1, 5), failure=FailureClass.APPLICATION)),
    row(3, "refused", TaskState.FAILED, attempts=[NO_START]),
    row(4, "after-both", TaskState.UPSTREAM_FAILED, 0, depends_on=["late", "early"]),
    row(5, "after-that", TaskState.UPSTREAM_FAILED, 0, depends_on=["after-both", "fine"]),
    row(6, "after-early", TaskState.UPSTREAM_FAILED, 0, depends_on=["early"]),
    ended(7, "fine", TaskState.SUCCEEDED, result(True, exit_code=0)),
)


def test_what_did_not_run_names_the_nearest_failure() -> None:
    assert causes(TASKS) == {4: Cause(0, 1), 5: Cause(0, 1), 6: Cause(2, 0)}


def test_the_first_failure_is_the_earliest_that_the_workflow_does_not_allow() -> None:
    assert failures_of(TASKS).first == 2
    assert failures_of(TASKS[1:2]).first is None
    assert failures_of([TASKS[0], TASKS[3]]).first == 0


def test_a_failure_without_a_time_is_the_first_only_if_there_is_no_other() -> None:
    assert failures_of(TASKS[3:4]).first == 0


def test_failures_of_one_kind_stand_together_the_largest_group_first() -> None:
    groups = failures_of(TASKS).groups
    assert [(group.key, group.places) for group in groups[:2]] == [(APPLICATION, (0, 2)), (OUT_OF_MEMORY, (1,))]
    assert groups[2].key.failure is FailureClass.DEPENDENCY


def test_each_failure_says_how_many_tasks_it_took_along() -> None:
    assert failures_of(TASKS).taken_along == {0: 2, 2: 1}
    assert list(failures_of(TASKS).taken_along) == [0, 2]


def test_a_failure_whose_result_is_not_written_yet_is_counted_without_a_kind() -> None:
    unwritten = row(0, "unwritten", TaskState.FAILED, 2, attempts=[FAILURE])
    (group,) = failures_of([unwritten]).groups
    assert group.key == FailureKey(None, None, None)
