"""The API: logs of tasks, of their tries and children; and arrays of none and of one."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.core.batch.result import JobResult, JobTry
from chalicelib.core.errors import UnknownTask, UserMistake
from chalicelib.core.states import RunState, TaskState
from tests.contract.apis import TASK, Desk, definition_of
from tests.contract.test_api import start, states


def test_a_log_is_read_to_its_end(desk: Desk) -> None:
    run_id = start(desk)
    desk.logs.write("log", "one", "two", "three", at_ms=7)
    desk.play.play_on()
    desk.pass_seconds(60)
    first = desk.api.logs(run_id, "first", limit=2)
    assert [(line.at_ms, line.text) for line in first.items] == [(7, "one"), (7, "two")]
    rest = desk.api.logs(run_id, "first", limit=2, page=first.next)
    assert [line.text for line in rest.items] == ["three"]
    assert desk.api.logs(run_id, "first", page=rest.next) == m.LogPage(items=[])
    assert [line.text for line in desk.api.logs(run_id, "first", tail=1).items] == ["three"]


def test_the_log_of_what_goes_on_can_be_followed(desk: Desk) -> None:
    run_id = start(desk)
    nothing = desk.api.logs(run_id, "first")
    assert nothing.items == []
    assert nothing.next is not None
    desk.play.play_on()
    desk.logs.write("log", "late")
    assert [line.text for line in desk.api.logs(run_id, "first", page=nothing.next).items] == ["late"]


def test_each_try_inside_batch_has_a_log(desk: Desk) -> None:
    run_id = start(desk)
    (job,) = desk.play.jobs()
    attempt = desk.play.attempt_of(job)
    assert attempt is not None
    for number in (1, 2, 3):
        desk.logs.write(f"s{number}", f"try {number}")

    def texts(**asked: Any) -> list[str]:
        return [line.text for line in desk.api.logs(run_id, "first", **asked).items]

    ended = {"container": {"exitCode": 1, "logStreamName": "s1"}}
    under_way = {"jobId": job.job_id, "status": "RUNNING", "attempts": [ended], "container": {"logStreamName": "s2"}}
    desk.play.batch.detail_of = lambda _: under_way
    assert (texts(job_try=1), texts(job_try=2), texts()) == (["try 1"], ["try 2"], ["try 2"])
    with pytest.raises(UnknownTask, match=r"attempt 1 of task 'first' has had 2 tries .*; there is no try 3"):
        desk.api.logs(run_id, "first", job_try=3)
    tries = tuple(JobTry(exit_code=1, log_stream=f"s{number}") for number in (1, 2, 3))
    failed = JobResult(job.job_id, succeeded=False, exit_code=1, log_stream="s3", tries=tries)
    desk.play.store.commit(attempt, TaskState.FAILED, failed)
    assert [texts(job_try=number) for number in (1, 2, 3)] == [["try 1"], ["try 2"], ["try 3"]]
    assert texts() == ["try 3"]
    with pytest.raises(UnknownTask, match="has had 3 tries inside AWS Batch; there is no try 4"):
        desk.api.logs(run_id, "first", attempt=1, job_try=4)
    (told,) = desk.api.task(run_id, "first").attempts
    assert [(one.exit_code, one.log_stream) for one in told.tries] == [(1, "s1"), (1, "s2"), (1, "s3")]


def test_a_task_that_has_not_begun_has_no_log_yet(desk: Desk) -> None:
    run_id = start(desk)
    page = desk.api.logs(run_id, "second")
    assert (page.items, page.next is None) == ([], False)
    with pytest.raises(UnknownTask, match="task 'second' has had no attempts; there is no attempt 1"):
        desk.api.logs(run_id, "second", attempt=1)
    with pytest.raises(UnknownTask, match="task 'first' is no array; it has no child 3"):
        desk.api.logs(run_id, "first", child=3)


def test_an_array_without_a_size_is_a_single_job_with_a_single_log(desk: Desk) -> None:
    params = {"shards": {"type": "integer"}}
    sized = {"only": {**TASK, "array": {"size": "${params.shards}"}}}
    desk.api.put_workflow("sized", {**definition_of("sized", tasks=sized), "params": params})
    single, array = start(desk, workflow="sized"), start(desk, "k2", workflow="sized", params={"shards": 4})
    told = desk.api.task(single, "only")
    assert (told.is_array, told.children) == (False, None)
    assert desk.api.logs(single, "only").items == []
    with pytest.raises(UnknownTask, match="task 'only' is no array; it has no child 0"):
        desk.api.logs(single, "only", child=0)
    told = desk.api.task(array, "only")
    assert (told.is_array, told.children) == (True, 4)


def test_of_an_array_a_child_must_be_named(desk: Desk) -> None:
    array = {"only": {**TASK, "array": {"size": 4}}}
    desk.api.put_workflow("array", definition_of("array", tasks=array))
    run_id = start(desk, workflow="array")
    with pytest.raises(UserMistake, match=r"'only' is an array .*: say of which child, from 0 to 3 \(--child N\)"):
        desk.api.logs(run_id, "only")
    with pytest.raises(UnknownTask, match="Batch knows no child 9 of job"):
        desk.api.logs(run_id, "only", child=9)


def test_an_array_of_none_is_skipped_and_one_of_one_is_a_single_job(desk: Desk) -> None:
    params = {"n": {"type": "integer", "default": 0}}
    array = {**TASK, "array": {"size": "${params.n}"}}
    after = {**TASK, "depends_on": ["first"], "trigger_rule": "none_failed"}
    definition = {**definition_of("parted", tasks={"first": array, "second": after}), "params": params}
    desk.api.put_workflow("parted", definition)
    none = start(desk, workflow="parted")
    desk.play.play_on()
    assert states(desk, none) == {"first": "skipped", "second": "succeeded"}
    assert desk.api.run(none).state is RunState.SUCCEEDED
    one = start(desk, "k1", workflow="parted", params={"n": 1})
    told = desk.api.task(one, "first")
    assert (told.is_array, told.children) == (False, None)
    assert desk.api.logs(one, "first").items == []
    desk.play.play_on()
    assert states(desk, one) == {"first": "succeeded", "second": "succeeded"}


def test_a_run_of_nothing_but_arrays_of_none_ends_when_it_starts(desk: Desk) -> None:
    desk.api.put_workflow("nothing", definition_of("nothing", tasks={"first": {**TASK, "array": {"size": 0}}}))
    run_id = start(desk, workflow="nothing")
    assert (states(desk, run_id), desk.api.run(run_id).state) == ({"first": "skipped"}, RunState.SUCCEEDED)
