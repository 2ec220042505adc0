from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.definition.check import workflow_from
from chalicelib.core.definition.compile import compile_workflow, number_in_waves, waves
from chalicelib.core.definition.model import Workflow
from chalicelib.core.errors import InvalidWorkflow, UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.task import ClassPolicy, JobSpec, RetryPolicy
from chalicelib.core.states import TriggerRule

DEFAULTS = {"job_definition": "jd", "queue": "q"}


def workflow_of(tasks: dict[str, Any], **defaults: Any) -> Workflow:
    return Workflow.model_validate({"name": "w", "defaults": {**DEFAULTS, **defaults}, "tasks": tasks})


def graph_of(edges: dict[str, list[str]]) -> Workflow:
    return workflow_of({name: {"depends_on": parents} for name, parents in edges.items()})


@st.composite
def dags(draw: st.DrawFn) -> dict[str, list[str]]:
    """Task names with their parents, in a file order of its own."""
    count = draw(st.integers(1, 12))
    rank = draw(st.permutations(range(count)))
    edges = {}
    for task in range(count):
        earlier = [other for other in range(count) if rank[other] < rank[task]]
        edges[f"t{task}"] = [f"t{parent}" for parent in draw(st.sets(st.sampled_from(earlier)))] if earlier else []
    return edges


@given(dags())
def test_a_plan_is_topological_and_keeps_every_edge_and_no_other(edges: dict[str, list[str]]) -> None:
    plan = compile_workflow(graph_of(edges))
    names = [task.name for task in plan.tasks]
    assert sorted(names) == sorted(edges)
    for index, parents in enumerate(plan.parents):
        assert {names[parent] for parent in parents} == set(edges[names[index]])
        assert list(parents) == sorted(parents)
        assert all(parent < index for parent in parents)


@given(dags())
def test_tasks_are_numbered_wave_by_wave_in_file_order_within(edges: dict[str, list[str]]) -> None:
    def depth(name: str) -> int:
        return 1 + max(map(depth, edges[name]), default=-1)

    plan = compile_workflow(graph_of(edges))
    file_order = list(edges)
    expected = sorted(edges, key=lambda name: (depth(name), file_order.index(name)))
    assert [task.name for task in plan.tasks] == expected
    assert [index for wave in waves(plan) for index in wave] == list(range(len(edges)))
    assert [depth(expected[wave[0]]) for wave in waves(plan)] == list(range(len(waves(plan))))


@given(dags(), st.randoms(use_true_random=False))
def test_the_order_within_depends_on_does_not_matter(edges: dict[str, list[str]], random: Any) -> None:
    shuffled = {name: random.sample(parents, len(parents)) for name, parents in edges.items()}
    assert compile_workflow(graph_of(edges)).digest == compile_workflow(graph_of(shuffled)).digest


@pytest.mark.parametrize(
    ("edges", "lines"),
    [
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["task 'a': depends_on closes a cycle: a -> b -> c -> a"]),
        (
            {"x": ["y"], "r": [], "y": ["x", "r"], "z": ["y"], "p": ["q"], "q": ["p"]},
            ["task 'x': depends_on closes a cycle: x -> y -> x", "task 'p': depends_on closes a cycle: p -> q -> p"],
        ),
        ({"a": ["a"]}, ["task 'a': depends_on names the task itself"]),
        ({"a": [], "b": ["a", "a"]}, ["task 'b': depends_on names 'a' twice; once is enough"]),
        (
            {"alpha": [], "b": ["alhpa"]},
            ["task 'b': depends_on names 'alhpa', which is no task; did you mean 'alpha'?"],
        ),
        ({"alpha": [], "b": ["zzz"]}, ["task 'b': depends_on names 'zzz', which is no task"]),
        # The shortest way round through the first task, of several.
        (
            {"a": ["b"], "b": ["c", "d"], "c": ["d"], "d": ["a"]},
            ["task 'a': depends_on closes a cycle: a -> b -> d -> a"],
        ),
    ],
)
def test_a_graph_that_is_no_dag_is_refused_with_every_name(edges: dict[str, list[str]], lines: list[str]) -> None:
    with pytest.raises(UserMistake) as raised:
        compile_workflow(graph_of(edges))
    found = [
        line.removesuffix("; each depends on the next; one of them must not") for line in str(raised.value).split("\n")
    ]
    assert found == lines


@given(dags(), st.data())
def test_a_cycle_is_named_from_end_to_end(edges: dict[str, list[str]], data: st.DataObject) -> None:
    plan = compile_workflow(graph_of(edges))
    names = [task.name for task in plan.tasks]
    if len(names) < 2:
        return
    late = data.draw(st.integers(1, len(names) - 1))
    early = data.draw(st.integers(0, late - 1))
    knotted = {name: list(parents) for name, parents in edges.items()}
    knotted[names[late]] = sorted({*knotted[names[late]], names[early]})
    knotted[names[early]] = sorted({*knotted[names[early]], names[late]})
    with pytest.raises(UserMistake) as raised:
        number_in_waves(knotted)
    cycle = str(raised.value).partition("cycle: ")[2].partition(";")[0].split(" -> ")
    assert cycle[0] == cycle[-1]
    assert len(cycle) - 1 == len(set(cycle)) > 1
    assert all(parent in knotted[task] for task, parent in pairwise(cycle))


def test_a_cycle_of_thousands_of_tasks_is_named_without_a_deep_recursion() -> None:
    edges = {f"t{n}": [f"t{(n + 1) % 3_000}"] for n in range(3_000)}
    with pytest.raises(UserMistake, match=r"t0 -> t1 -> t2 -> .* -> t2999 -> t0"):
        number_in_waves(edges)


