"""The API: one suite for what can be asked of a Batchwright, wherever it runs."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.api.models import EventKind
from chalicelib.core.errors import (
    BadPage,
    IdempotencyConflict,
    InvalidWorkflow,
    PreconditionFailed,
    UnknownEpoch,
    UnknownRun,
    UnknownTask,
    UnknownWorkflow,
    UserMistake,
    WrongState,
)
from chalicelib.core.run.records import Scope
from chalicelib.core.states import RunState, TaskState
from tests.contract.apis import STAGE, TASK, Desk, definition_of


def start(desk: Desk, key: str = "key", workflow: str = "films", **more: Any) -> str:
    return desk.api.start_run(m.StartRun(workflow=workflow, **more), key).run_id


def states(desk: Desk, run_id: str, **asked: Any) -> dict[str, str]:
    return {task.name: task.state.value for task in desk.api.tasks(run_id, **asked).items}


# Workflows


def test_a_workflow_that_was_pushed_is_there_in_its_version(desk: Desk) -> None:
    pushed = desk.api.put_workflow("trains", definition_of("trains"))
    assert (pushed.name, pushed.version, pushed.definition) == ("trains", 1, definition_of("trains"))
    assert desk.api.workflow("trains") == desk.api.workflow("trains", 1) == pushed


def test_a_push_fixes_what_differs_by_stage_and_keeps_the_definition(desk: Desk) -> None:
    """Its run asks Batch for the stage's queue, and whoever reads the definition sees what was written."""
    task = {"job_definition": "shell", "queue": "${stage.queue}", "command": ["load", "s3://${stage.bucket}/${run.id}"]}
    definition = {"name": "trains", "tasks": {"load": task}}
    assert desk.api.put_workflow("trains", definition).definition == definition
    run = desk.api.start_run(m.StartRun(workflow="trains"), "key")
    desk.carry_out()
    [request] = desk.play.batch.submitted
    assert request.queue == f"{STAGE}-default"
    assert request.command == ("load", f"s3://bucket-of-{STAGE}/{run.run_id}")


def test_a_task_alone_is_told_with_the_names_of_its_children(desk: Desk) -> None:
    task = {"job_definition": "shell", "queue": "default", "array": {"labels": "${params.regions}"}}
    definition = {"name": "trains", "params": {"regions": {"type": "list"}}, "tasks": {"load": task}}
    desk.api.put_workflow("trains", definition)
    for names, is_array in ((["north", "south"], True), (["north"], False)):
        asked = m.StartRun(workflow="trains", params={"regions": names})
        run_id = desk.api.start_run(asked, str(len(names))).run_id
        told = desk.api.task(run_id, "load")
        assert (told.child_labels, told.is_array) == (names, is_array)
        [listed] = desk.api.tasks(run_id).items
        assert listed.child_labels == []


def test_the_same_content_makes_no_new_version_and_its_etag_says_so(desk: Desk) -> None:
    first = desk.api.workflow("films")
    same = desk.api.put_workflow("films", dict(reversed(first.definition.items())))
    assert (same.version, same.etag) == (1, first.etag)
    other = desk.api.put_workflow("films", definition_of("films"))
    assert (other.version, other.etag == first.etag) == (2, False)


def test_a_definition_is_refused_with_all_of_its_mistakes(desk: Desk) -> None:
    wrong = definition_of("films", tasks={"a": {**TASK, "vcpus": 0}, "b": {**TASK, "depends_on": ["c"]}})
    with pytest.raises(InvalidWorkflow) as refused:
        desk.api.put_workflow("films", wrong)
    assert sorted(mistake.path for mistake in refused.value.mistakes) == [
        ("tasks", "a", "vcpus"),
        ("tasks", "b", "depends_on", 0),
    ]
    assert str(refused.value).count("\n") == 1
    assert desk.api.workflow("films").version == 1


def test_a_workflow_is_pushed_under_its_own_name_alone(desk: Desk) -> None:
    with pytest.raises(InvalidWorkflow, match="name must be 'trains', for it is pushed under that name, not 'films'"):
        desk.api.put_workflow("trains", definition_of("films"))


