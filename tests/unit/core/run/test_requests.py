"""What a caller asks of the functions is checked before anything is done."""

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.run.records import Scope
from chalicelib.core.run.requests import RedriveRequest, StartRequest, read_start, redrive_request


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


def test_a_redrive_is_of_what_failed_unless_told_otherwise():
    assert redrive_request("r", None, [], None, None, {}) == RedriveRequest("r", Scope.FROM_FAILED)
    assert redrive_request("r", Scope.ALL, [], 3, 0, {}) == RedriveRequest("r", Scope.ALL, (), 3, 0)


def test_a_redrive_of_tasks_names_them_in_any_order_and_any_number_of_times():
    asked = RedriveRequest("r", Scope.TASKS, ("a", "b"))
    assert redrive_request("r", None, ["b", "a", "b"], None, None, {}) == asked
    assert redrive_request("r", Scope.TASKS, ["a", "b"], None, None, {}) == asked


@pytest.mark.parametrize(
    ("scope", "tasks", "says"),
    [
        (Scope.TASKS, [], "tasks are named with the scope 'tasks' and with no other, which is 'tasks' here"),
        (Scope.ALL, ["a"], "tasks are named with the scope 'tasks' and with no other, which is 'all' here"),
    ],
)
def test_a_scope_that_does_not_go_with_the_tasks_is_a_mistake(scope, tasks, says):
    with pytest.raises(UserMistake) as refusal:
        redrive_request("r", scope, tasks, None, None, {})
    assert str(refusal.value) == says


def test_a_redrive_may_give_params_new_values():
    asked = redrive_request("r", None, [], None, None, {"depth": 3})
    assert asked == RedriveRequest("r", params={"depth": 3})
    assert asked != RedriveRequest("r")
