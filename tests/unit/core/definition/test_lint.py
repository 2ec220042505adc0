"""Warnings: which sound workflows probably do not say what their authors mean."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.definition.check import workflow_from
from chalicelib.core.definition.lint import warnings_of


def warned(defaults: dict[str, Any], **tasks: dict[str, Any]) -> list[str]:
    definition = {"name": "w", "defaults": {"job_definition": "j", "queue": "q", **defaults}, "tasks": tasks}
    return [str(one.path[1]) for one in warnings_of(workflow_from(definition))]


@pytest.mark.parametrize(
    ("rule", "warns"),
    [
        ("all_success", True),
        ("none_failed", True),
        ("none_failed_min_one_success", True),
        ("all_done", False),
        ("all_failed", False),
        ("one_success", False),
        ("one_failed", False),
    ],
)
def test_a_task_is_warned_of_that_an_allowed_failure_dooms(rule: str, warns: bool) -> None:
    assert warned({}, a={"allow_failure": True}, b={"depends_on": ["a"], "trigger_rule": rule}) == ["b"] * warns


def test_defaults_count_and_a_task_may_take_them_back() -> None:
    after = {"depends_on": ["a"]}
    assert warned({"allow_failure": True}, a={}, b=after) == []
    assert warned({"allow_failure": True}, a={}, b={**after, "allow_failure": False}) == ["b"]
    assert warned({"trigger_rule": "all_done"}, a={"allow_failure": True}, b=after) == []
    assert warned({}, a={}, b=after) == []


def test_of_many_parents_a_few_are_named() -> None:
    tasks = {f"s{number}": {"allow_failure": True} for number in range(12)}
    definition = {"name": "w", "defaults": {"job_definition": "j", "queue": "q"}}
    definition["tasks"] = {**tasks, "joint": {"depends_on": list(tasks)}}
    [warning] = warnings_of(workflow_from(definition))
    assert "names 's0', 's1', 's2' and 9 more, which may fail" in warning.text


def test_a_class_that_no_array_fails_of_is_warned_of_where_it_is_no_mistake() -> None:
    on = {"retry": {"on": {"out_of_memory": {"attempts": 2}, "dependency": {"attempts": 2}}}}
    params = {"params": {"parts": {"type": "integer"}}}
    by_param = {"array": {"size": "${params.parts}"}, **on}
    definition = {"name": "w", **params, "defaults": {"job_definition": "j", "queue": "q"}, "tasks": {"a": by_param}}
    [warning] = warnings_of(workflow_from(definition))
    assert warning.path == ("tasks", "a", "retry")
    assert warning.text.startswith("retry.on names 'out_of_memory': each never applies to an array")
    assert warned(on, a={"array": {"size": 4}}, b={}, c={"array": {"size": 4}, "retry": {"attempts": 2}}) == ["a"]