def test_a_push_may_ask_for_the_version_that_it_replaces(desk: Desk) -> None:
    first = desk.api.workflow("films")
    second = desk.api.put_workflow("films", definition_of("films"), if_match=first.etag)
    assert second.version == 2
    with pytest.raises(PreconditionFailed, match="workflow 'films' is another in version 2 than the one that you saw"):
        desk.api.put_workflow("films", definition_of("films", description="x"), if_match=first.etag)
    assert desk.api.put_workflow("films", definition_of("films", description="x"), if_match="*").version == 3
    with pytest.raises(PreconditionFailed):
        desk.api.put_workflow("trains", definition_of("trains"), if_match="*")


def test_a_push_may_fix_the_revisions_of_the_job_definitions_that_tasks_name(desk: Desk) -> None:
    definition = definition_of("films", description="Fixed.")
    pushed = desk.api.put_workflow("films", definition, revisions=["shell:3", "other:1"])
    assert (pushed.version, pushed.definition) == (2, definition)
    start(desk)
    (job,) = desk.play.jobs("first")
    assert job.request.job_definition == "shell:3"
    assert desk.api.put_workflow("films", definition, revisions=["shell:3"]).version == 2
    assert desk.api.put_workflow("films", definition, revisions=["shell:4"]).version == 3
    with pytest.raises(UserMistake, match="revision must be a job definition with its revision, such as films:3, not "):
        desk.api.put_workflow("films", definition, revisions=["shell"])
    with pytest.raises(UserMistake, match="two revisions of one job definition: shell:3 and shell:4"):
        desk.api.put_workflow("films", definition, revisions=["shell:3", "shell:4"])


def test_workflows_are_listed_by_name_page_by_page(desk: Desk) -> None:
    for name in ("trains", "apples"):
        desk.api.put_workflow(name, definition_of(name))
    first = desk.api.workflows(limit=2)
    rest = desk.api.workflows(limit=2, page=first.next)
    assert [one.name for one in (*first.items, *rest.items)] == ["apples", "films", "trains"]
    assert rest.next is None
    films = first.items[1]
    assert (films.version, films.tasks, films.description) == (1, 2, "Import films.")


def test_an_unknown_workflow_or_version_suggests_what_there_is(desk: Desk) -> None:
    with pytest.raises(UnknownWorkflow, match=r"^no workflow 'flims' was pushed; did you mean 'films'\?$"):
        desk.api.workflow("flims")
    with pytest.raises(UnknownWorkflow, match=r"^workflow 'films' has no version 9; the latest is 1$"):
        desk.api.workflow("films", 9)


def test_a_deleted_workflow_is_unknown_but_its_runs_are_there_and_go_on(desk: Desk) -> None:
    run_id = start(desk)
    desk.api.delete_workflow("films")
    assert desk.api.workflows().items == []
    for ask in (
        lambda: desk.api.workflow("films", 1),
        lambda: desk.api.delete_workflow("films"),
        lambda: start(desk, "other"),
    ):
        with pytest.raises(UnknownWorkflow):
            ask()
    assert start(desk) == run_id
    desk.play.play_on()
    assert desk.api.run(run_id).state is RunState.SUCCEEDED
    assert [run.run_id for run in desk.api.runs(workflow="films").items] == [run_id]
    assert [run.run_id for run in desk.api.runs().items] == [run_id]
    assert desk.api.put_workflow("films", definition_of("films")).version == 2


def test_only_the_version_that_was_seen_is_deleted(desk: Desk) -> None:
    seen = desk.api.workflow("films")
    desk.api.put_workflow("films", definition_of("films"))
    with pytest.raises(PreconditionFailed):
        desk.api.delete_workflow("films", if_match=seen.etag)
    desk.api.delete_workflow("films", if_match=desk.api.workflow("films").etag)


# Runs


def test_the_same_key_starts_one_run_and_another_request_under_it_is_refused(desk: Desk) -> None:
    run = desk.api.start_run(m.StartRun(workflow="films", params={"parts": 8}), "monday")
    assert (run.workflow, run.version, run.state, run.params) == ("films", 1, RunState.RUNNING, {"parts": 8})
    assert start(desk, "monday", params={"parts": 8}) == run.run_id
    with pytest.raises(IdempotencyConflict, match="idempotency key 'monday' started run"):
        start(desk, "monday", params={"parts": 9})
    assert len(desk.play.jobs("first")) == 1


