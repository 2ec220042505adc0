"""What a caller asks of the functions is checked before anything is done."""

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.requests import CancelRequest, StartRequest, read_cancel, read_start


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
