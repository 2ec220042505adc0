"""Names of an array's children: what may be said, and where it goes."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.definition.check import workflow_from
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import InvalidWorkflow
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.encoding import decode, encode
from chalicelib.core.plan.job_request import job_request

REGIONS = ["north", "south", "east"]


def definition(array: Any, **task: Any) -> dict[str, Any]:
    return {
        "name": "regions",
        "params": {"n": {"type": "integer", "default": 3}},
        "tasks": {"load": {"job_definition": "d", "queue": "q", "array": array, **task}},
    }


def mistakes(array: Any) -> list[str]:
    with pytest.raises(InvalidWorkflow) as refused:
        workflow_from(definition(array))
    return [mistake.line() for mistake in refused.value.mistakes]


@pytest.mark.parametrize("array", [{"labels": REGIONS}, {"size": 3, "labels": REGIONS}])
def test_labels_name_the_children_and_count_them(array: dict[str, Any]) -> None:
    plan = compile_workflow(workflow_from(definition(array)))
    assert plan.tasks[0].job.array_labels == tuple(REGIONS)
    assert job_request(plan, Attempt("run-1", 0, 0, 1), params={}).array_size == 3


def test_a_plan_with_labels_is_stored_and_one_without_is_what_it_was() -> None:
    plan = compile_workflow(workflow_from(definition({"labels": REGIONS})))
    stored = encode(plan.workflow, plan.tasks, plan.parents)
    assert decode(plan.digest, stored) == (plan.workflow, plan.tasks, plan.parents)
    plain = compile_workflow(workflow_from(definition({"size": 3})))
    assert b"array_labels" not in encode(plain.workflow, plain.tasks, plain.parents)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        ({"size": 2, "labels": REGIONS}, "array has 3 labels for a size of 2; leave the size out"),
        ({"size": "${params.n}", "labels": REGIONS}, "array has labels and a size that is a param; leave the size out"),
        ({"labels": ["a", "b", "a"]}, "array has the label 'a' twice"),
        (
            {"labels": ["a", "17"]},
            "array.labels[1] must not be a number, not '17'; a child's number is 0 for the first",
        ),
        ({"labels": ["a", " "]}, "array.labels[1] must be 1 to 64 printable characters, not ' '"),
        ({"labels": ["a", "b\n"]}, "array.labels[1] must be 1 to 64 printable characters, not 'b\\n'"),
    ],
)
def test_labels_that_do_not_fit_are_refused_at_their_place(array: dict[str, Any], told: str) -> None:
    [line] = mistakes(array)
    assert line.startswith(f"task 'load': {told}")