def test_a_run_names_the_queue_of_its_own_that_gets_its_notices(desk: Desk) -> None:
    queue = "batchwright-notices-films"
    desk.api.put_workflow("trains", definition_of("trains", notify={"queue": queue}))
    assert desk.api.run(start(desk, workflow="trains")).notify_queue == queue
    assert desk.api.run(start(desk, notify_queue="batchwright-notices-more")).notify_queue == "batchwright-notices-more"
    assert desk.api.run(start(desk, "other")).notify_queue is None


def test_a_run_of_what_is_unknown_or_with_wrong_params_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownWorkflow, match="did you mean 'films'"):
        start(desk, workflow="film")
    with pytest.raises(UnknownWorkflow, match="has no version 2"):
        start(desk, version=2)
    with pytest.raises(UserMistake, match="parts"):
        start(desk, params={"parts": "many"})
    assert desk.api.runs().items == []


def started_in_turn(desk: Desk, *workflows: str) -> list[str]:
    for name in set(workflows) - {"films"}:
        desk.api.put_workflow(name, definition_of(name))
    ids = []
    for number, name in enumerate(workflows):
        desk.pass_seconds(1)
        ids.append(start(desk, f"key-{number}", name))
    return ids[::-1]


def test_runs_of_all_workflows_are_listed_newest_first_page_by_page(desk: Desk) -> None:
    ids = started_in_turn(desk, "films", "trains", "films", "apples", "trains", "films")
    seen, page = [], None
    for _ in range(3):
        listed = desk.api.runs(limit=2, page=page)
        seen += [run.run_id for run in listed.items]
        page = listed.next
    assert (seen, page) == (ids, None)


def test_runs_are_listed_by_workflow_state_and_time(desk: Desk) -> None:
    ids = started_in_turn(desk, "films", "trains", "films")
    desk.api.cancel(ids[1], m.Cancel())
    assert [run.run_id for run in desk.api.runs(workflow="films").items] == [ids[0], ids[2]]
    assert [run.run_id for run in desk.api.runs(state=RunState.CANCELLING).items] == [ids[1]]
    assert desk.api.runs(workflow="films", state=RunState.CANCELLING).items == []
    second_ms = desk.api.run(ids[1]).created_at_ms
    assert [run.run_id for run in desk.api.runs(since_ms=second_ms).items] == ids[:2]
    assert [run.run_id for run in desk.api.runs(until_ms=second_ms).items] == ids[2:]


def test_a_workflow_without_runs_has_an_empty_list_and_an_unknown_one_none(desk: Desk) -> None:
    assert desk.api.runs(workflow="films") == m.Page[m.Run](items=[])
    with pytest.raises(UnknownWorkflow, match="did you mean 'films'"):
        desk.api.runs(workflow="film")


def test_an_unknown_run_suggests_the_nearest(desk: Desk) -> None:
    run_id = start(desk)
    wrong = run_id[:-1] + ("x" if run_id[-1] != "x" else "y")
    for ask in (desk.api.run, desk.api.tasks, desk.api.events, desk.api.pause, desk.api.resume):
        with pytest.raises(UnknownRun) as refused:
            ask(wrong)
        assert str(refused.value) == f"there is no run '{wrong}'; did you mean '{run_id}'?"
    with pytest.raises(UnknownRun, match=r"^there is no run 'nothing-like-it'$"):
        desk.api.run("nothing-like-it")


@pytest.mark.parametrize("page", ["", "x", "ä", "A" * 40, "../../runs", "e30"])
def test_a_page_that_is_none_of_the_list_is_a_mistake(desk: Desk, page: str) -> None:
    run_id = start(desk)
    for ask in (
        lambda: desk.api.runs(page=page),
        lambda: desk.api.workflows(page=page),
        lambda: desk.api.tasks(run_id, page=page),
        lambda: desk.api.events(run_id, page=page),
        lambda: desk.api.logs(run_id, "first", page=page),
    ):
        with pytest.raises(BadPage):
            ask()


def test_a_page_of_another_list_is_a_mistake(desk: Desk) -> None:
    started_in_turn(desk, "films", "films")
    page = desk.api.runs(limit=1).next
    assert page is not None
    with pytest.raises(BadPage):
        desk.api.runs(limit=1, workflow="films", page=page)


