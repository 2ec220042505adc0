from __future__ import annotations

import pytest

from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.run.causes import causes
from chalicelib.core.run.no_log import cause_words, no_log_sentence
from chalicelib.core.states import TaskState
from tests.unit.rows import FAILURE, ended, result, row, view

NO_PULL = result(
    False, reason="CannotPullContainerError: gone", seconds=None, log_stream=None, failure=FailureClass.IMAGE_PULL
)
RUN = view(
    ended(0, "clean", TaskState.FAILED, FAILURE),
    row(1, "report", TaskState.UPSTREAM_FAILED, 0, depends_on=["clean"]),
    row(2, "publish", TaskState.UPSTREAM_FAILED, 0, depends_on=["report"]),
    row(3, "rescue", TaskState.SKIPPED, 0),
    row(4, "late", TaskState.CANCELLED, 0),
    row(5, "waits", TaskState.WAITING, 0),
    row(6, "queued", TaskState.RUNNABLE),
    ended(7, "silent", TaskState.SUCCEEDED, result(True, exit_code=0)),
    ended(8, "no-image", TaskState.FAILED, NO_PULL),
    ended(9, "tried", TaskState.SUCCEEDED, result(True, exit_code=0), 2, 3),
)


def cause_of(place: int) -> str | None:
    found = causes(RUN.tasks).get(place)
    return None if found is None else cause_words(RUN.tasks[found.place].name, found.others)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report", "Task report never had a job, because clean failed."),
        ("publish", "Task publish never had a job, because clean failed."),
        ("rescue", "Task rescue never had a job, because it was skipped."),
        ("late", "Task late never had a job, because the run was cancelled first."),
        ("waits", "Task waits has written nothing so far: it has no job yet, it is waiting."),
        ("queued", "Task queued has written nothing so far: it is runnable."),
        ("silent", "Task silent wrote nothing."),
        (
            "no-image",
            "Task no-image wrote nothing, because its job never started: image_pull: CannotPullContainerError: gone",
        ),
    ],
)
def test_why_there_is_nothing_to_read_is_said(name: str, said: str) -> None:
    (task,) = [task for task in RUN.tasks if task.name == name]
    assert no_log_sentence(task, cause=lambda: cause_of(task.index)) == said


def test_whose_log_was_asked_for_is_said() -> None:
    task = RUN.tasks[9]
    assert no_log_sentence(task, attempt=1) == "Attempt 1 of task tried wrote nothing."
    array = task.model_copy(update={"is_array": True, "attempts": [NO_PULL, NO_PULL]})
    assert no_log_sentence(array, child=3, attempt=1) == ("Attempt 1 of child 3 of task tried wrote nothing.")


def test_a_child_that_never_started_says_so_as_a_single_job_does() -> None:
    array = ended(0, "many", TaskState.FAILED, result(False, reason="Array Child Job failed", seconds=None))
    started = m.FailedChild(index=1, exit_code=7, failure=FailureClass.APPLICATION, started_at_ms=5)
    never = m.FailedChild(index=2, failure=FailureClass.START_FAILURE, reason="no such program")
    array = array.model_copy(update={"is_array": True})
    failed = {1: started, 2: never}
    said = {child: no_log_sentence(array, child=child, failed_child=failed.get(child)) for child in (0, 1, 2)}
    assert said == {
        0: "Child 0 of task many wrote nothing.",
        1: "Child 1 of task many wrote nothing.",
        2: "Child 2 of task many wrote nothing, because its job never started: start_failure: no such program",
    }
