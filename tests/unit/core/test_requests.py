"""What a caller asks of the functions is checked before anything is done."""

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.records import Scope
from chalicelib.core.requests import (
    CancelRequest,
    RedriveRequest,
    StartRequest,
    read_cancel,
    read_redrive,
    read_run_id,
    read_start,
)


def test_a_start_needs_a_workflow_and_nothing_else():
    assert read_start({"workflow": "w"}) == StartRequest("w", {}, None, None)
    asked = {"workflow": "w", "params": {"a": 1}, "idempotency_key": "k", "version": 3}
    assert read_start(asked) == StartRequest("w", {"a": 1}, "k", 3)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({}, "workflow is required"),
        ([], "the request must be an object, not an empty list"),
        ({"workflow": ""}, "workflow must be a string that is not empty, not ''"),
        ({"workflow": "w", "version": "3"}, "version must be an integer of 1 or more, not '3'"),
        ({"workflow": "w", "version": True}, "version must be an integer of 1 or more, not true"),
        ({"workflow": "w", "params": [1]}, "params must be an object of names and values, not a list"),
        ({"workflow": "w", "idempotency_key": 7}, "idempotency_key must be a string that is not empty, not 7"),
        ({"workflow": "w", "param": {}}, "the request has no field 'param'; it has workflow, params"),
    ],
)
def test_a_mistake_in_a_start_is_named(payload, says):
    with pytest.raises(UserMistake) as refusal:
        read_start(payload)
    assert str(refusal.value).startswith(says)


def test_a_cancel_names_its_run_and_may_say_why():
    assert read_cancel({"run_id": "r"}) == CancelRequest("r", "cancelled on request")
    assert read_cancel({"run_id": "r", "reason": "enough"}).reason == "enough"
    with pytest.raises(UserMistake, match="run_id is required"):
        read_cancel({"reason": "enough"})


def test_a_pause_and_a_resume_name_their_run_and_nothing_else():
    assert read_run_id({"run_id": "r"}) == "r"
    with pytest.raises(UserMistake, match="run_id is required"):
        read_run_id({})
    with pytest.raises(UserMistake, match="the request has no field 'reason'; it has run_id"):
        read_run_id({"run_id": "r", "reason": "enough"})


def test_a_redrive_needs_a_run_and_is_of_what_failed_unless_told_otherwise():
    assert read_redrive({"run_id": "r"}) == RedriveRequest("r", Scope.FROM_FAILED)
    assert read_redrive({"run_id": "r", "scope": "all", "version": 3, "epoch": 0}) == RedriveRequest(
        "r", Scope.ALL, (), 3, 0
    )


def test_a_redrive_of_tasks_names_them_in_any_order_and_any_number_of_times():
    asked = RedriveRequest("r", Scope.TASKS, ("a", "b"))
    assert read_redrive({"run_id": "r", "tasks": ["b", "a", "b"]}) == asked
    assert read_redrive({"run_id": "r", "scope": "tasks", "tasks": ["a", "b"]}) == asked


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"run_id": None}, "run_id is required"),
        ({"scope": "some"}, "scope must be one of from_failed, tasks, all, not 'some'"),
        ({"scope": ["all"]}, "scope must be one of from_failed, tasks, all, not a list"),
        ({"scope": "tasks"}, "tasks are named with the scope 'tasks' and with no other, which is 'tasks' here"),
        ({"scope": "all", "tasks": ["a"]}, "tasks are named with the scope 'tasks' and with no other"),
        ({"tasks": "a"}, "tasks must be a list of task names, not 'a'"),
        ({"tasks": [""]}, "tasks must be a list of task names, not a list"),
        ({"tasks": [7]}, "tasks must be a list of task names, not a list"),
        ({"version": 0}, "version must be an integer of 1 or more, not 0"),
        ({"epoch": -1}, "epoch must be an integer of 0 or more, not -1"),
        ({"task": "a"}, "the request has no field 'task'; it has run_id, scope"),
    ],
)
def test_a_mistake_in_a_redrive_is_named(fields, says):
    with pytest.raises(UserMistake) as refusal:
        read_redrive({"run_id": "r"} | fields)
    assert str(refusal.value).startswith(says)