@pytest.mark.parametrize("limit", [0, -1, 100_000])
def test_a_limit_out_of_bounds_is_a_mistake(desk: Desk, limit: int) -> None:
    for ask in (desk.api.runs, desk.api.workflows):
        with pytest.raises(UserMistake, match=rf"limit must be .*1 to 1,000, not '?{limit}'?$"):
            ask(limit=limit)


# Tasks


def test_the_tasks_of_a_run_tell_their_states_and_attempts(desk: Desk) -> None:
    run_id = start(desk)
    assert states(desk, run_id) == {"first": "submitted", "second": "waiting"}
    desk.play.play_on()
    first, second = desk.api.tasks(run_id).items
    assert (first.index, first.depends_on, second.depends_on) == (0, [], ["first"])
    assert (first.state, first.attempt, first.attempts_allowed, first.kept) == (TaskState.SUCCEEDED, 1, 1, False)
    (attempt,) = first.attempts
    assert (attempt.job_id, attempt.succeeded, attempt.exit_code, attempt.log_stream) == (first.job_id, True, 0, "log")
    assert desk.api.task(run_id, "first") == first


def test_tasks_are_listed_page_by_page_and_by_state(desk: Desk) -> None:
    run_id = start(desk)
    first = desk.api.tasks(run_id, limit=1)
    rest = desk.api.tasks(run_id, limit=1, page=first.next)
    assert [task.name for task in (*first.items, *rest.items)] == ["first", "second"]
    assert rest.next is None
    assert states(desk, run_id, state=TaskState.WAITING) == {"second": "waiting"}
    assert states(desk, run_id, state=TaskState.FAILED) == {}


def test_the_tasks_of_many_shards_are_listed_in_the_order_of_the_plan(desk: Desk) -> None:
    many = {f"t{number}": TASK if not number else {**TASK, "depends_on": ["t0"]} for number in range(600)}
    desk.api.put_workflow("many", definition_of("many", tasks=many))
    run_id = start(desk, workflow="many")
    names, page, pages = [], None, 0
    while page or not pages:
        listed = desk.api.tasks(run_id, limit=250, page=page)
        names += [task.index for task in listed.items]
        page, pages = listed.next, pages + 1
    assert (names, pages) == (list(range(600)), 3)


def test_an_unknown_task_suggests_the_nearest(desk: Desk) -> None:
    run_id = start(desk)
    for ask in (desk.api.task, desk.api.logs):
        with pytest.raises(UnknownTask) as refused:
            ask(run_id, "frist")
        assert str(refused.value) == f"run '{run_id}' has no task 'frist'; did you mean 'first'?"


# Events


def test_the_events_of_a_run_come_in_the_order_of_time_page_by_page(desk: Desk) -> None:
    run_id = start(desk)
    desk.play.play_on()
    everything = desk.api.events(run_id).items
    kinds = [(event.kind, event.task) for event in everything]
    assert kinds[0] == (EventKind.RUN_STARTED, None)
    assert kinds[-1] == (EventKind.RUN_ENDED, None)
    assert kinds.count((EventKind.TASK_ENDED, "second")) == 1
    assert [event.at_ms for event in everything] == sorted(event.at_ms for event in everything)
    paged, page = [], None
    while page or not paged:
        listed = desk.api.events(run_id, limit=3, page=page)
        paged += listed.items
        page = listed.next
    assert paged == everything


# Actions


def test_a_cancel_ends_the_run_and_asking_again_changes_nothing(desk: Desk) -> None:
    run_id = start(desk)
    acted = desk.api.cancel(run_id, m.Cancel(reason="a typo"))
    assert (acted.changed, acted.run.state) == (True, RunState.CANCELLING)
    assert desk.api.cancel(run_id, m.Cancel()).changed is False
    desk.carry_out()
    desk.play.play_on()
    again = desk.api.cancel(run_id, m.Cancel())
    assert (again.changed, again.run.state) == (False, RunState.CANCELLED)
    assert desk.play.jobs("first")[0].terminated == "a typo"


def test_the_notice_of_a_run_is_what_its_records_give_now(desk: Desk) -> None:
    run_id = start(desk)
    first = desk.api.run_notice(run_id)
    assert (first.document["kind"], first.places) == ("run_started", [])
    desk.api.cancel(run_id, m.Cancel())
    desk.carry_out()
    desk.play.play_on()
    last = desk.api.run_notice(run_id)
    assert (last.document["kind"], last.document["run_id"], last.places) == ("run_cancelled", run_id, ["topic"])


