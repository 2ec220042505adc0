"""The API: why a run failed, where its time went, and why a task wrote nothing."""

from __future__ import annotations

import pytest

from batchwright.runs.view import load_view
from chalicelib.api import models as m
from chalicelib.core.errors import UnknownRun
from chalicelib.core.failure import FailureClass
from chalicelib.core.run.timeline import Stretch, timeline_of
from tests.contract.apis import TASK, Desk, definition_of
from tests.contract.test_api import start


def failed_run(desk: Desk) -> str:
    """A run in which `first` failed and took `second` along."""
    desk.play.fails = {("first", 1)}
    run_id = start(desk)
    desk.play.play_on()
    return run_id


def play_the_plan_of(desk: Desk, run_id: str) -> None:
    """The play knows the plan of films; let it know this run's."""
    run = desk.play.store.run(run_id)
    assert run is not None
    desk.play.plan = desk.play.store.plan(run.plan_digest)


def test_the_timeline_of_a_run_is_what_the_core_makes_of_its_tasks(desk: Desk) -> None:
    run_id = start(desk)
    desk.pass_seconds(30)
    desk.play.play_on()
    view = load_view(desk.api, run_id)
    line, told = timeline_of(view.run, view.tasks, desk.now_ms()), desk.api.timeline(run_id)
    assert [(bar.index, bar.on_longest_chain) for bar in told.items] == [
        (bar.place, bar.place in line.chain) for bar in line.bars
    ]
    assert [[(one.stretch, one.begin_ms, one.end_ms) for one in bar.spans] for bar in told.items] == [
        [(one.stretch, one.begin_ms, one.end_ms) for one in bar.spans] for bar in line.bars
    ]
    assert (told.epoch, told.begin_ms, told.end_ms, told.is_over) == (0, line.begin_ms, line.end_ms, True)
    assert (told.chain_ms, told.unsure) == (line.chain_ms, line.unsure)
    assert told.ran_ms == sum(bar.ran_ms for bar in line.bars) >= 30_000
    assert told.items[0].spans[-1].stretch is Stretch.RAN


def test_a_timeline_goes_on_page_by_page_in_the_epoch_in_which_it_began(desk: Desk) -> None:
    run_id = failed_run(desk)
    whole = desk.api.timeline(run_id)
    assert [bar.task for bar in whole.items] == ["first"]
    desk.play.fails = set()
    desk.api.redrive(run_id, m.Redrive(scope="all"))
    desk.carry_out()
    desk.play.play_on()
    first = desk.api.timeline(run_id, limit=1)
    assert (first.epoch, [bar.task for bar in first.items], first.next is None) == (1, ["first"], False)
    second = desk.api.timeline(run_id, page=first.next)
    assert (second.epoch, [bar.task for bar in second.items], second.next) == (1, ["second"], None)
    assert desk.api.timeline(run_id, epoch=0) == whole


def test_a_failed_run_names_its_first_failure_and_what_that_took_along(desk: Desk) -> None:
    told = desk.api.failures(failed_run(desk))
    assert told.first is not None
    assert (told.first.task, told.first.attempt, told.first.failure) == ("first", 1, FailureClass.APPLICATION)
    reason = "Essential container in task exited"
    assert (told.first.exit_code, told.first.reason, told.failed) == (1, reason, 1)
    assert told.groups == [
        m.FailureGroup(failure=FailureClass.APPLICATION, exit_code=1, reason=reason, count=1, tasks=["first"])
    ]
    assert told.taken_along == [m.TakenAlong(cause="first", count=1)]


def test_a_run_without_failures_has_no_first_one(desk: Desk) -> None:
    run_id = start(desk)
    desk.play.play_on()
    assert desk.api.failures(run_id) == m.Failures(epoch=0, failed=0, groups=[], taken_along=[])


def test_of_many_failures_a_group_names_five(desk: Desk) -> None:
    names = [f"t{number}" for number in range(7)]
    desk.api.put_workflow("many", definition_of("many", tasks=dict.fromkeys(names, TASK)))
    run_id = start(desk, workflow="many")
    play_the_plan_of(desk, run_id)
    desk.play.fails = {(name, 1) for name in names}
    desk.play.play_on()
    (group,) = desk.api.failures(run_id).groups
    assert (group.count, group.tasks) == (7, names[:5])


def test_a_run_that_is_not_there_has_neither(desk: Desk) -> None:
    for ask in (desk.api.timeline, desk.api.failures):
        with pytest.raises(UnknownRun):
            ask("films-nothere")


def test_a_task_without_a_log_says_why(desk: Desk) -> None:
    run_id = start(desk)
    said = "Task first has written nothing so far: it is submitted."
    assert desk.api.logs(run_id, "first").nothing_because == said
    said = "Task second has written nothing so far: it has no job yet, it is waiting."
    assert desk.api.logs(run_id, "second").nothing_because == said


def test_a_task_that_a_failure_took_along_names_it_instead_of_a_log(desk: Desk) -> None:
    run_id = failed_run(desk)
    said = "Task second never had a job, because first failed."
    assert desk.api.logs(run_id, "second").nothing_because == said


def test_a_log_with_lines_says_nothing_more(desk: Desk) -> None:
    run_id = start(desk)
    desk.logs.write("log", "one")
    desk.play.play_on()
    assert desk.api.logs(run_id, "first").nothing_because is None


def test_a_child_that_never_started_says_why_it_wrote_nothing(desk: Desk) -> None:
    array = {"only": {**TASK, "array": {"size": 4}}}
    desk.api.put_workflow("array", definition_of("array", tasks=array))
    run_id = start(desk, workflow="array")
    desk.play.fails = {("only", 1)}
    play_the_plan_of(desk, run_id)
    desk.play.play_on()
    (job,) = desk.play.jobs()
    reason = "CannotPullContainerError: gone"
    child = {
        "jobId": f"{job.job_id}:2",
        "status": "FAILED",
        "statusReason": reason,
        "arrayProperties": {"index": 2},
        "attempts": [{"statusReason": reason, "container": {}}],
    }
    desk.play.batch.others[f"{job.job_id}:2"] = child
    said = desk.api.logs(run_id, "only", child=2).nothing_because
    assert said == f"Child 2 of task only wrote nothing, because its job never started: image_pull: {reason}"