def test_a_workflow_needs_a_task_and_has_a_hundred_thousand_at_most() -> None:
    with pytest.raises(UserMistake, match="a workflow has 1 to 100,000 tasks, not 0"):
        number_in_waves({})
    with pytest.raises(UserMistake, match="not 100,001"):
        number_in_waves({str(n): [] for n in range(100_001)})


def test_a_task_takes_the_defaults_it_does_not_replace() -> None:
    workflow = workflow_of(
        {
            "own": {
                "queue": "fast",
                "command": ["x"],
                "vcpus": 4,
                "environment": {"B": "task", "C": "task"},
                "array": {"size": 5},
                "retry": {"attempts": 3},
                "trigger_rule": "all_done",
                "allow_failure": True,
            },
            "plain": {},
        },
        command=["default"],
        vcpus=1,
        environment={"B": "default", "A": "default"},
        retry={"attempts": 2, "backoff_seconds": 9},
        timeout_seconds=60,
    )
    own, plain = compile_workflow(workflow).tasks
    assert own.job == JobSpec(
        "jd",
        "fast",
        ("x",),
        (("A", "default"), ("B", "task"), ("C", "task")),
        vcpus=4.0,
        array_size=5,
        timeout_seconds=60,
    )
    assert (own.retry, own.trigger_rule, own.allow_failure) == (RetryPolicy(3), TriggerRule.ALL_DONE, True)
    assert plain.job == JobSpec(
        "jd", "q", ("default",), (("A", "default"), ("B", "default")), vcpus=1.0, timeout_seconds=60
    )
    assert (plain.retry, plain.trigger_rule, plain.allow_failure) == (RetryPolicy(2, 9), TriggerRule.ALL_SUCCESS, False)


def test_a_retry_by_class_becomes_a_policy_whatever_the_order_of_its_classes() -> None:
    spot = {"attempts": 5, "queue": "on-demand"}
    oom = {"attempts": 4, "backoff_seconds": 1, "memory_mib": {"factor": 3, "maximum": 65_536}}
    settings = {"memory_mib": 512, "retry": {"jitter": False, "on": {"spot": spot, "out_of_memory": oom}}}
    plan = compile_workflow(workflow_of({"a": settings}))
    assert plan.tasks[0].retry == RetryPolicy(
        jitter=False,
        on=(
            ClassPolicy(FailureClass.OUT_OF_MEMORY, 4, 1, 3.0, 65_536),
            ClassPolicy(FailureClass.SPOT, 5, queue="on-demand"),
        ),
    )
    turned = settings | {"retry": {"jitter": False, "on": {"out_of_memory": oom, "spot": spot}}}
    assert compile_workflow(workflow_of({"a": turned})).digest == plan.digest


def test_memory_is_doubled_unless_a_factor_is_given() -> None:
    growth = {"retry": {"on": {"out_of_memory": {"attempts": 2, "memory_mib": {"maximum": 1_024}}}}}
    (task,) = compile_workflow(workflow_of({"a": {"memory_mib": 512, **growth}})).tasks
    assert task.retry.on[0].memory_factor == 2


def test_null_takes_a_default_away() -> None:
    workflow = workflow_of(
        {"a": {"timeout_seconds": None, "command": None, "retry": None, "array": None, "vcpus": None}},
        timeout_seconds=60,
        command=["x"],
        retry={"attempts": 2},
        array={"size": 2},
        vcpus=2,
    )
    (task,) = compile_workflow(workflow).tasks
    assert task.job == JobSpec("jd", "q")
    assert task.retry == RetryPolicy()


def test_the_order_of_environment_variables_in_the_file_makes_no_other_plan() -> None:
    one = workflow_of({"a": {"environment": {"A": "1", "B": "2"}}})
    other = workflow_of({"a": {"environment": {"B": "2", "A": "1"}}})
    assert compile_workflow(one).digest == compile_workflow(other).digest


def test_a_task_without_a_queue_is_refused() -> None:
    workflow = Workflow.model_validate({"name": "w", "tasks": {"a": {"job_definition": "jd"}}})
    with pytest.raises(UserMistake, match="task 'a': queue is missing; give it in the task or in defaults"):
        compile_workflow(workflow)


def test_null_takes_one_name_of_the_defaults_away() -> None:
    joined = {"A": "1", "B": "2"}
    definition = {
        "name": "w",
        "defaults": {"job_definition": "j", "queue": "q", "environment": joined, "parameters": joined, "tags": joined},
        "tasks": {
            "less": {"environment": {"A": None, "C": "3"}, "parameters": {"B": None}, "tags": {"A": None, "B": None}},
            "all": {},
        },
    }
    less, all_ = compile_workflow(workflow_from(definition)).tasks
    assert (less.job.environment, less.job.parameters, less.job.tags) == ((("B", "2"), ("C", "3")), (("A", "1"),), ())
    assert all_.job.environment == (("A", "1"), ("B", "2"))
    definition["defaults"] = {"job_definition": "j", "queue": "q", "environment": {"A": None}}
    with pytest.raises(InvalidWorkflow, match=r"environment\.A must be a string, not nothing"):
        workflow_from(definition)


def test_keys_of_the_authors_own_are_not_read_at_the_top_and_nowhere_else() -> None:
    tasks = {"a": {"job_definition": "j", "queue": "q"}}
    plain = compile_workflow(workflow_from({"name": "w", "tasks": tasks}))
    own = {"x-shell": {"command": ["sh"], "${": 1}, "x-": None, "name": "w", "tasks": tasks}
    assert compile_workflow(workflow_from(own)) == plain
    with pytest.raises(InvalidWorkflow, match="task 'a': x-b is no key"):
        workflow_from({"name": "w", "tasks": {"a": {**tasks["a"], "x-b": 1}}})