def test_a_run_that_is_not_there_has_no_notice(desk: Desk) -> None:
    with pytest.raises(UnknownRun):
        desk.api.run_notice("films-nothere")


def test_what_ended_otherwise_is_neither_cancelled_nor_paused_nor_resumed(desk: Desk) -> None:
    run_id = start(desk)
    desk.play.play_on()
    with pytest.raises(WrongState, match=f"run '{run_id}' has ended already, it succeeded; there is nothing to cancel"):
        desk.api.cancel(run_id, m.Cancel())
    with pytest.raises(WrongState, match=rf"run '{run_id}' has ended \(succeeded\), and cannot be paused"):
        desk.api.pause(run_id)
    with pytest.raises(WrongState, match=rf"run '{run_id}' has ended \(succeeded\), and cannot be resumed"):
        desk.api.resume(run_id)


def test_a_paused_run_waits_until_it_is_resumed_and_twice_is_once(desk: Desk) -> None:
    run_id = start(desk)
    assert desk.api.resume(run_id).changed is False
    paused = desk.api.pause(run_id)
    assert (paused.changed, paused.run.state) == (True, RunState.PAUSED)
    assert desk.api.pause(run_id).changed is False
    assert desk.api.run(run_id).pauses == 1
    desk.carry_out()
    desk.play.play_on()
    assert states(desk, run_id) == {"first": "succeeded", "second": "waiting"}
    assert desk.api.resume(run_id).changed is True
    desk.play.play_on()
    assert (desk.api.run(run_id).state, desk.api.run(run_id).pauses) == (RunState.SUCCEEDED, 1)


def failed(desk: Desk) -> str:
    desk.play.fails.add(("second", 1))
    run_id = start(desk)
    desk.play.play_on()
    assert desk.api.run(run_id).state is RunState.FAILED
    return run_id


def test_a_redrive_runs_again_what_failed_and_keeps_the_rest(desk: Desk) -> None:
    run_id = failed(desk)
    before = desk.api.task(run_id, "first")
    desk.play.fails.clear()
    acted = desk.api.redrive(run_id, m.Redrive())
    assert (acted.changed, acted.kept, acted.run.epoch, acted.run.state) == (True, 1, 1, RunState.RUNNING)
    assert acted.run.redrive == m.Redriven(scope=Scope.FROM_FAILED)
    desk.play.play_on()
    run = desk.api.run(run_id)
    assert (run.state, [past.state for past in run.past]) == (RunState.SUCCEEDED, [RunState.FAILED])
    first, second = desk.api.tasks(run_id).items
    assert first == before.model_copy(update={"kept": True})
    assert (second.epoch, second.kept) == (1, False)
    kinds = [event.kind for event in desk.api.events(run_id).items]
    assert (kinds.count(EventKind.RUN_ENDED), kinds.count(EventKind.RUN_REDRIVEN)) == (2, 1)


def test_a_redrive_may_give_a_param_another_value(desk: Desk) -> None:
    use = {**TASK, "depends_on": ["first"], "environment": {"DEPTH": "${params.depth}"}}
    params = {"depth": {"type": "integer", "default": 1}}
    desk.api.put_workflow("films", {**definition_of("films", tasks={"first": TASK, "second": use}), "params": params})
    run_id = failed(desk)
    desk.play.fails.clear()
    with pytest.raises(UserMistake, match="param 'deph' is not declared"):
        desk.api.redrive(run_id, m.Redrive(params={"deph": 2}))
    with pytest.raises(UserMistake, match="param 'depth' must be an integer, not 'x'"):
        desk.api.redrive(run_id, m.Redrive(params={"depth": "x"}))
    acted = desk.api.redrive(run_id, m.Redrive(params={"depth": 2}, epoch=0))
    assert (acted.kept, acted.run.params, acted.run.redrive) == (
        1,
        {"depth": 2},
        m.Redriven(scope=Scope.FROM_FAILED, params={"depth": 2}),
    )
    assert desk.api.redrive(run_id, m.Redrive(params={"depth": 2}, epoch=0)).changed is False
    with pytest.raises(WrongState, match="was redriven meanwhile"):
        desk.api.redrive(run_id, m.Redrive(params={"depth": 3}, epoch=0))
    desk.play.play_on()
    assert desk.api.run(run_id).state is RunState.SUCCEEDED
    assert desk.api.run(run_id, 0).params == {"depth": 1}


