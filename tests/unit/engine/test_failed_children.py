"""A notice of a failed array says what the commonest of its failed jobs died of; asking Batch never costs it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.errors import Throttled
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice, ToldChild
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.notices import told_task
from chalicelib.engine.publishing.log_tail import LastLines, commonest
from tests.memory.lookout import Lookout
from tests.memory.theatre import Theatre, plan_of, task

SIZE = 40


def child(index: int, exit_code: int, **more: Any) -> dict[str, Any]:
    """A job of an array that failed, in DescribeJobs' shape."""
    container = {"exitCode": exit_code, "logStreamName": f"log/{index}"}
    reason = "Essential container in task exited"
    ended = {"status": "FAILED", "statusReason": reason, "attempts": [{"container": container}], "container": container}
    return {"jobId": f"parent:{index}", "arrayProperties": {"index": index}, **ended, **more}


def array(name: str) -> Any:
    one = task(name)
    return replace(one, job=replace(one.job, array_size=SIZE))


def failing(*names: str) -> Theatre:
    """A run that goes on, whose arrays of these names are about to fail."""
    theatre = Theatre(
        plan_of(*((array(name), ()) for name in names), (task("slow"), ())), [(name, 1) for name in names]
    )
    theatre.start()
    for name in names:
        [job] = theatre.jobs(name)
        theatre.batch.children[job.job_id] = [child(9, 1), child(2, 7), child(5, 7)]
    theatre.logs.write("log/2", "reading part 2", "no such part")
    return theatre


def fail(theatre: Theatre, *names: str) -> None:
    for name in names:
        event = json.loads(theatre.ending_document(theatre.jobs(name)[0]))
        del event["detail"]["container"]
        event["detail"] |= {"attempts": [], "statusReason": "Array Child Job failed"}
        event["detail"]["arrayProperties"] = {"size": SIZE, "statusSummary": {"SUCCEEDED": 37, "FAILED": 3}}
        theatre.deliver_event(json.dumps(event))
    theatre.calls.clear()
    theatre.clock.advance(seconds=10)
    while theatre.deliver_commands():
        pass


def digest(theatre: Theatre) -> Notice:
    [notice] = [one for one in theatre.notices.published if one.kind is NoticeKind.TASK_FAILED]
    return notice


def test_a_digest_tells_the_commonest_failed_child_of_an_array_and_what_it_wrote():
    theatre = failing("parts")
    fail(theatre, "parts")
    [job] = digest(theatre).jobs
    reason = "Essential container in task exited"
    assert job.child == ToldChild(
        index=2, failure=FailureClass.APPLICATION, exit_code=7, reason=reason, log_stream="log/2", alike=2
    )
    assert job.log_lines == ("reading part 2", "no such part")
    assert (job.failure, job.reason) == (FailureClass.DEPENDENCY, "Array Child Job failed")
    assert (job.failed_children, job.array_size) == (3, SIZE)


def test_a_child_that_has_a_name_is_told_by_it():
    theatre = failing("parts")
    one = theatre.plan.tasks[0]
    labels = tuple(f"part {number}" for number in range(SIZE))
    told = LastLines(theatre.world(), 3).looked_up(
        told_task(one, theatre.store.task(theatre.run.run_id, 0, 0), None, requested=Requested("q", SIZE)), labels
    )
    assert told.child is not None
    assert (told.child.index, told.child.title) == (2, "child 2 (part 2)")


def test_the_end_of_a_run_tells_it_too():
    theatre = Theatre(plan_of((array("parts"), ())), [("parts", 1)])
    theatre.start()
    theatre.batch.children[theatre.jobs("parts")[0].job_id] = [child(0, 3)]
    fail(theatre, "parts")
    [notice] = [one for one in theatre.notices.published if one.kind is NoticeKind.RUN_FAILED]
    assert [job.child and job.child.exit_code for job in notice.jobs] == [3]


def test_of_several_arrays_one_is_asked_about():
    theatre = failing("parts", "rest", "more")
    asked = []
    theatre.gate = lambda name, after_effect: asked.append(name) if not after_effect else None
    fail(theatre, "rest", "parts", "more")
    assert [(job.task, job.child is not None) for job in digest(theatre).jobs] == [
        ("rest", True),
        ("parts", False),
        ("more", False),
    ]
    assert asked.count("failed_children") == 1


@pytest.mark.parametrize("failure", [Throttled("ListJobs: not now"), PermissionError("not for you"), KeyError("index")])
def test_a_notice_goes_out_as_it_was_though_batch_does_not_answer(failure: Exception):
    theatre = failing("parts")

    def refuse() -> None:
        raise failure

    theatre.hooks["failed_children"] = refuse
    fail(theatre, "parts")
    notice = digest(theatre)
    assert notice.notice_id == f"{theatre.run.run_id}/0/task_failed/1"
    assert [(job.child, job.failed_children, job.log_lines) for job in notice.jobs] == [(None, 3, ())]


def test_a_notice_that_waited_long_for_batch_waits_for_no_log():
    theatre = failing("parts")
    asked = []
    theatre.gate = lambda name, after_effect: asked.append(name) if not after_effect else None
    theatre.hooks["failed_children"] = lambda: theatre.clock.advance(seconds=6)
    fail(theatre, "parts")
    [job] = digest(theatre).jobs
    assert job.child is not None
    assert job.log_lines == ()
    assert "tail" not in asked


def test_an_array_of_others_tells_its_failed_child():
    lookout = Lookout({"m": {"failed": True}})
    lookout.batch.children["arr"] = [child(4, 7)]
    lookout.logs.write("log/4", "no such part")
    summary = {"size": 1000, "statusSummary": {"FAILED": 3, "SUCCEEDED": 997}}
    lookout.happens("arr", "FAILED", arrayProperties=summary)
    lookout.rest()
    [notice] = lookout.notices.published
    [job] = notice.jobs
    assert job.child is not None
    assert (job.child.index, job.child.exit_code, job.log_lines) == (4, 7, ("no such part",))


def test_a_job_that_is_no_array_is_not_asked_about():
    lookout = Lookout({"m": {"failed": True}})
    asked = []
    lookout.gate = lambda name, after_effect: asked.append(name)
    lookout.happens("a", "FAILED")
    lookout.rest()
    assert lookout.notices.published
    assert "failed_children" not in asked


def test_children_that_somebody_ended_are_not_blamed_where_another_failed_by_itself():
    ended = {"isTerminated": True}
    found = commonest([child(0, 137, **ended), child(1, 137, **ended), child(3, 1)])
    assert found is not None
    assert (found.index, found.failure) == (3, FailureClass.APPLICATION)
    found = commonest([child(4, 137, **ended)])
    assert found is not None
    assert (found.index, found.failure) == (4, FailureClass.CANCELLED)
    assert commonest([]) is None
