"""Names of an array's children: what may be said, and where it goes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.core.definition.check import check_definition, workflow_from
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.errors import InvalidWorkflow, UserMistake
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.encoding import decode, encode
from chalicelib.core.plan.job_request import array_labels_of, array_size_of, check_run, empty_arrays, job_request
from chalicelib.core.plan.model import Plan

REGIONS = ["north", "south", "east"]


def definition(array: Any, **task: Any) -> dict[str, Any]:
    return {
        "name": "regions",
        "params": {"n": {"type": "integer", "default": 3}, "names": {"type": "list"}, "text": {"type": "string"}},
        "tasks": {"load": {"job_definition": "d", "queue": "q", "array": array, **task}},
    }


def mistakes(array: Any, **task: Any) -> list[str]:
    with pytest.raises(InvalidWorkflow) as refused:
        workflow_from(definition(array, **task))
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
        ({"size": 2, "labels": REGIONS}, "array has a size of 2 and 3 labels; leave the size out"),
        ({"size": "${params.n}", "labels": REGIONS}, "array has labels and a size that is a param; leave the size out"),
        ({"labels": ["a", "b", "a"]}, "array has the label 'a' twice"),
        (
            {"labels": ["a", "17"]},
            "array.labels[1] must not be a number, not '17'; a child's number is 0 for the first",
        ),
        ({"labels": ["a", " "]}, "array.labels[1] must be 1 to 64 printable characters, not ' '"),
        ({"labels": []}, "array.labels must have 1 or more entries, not 0"),
        ({"labels": ["a"] * 10_001}, "entries of array.labels must be 10,000 or less, not 10,001"),
        ({"labels": [7]}, "array.labels[0] must be a string, not the number 7; put it in quotes"),
        ({"labels": "north"}, "array.labels must be a list, not the string 'north'; write [north]"),
        ({"labels": ["${params.names}"]}, "array.labels[0] must not hold '${', as in '${params.names}'; a param of"),
        ({"labels": "${params.names} "}, "array.labels must be a list or one whole ${params.NAME}, not '${params.na"),
        ({"labels": "${run.id}"}, "array.labels must be a list or one whole ${params.NAME}, not '${run.id}'; nothing"),
        ({"labels": "${params.nams}"}, "array.labels names the param 'nams', which is not declared; did you mean '${p"),
        ({"labels": "${params.text}"}, "array.labels needs a param of type list, but 'text' is of type string"),
        ({"size": "${params.names}"}, "array.size needs a param of type integer, but 'names' is of type list"),
        (
            {"size": 3, "labels": "${params.names}"},
            "array has a size and labels that are a param; leave the size out",
        ),
        ({"labels": ["a", "b\n"]}, "array.labels[1] must be 1 to 64 printable characters, not 'b\\n'"),
    ],
)
def test_labels_that_do_not_fit_are_refused_at_their_place(array: dict[str, Any], told: str) -> None:
    [line] = mistakes(array)
    assert line.startswith(f"task 'load': {told}")


ATTEMPT = Attempt("run-1", 0, 0, 1)
NAMED_BY_A_PARAM = {"labels": "${params.names}"}


def plan_of(array: Any) -> Plan:
    return compile_workflow(workflow_from(definition(array)))


@pytest.mark.parametrize(("names", "size"), [([], 0), (["north"], None), (REGIONS, 3)])
def test_a_list_param_names_the_children_and_is_as_many(names: list[str], size: int | None) -> None:
    """As with a size: an array of one is a single job, and one of none is skipped."""
    plan, params = plan_of(NAMED_BY_A_PARAM), {"names": names}
    check_run(plan, params)
    assert job_request(plan, ATTEMPT, params=params).array_size == array_size_of(plan, ATTEMPT, params=params) == size
    assert empty_arrays(plan, params) == (set() if names else {0})
    assert array_labels_of(plan.tasks[0], params) == tuple(names)


def test_a_plan_with_labels_of_a_param_is_stored() -> None:
    plan = plan_of(NAMED_BY_A_PARAM)
    assert decode(plan.digest, encode(plan.workflow, plan.tasks, plan.parents)) == (
        plan.workflow,
        plan.tasks,
        plan.parents,
    )


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"names": None}, "array.labels must be a list of labels, not nothing (from '${params.names}')"),
        ({"names": ["a", 7]}, "array.labels[1] must be a string, not 7 (from '${params.names}')"),
        ({"names": ["a", "7"]}, "array.labels[1] must not be a number, not '7' (from '${params.names}'); a child's"),
        ({"names": ["a", "a"]}, "array.labels has the label 'a' twice (from '${params.names}')"),
        ({"names": [f"s{n}" for n in range(10_001)]}, "array.size must be 10,000 or less, not 10,001 (from "),
    ],
)
def test_a_run_whose_labels_do_not_fit_is_refused_before_it_starts(params: dict[str, Any], told: str) -> None:
    plan = plan_of(NAMED_BY_A_PARAM)
    with pytest.raises(UserMistake) as refused:
        check_run(plan, params)
    assert str(refused.value).startswith(f"task 'load': {told}")


@pytest.mark.parametrize("params", [{}, {"names": None}, {"names": "north"}, {"names": ["a", "a"]}, {"names": [7]}])
def test_a_run_of_params_that_name_no_children_has_no_labels(params: dict[str, Any]) -> None:
    """So it is still shown, whatever is wrong with it."""
    assert array_labels_of(plan_of(NAMED_BY_A_PARAM).tasks[0], params) == ()


def test_labels_in_the_default_of_a_param_are_checked_with_the_workflow() -> None:
    wrong = definition(NAMED_BY_A_PARAM)
    wrong["params"]["names"]["default"] = ["a", "b", "a"]
    [mistake] = check_definition(wrong).mistakes
    assert mistake.line() == "task 'load': array.labels has the label 'a' twice, in the default of 'names'"


@pytest.mark.parametrize("labels", [7, True, {"a": "b"}, "north"])
def test_labels_of_a_wrong_shape_beside_a_retry_are_one_mistake(labels: Any) -> None:
    retry = {"on": {"spot": {"attempts": 2}}}
    [line] = mistakes({"labels": labels}, retry=retry)
    assert line.startswith("task 'load': array.labels must be a list, not ")


def test_the_label_that_is_there_twice_is_found_at_once() -> None:
    names = [f"s{number}" for number in range(9_999)]
    begun = time.process_time()
    [line] = mistakes({"labels": [*names, names[-1]]})
    assert line == "task 'load': array has the label 's9998' twice"
    assert time.process_time() - begun < 1


def test_labels_of_defaults_do_not_multiply_without_a_bound() -> None:
    """A definition of 150 KB would be a plan of 200 MB."""
    names = [f"s{number}" for number in range(10_000)]
    tasks: dict[str, Any] = {f"t{number}": {"environment": {"N": str(number)}} for number in range(100)}
    wrong = {
        "name": "regions",
        "defaults": {"job_definition": "d", "queue": "q", "array": {"labels": names}},
        "tasks": tasks,
    }
    assert check_definition(wrong).mistakes == []
    tasks["single"] = {"array": None}
    assert check_definition(wrong).mistakes == []
    tasks["more"] = {}
    [mistake] = check_definition(wrong).mistakes
    assert mistake.line() == (
        "labels of the arrays of all tasks together, with those of defaults, must be 1,000,000 or less, not 1,010,000"
    )