def test_a_redrive_is_told_before_everything_that_came_of_it_however_often_a_task_was_tried(desk: Desk) -> None:
    retried = {"only": {**TASK, "retry": {"attempts": 2, "backoff_seconds": 5, "jitter": False}}}
    desk.api.put_workflow("retried", definition_of("retried", tasks=retried))
    run_id = start(desk, workflow="retried")
    # The toy Batch names a task by its place in `films`.
    desk.play.fails |= {("first", 1), ("first", 2)}
    desk.play.play_on()
    began = []
    for _ in range(2):
        desk.pass_seconds(60)
        desk.api.redrive(run_id, m.Redrive())
        began.append(desk.now_ms())
        desk.pass_seconds(1)
        desk.play.play_on()
    assert desk.api.run(run_id).began_at_ms == began[-1]
    assert desk.api.run(run_id, 1).began_at_ms is None
    assert desk.api.run(run_id, 0).began_at_ms == desk.api.run(run_id).created_at_ms
    events = desk.api.events(run_id).items
    assert [event.epoch for event in events] == sorted(event.epoch for event in events)
    redrives = [event for event in events if event.kind is EventKind.RUN_REDRIVEN]
    assert redrives[-1].at_ms == began[-1]
    assert [events[events.index(one) - 1].kind for one in redrives] == [EventKind.RUN_ENDED] * 2


def test_an_earlier_epoch_is_shown_as_it_ended(desk: Desk) -> None:
    run_id = failed(desk)
    desk.play.fails.clear()
    desk.api.redrive(run_id, m.Redrive(scope=Scope.ALL))
    desk.play.play_on()
    then = desk.api.run(run_id, 0)
    assert (then.state, then.epoch, then.redrive, then.past) == (RunState.FAILED, 0, None, [])
    assert states(desk, run_id, epoch=0) == {"first": "succeeded", "second": "failed"}
    assert desk.api.task(run_id, "second", epoch=0).state is TaskState.FAILED
    for ask in (desk.api.run, desk.api.tasks):
        with pytest.raises(UnknownEpoch, match=f"run '{run_id}' is in epoch 1; it has no epoch 2"):
            ask(run_id, epoch=2)


def test_a_list_of_tasks_stays_in_the_epoch_in_which_it_began(desk: Desk) -> None:
    run_id = failed(desk)
    first = desk.api.tasks(run_id, limit=1)
    desk.api.redrive(run_id, m.Redrive())
    assert [task.state for task in desk.api.tasks(run_id, page=first.next).items] == [TaskState.FAILED]


def test_a_redrive_that_names_the_epoch_it_saw_is_done_once(desk: Desk) -> None:
    run_id = failed(desk)
    assert desk.api.redrive(run_id, m.Redrive(epoch=0)).changed is True
    again = desk.api.redrive(run_id, m.Redrive(epoch=0))
    assert (again.changed, again.run.epoch, again.kept) == (False, 1, 1)
    with pytest.raises(WrongState, match="was redriven meanwhile"):
        desk.api.redrive(run_id, m.Redrive(scope=Scope.ALL, epoch=0))


def test_a_redrive_that_makes_no_sense_is_refused(desk: Desk) -> None:
    run_id = start(desk)
    with pytest.raises(WrongState, match="only a run that has ended can be redriven"):
        desk.api.redrive(run_id, m.Redrive())
    desk.play.play_on()
    with pytest.raises(UserMistake, match="there is nothing to run again"):
        desk.api.redrive(run_id, m.Redrive())
    with pytest.raises(UnknownTask, match="did you mean 'first'"):
        desk.api.redrive(run_id, m.Redrive(tasks=["frist"]))
    with pytest.raises(UserMistake, match="tasks are named with the scope 'tasks' and with no other"):
        desk.api.redrive(run_id, m.Redrive(scope=Scope.ALL, tasks=["first"]))
    with pytest.raises(UnknownWorkflow, match="no workflow 'films' in version 7 was pushed"):
        desk.api.redrive(run_id, m.Redrive(tasks=["first"], version=7))


def test_a_service_that_can_do_its_work_says_so(desk: Desk) -> None:
    health = desk.api.health()
    assert (health.status, health.stage) == ("ok", STAGE)
    assert health.version
