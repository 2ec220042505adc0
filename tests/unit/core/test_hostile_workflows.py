"""Definitions made to cost much: each is refused within a second of the processor's time, with few words."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.api.http.json_body import read_json_body
from chalicelib.core.definition.check import check_definition, workflow_from
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.definition.graph import find_cycles
from chalicelib.core.errors import InvalidWorkflow, UserMistake
from chalicelib.core.strict_json import NoJson
from chalicelib.core.template import Scope, render, render_text

SECONDS = 1.0
TEXT_CHARACTERS = 200_000
DEFAULTS = {"job_definition": "d", "queue": "q"}
MIB = 1024 * 1024


def workflow(tasks: Any, **more: Any) -> dict[str, Any]:
    return {"name": "w", "defaults": DEFAULTS, "tasks": tasks, **more}


def dense(tasks: int) -> dict[str, Any]:
    """Each task depends on all before it."""
    names = [f"t{number}" for number in range(tasks)]
    return workflow({name: {"depends_on": names[:place]} for place, name in enumerate(names)})


def ring(tasks: int) -> dict[str, Any]:
    """Each task depends on the next, and the last on the first."""
    return workflow({f"t{n}": {"depends_on": [f"t{(n + 1) % tasks}"]} for n in range(tasks)})


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def of_command(*texts: str) -> dict[str, Any]:
    return workflow({"a": {"command": list(texts)}})


HOSTILE: dict[str, Callable[[], Any]] = {
    "one task too many": lambda: workflow({f"t{number}": {} for number in range(100_001)}),
    "a dense graph": lambda: dense(800),
    "a dense knot": lambda: workflow(
        {f"t{n}": {"depends_on": [f"t{m}" for m in range(300) if m != n]} for n in range(300)}
    ),
    "the same parent for ever": lambda: workflow({"a": {"depends_on": ["a"] * 500_000}}),
    "unknown parents": lambda: workflow({"a": {"depends_on": [f"u{number}" for number in range(290_000)]}}),
    "parents that are almost there": lambda: workflow(
        {
            **{f"task-{number:05d}": {} for number in range(5_000)},
            "z": {"depends_on": [f"task-{n:05d}x" for n in range(50_000)]},
        }
    ),
    "many wrong tasks": lambda: workflow({f"t{number}": 0 for number in range(40_000)}),
    "many mistakes a task": lambda: workflow({f"t{n}": {"vcpus": 0, "x": 1, "queue": "a b"} for n in range(10_000)}),
    "unknown keys": lambda: workflow({"a": {f"k{number}": 1 for number in range(100_000)}}),
    "unknown keys at the top": lambda: {**workflow({"a": {}}), **{f"k{number}": 1 for number in range(100_000)}},
    "a long enum": lambda: workflow({"a": {}}, params={"p": {"type": "integer", "enum": list(range(300_000))}}),
    "an enum of lists": lambda: workflow(
        {"a": {}}, params={"p": {"type": "list", "enum": [[0] * 100 + [number] for number in range(5_000)]}}
    ),
    "many params": lambda: workflow({"a": {}}, params={f"p{number}": {"type": "integer"} for number in range(60_000)}),
    "many schedules": lambda: workflow({"a": {}}, schedules={f"s{number}": {} for number in range(60_000)}),
    "much in the environment": lambda: workflow({"a": {"environment": {f"K{n}": "v" for n in range(100_000)}}}),
    "defaults joined to every task": lambda: workflow(
        {f"t{number}": {"environment": {"A": "b"}} for number in range(20_000)},
        defaults={**DEFAULTS, "environment": {f"K{number}": "v" for number in range(5_000)}},
    ),
    "many classes of failure": lambda: workflow(
        {"a": {"retry": {"on": {f"c{n}": {"attempts": 1} for n in range(60_000)}}}}
    ),
    "many expressions": lambda: of_command(*(f"${{params.x{number}}}" for number in range(150_000))),
    "an expression again and again": lambda: of_command("${params.x}" * 200_000),
    "an expression without an end": lambda: of_command("${" + "a" * 3 * MIB),
    "an expression of blanks": lambda: of_command("${" + " " * 3 * MIB + "}"),
    "nested expressions": lambda: of_command("${params." * 200_000),
    "dollars": lambda: of_command("$" * 4 * MIB),
    "a gigantic string": lambda: of_command("x" * 4 * MIB),
    "a gigantic name": lambda: workflow({"a" * 4 * MIB: {}}),
    "a gigantic key": lambda: workflow({"a": {"k" * 4 * MIB: 1}}),
    "a gigantic queue": lambda: workflow({"a": {"queue": "a" * 3 * MIB + " "}}),
    "something like an ARN": lambda: workflow({"a": {"queue": "arn:" + "a-" * MIB}}),
    "something like a cron": lambda: workflow({"a": {}}, schedules={"s": {"cron": "*/1," * 500_000}}),
    "a huge number": lambda: workflow({"a": {"vcpus": int("9" * 300), "memory_mib": 1e308, "timeout_seconds": -1e308}}),
    "a deep value": lambda: workflow({"a": {"vcpus": nested(30)}}),
    "odd keys": lambda: workflow({"": {}, "\x00": {}, "__class__": {}, "a/b~c": {}, "\u202e": {}, "a": {"": 1}}),
    "no object": lambda: [workflow({})] * 1_000,
    "a cycle through every task": lambda: ring(60_000),
    "many small cycles": lambda: workflow({f"t{n}": {"depends_on": [f"t{n ^ 1}"]} for n in range(20_000)}),
    "a cycle behind a tree": lambda: workflow(
        {f"t{n}": {"depends_on": [f"t{n ^ 1}" if n < 2 else f"t{n // 2}"]} for n in range(20_000)}
    ),
    "knots that share tasks": lambda: workflow(
        {f"t{n}": {"depends_on": [f"t{(n + step) % 4_999}" for step in range(1, 40)]} for n in range(4_999)}
    ),
    "as many dependencies as there may be, out of order": lambda: workflow(
        {f"t{n}": {"depends_on": [f"t{m}" for m in range(n + 1, 770)]} for n in range(770)} | {"z": {"vcpus": 0}}
    ),
    "one mistake in the last of many tasks": lambda: workflow(
        {f"t{n}": {"depends_on": [f"t{n - 1}"] if n else []} for n in range(30_000)} | {"z": {"vcpus": 0}}
    ),
    "parents that are no names": lambda: workflow({"a": {"depends_on": [[]] * 250_000}}),
    "many long enums": lambda: workflow(
        {"a": {}},
        params={f"p{n}": {"type": "integer", "enum": [*range(900)]} for n in range(100)} | {"q": {"type": "x"}},
    ),
    "an enum of large lists": lambda: workflow(
        {"a": {}}, params={"p": {"type": "list", "enum": [[0] * 900 + [n] for n in range(990)], "default": 3}}
    ),
    "too many values in all enums": lambda: workflow(
        {"a": {}}, params={f"p{n}": {"type": "integer", "enum": [*range(900)]} for n in range(120)}
    ),
    "deep values of many params": lambda: workflow(
        {"a": {}}, params={f"p{n}": {"type": "list", "default": nested(28)} for n in range(1_000)} | {"q": 1}
    ),
    "defaults that nearly fill each submission": lambda: workflow(
        {f"t{n}": {"environment": {"a": "b"}} for n in range(15_000)} | {"z": {"vcpus": 0}},
        defaults={**DEFAULTS, "command": ["x" * 2_000, *["${run.id}x"] * 500]},
    ),
    "defaults too large for each submission": lambda: workflow(
        {f"t{n}": {"environment": {"a": "b"}} for n in range(990)},
        defaults={**DEFAULTS, "environment": {f"K{n}": "" for n in range(1_000)}},
    ),
    "expressions in many places": lambda: workflow({f"t{n}": {"command": ["${run.id}"] * 4_900} for n in range(12)}),
    "params almost declared": lambda: workflow(
        {"a": {"command": ["".join(f"${{params.name-of-a-param-{n}}}" for n in range(60_000))]}},
        params={f"name-of-the-param-{n}": {"type": "string"} for n in range(900)},
    ),
    "crons that never come": lambda: workflow(
        {"a": {}}, schedules={f"s{n}": {"cron": "0 0 29 2 ? 2199", "time_zone": "Pacific/Apia"} for n in range(50)}
    ),
    "time zones that are paths": lambda: workflow(
        {"a": {}}, schedules={f"s{n}": {"rate": "1 day", "time_zone": "../" * 300} for n in range(50)}
    ),
    "marks on one letter": lambda: of_command("a" + "\u0301" * 700_000),
    "names that look alike": lambda: workflow(
        {f"\u0430{n}": {"depends_on": [f"a{n}"]} for n in range(9_000)} | {"\u0130" * 900: {}}
    ),
}


TRIES = 3
"""A processor that others share takes longer for the same work now and then; too much work takes long every time."""


@pytest.fixture(scope="module")
def nothing_of_others() -> Iterator[None]:
    """What the tests before left in memory is not for the collector to walk through while time is taken: a process that
    ran thousands of them has millions of objects, which no function that reads a definition has."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def refused(body: bytes) -> tuple[str, float]:
    """What is said of a definition, and how many seconds of the processor's time that took."""
    begun = time.process_time()
    with pytest.raises((InvalidWorkflow, NoJson)) as raised:
        workflow_from(read_json_body(body))
    said = str(raised.value)
    return said, time.process_time() - begun


@pytest.mark.usefixtures("nothing_of_others")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workflow_is_refused_within_a_second(name: str) -> None:
    body = json.dumps(HOSTILE[name](), separators=(",", ":")).encode()
    said, taken_seconds = refused(body)
    for _ in range(TRIES - 1):
        if taken_seconds >= SECONDS:
            said, again_seconds = refused(body)
            taken_seconds = min(taken_seconds, again_seconds)
    assert taken_seconds < SECONDS
    assert said
    assert len(said) < TEXT_CHARACTERS


def test_of_a_cycle_through_very_many_tasks_both_ends_are_told() -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        workflow_from(ring(20_000))
    assert str(refused.value) == (
        f"task 't0': depends_on closes a cycle: {' -> '.join(f't{n}' for n in range(20))} -> (19,961 more) -> "
        f"{' -> '.join(f't{n}' for n in range(19_981, 20_000))} -> t0; each depends on the next; one of them must not"
    )


def test_of_very_many_knotted_tasks_each_cycle_told_is_one() -> None:
    graph = {f"t{n}": [f"t{(n + step) % 6_000}" for step in (1, 7, 500)] for n in range(6_000)}
    graph |= {"u": ["u2"], "u2": ["u"], "behind": ["t5", "u"], "before": [], "u3": ["before", "u"]}
    cycles = find_cycles(graph)
    assert ["u", "u2", "u"] in cycles
    assert len(cycles) > 1
    named = [name for cycle in cycles for name in cycle[:-1]]
    assert len(named) == len(set(named))
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(parent in graph[name] for name, parent in pairwise(cycle))


def test_a_large_definition_is_told_of_its_cycle_before_its_other_mistakes_and_a_small_one_of_both() -> None:
    assert len(check_definition(mistaken_ring(20_000)).mistakes) == 1
    assert len(check_definition(mistaken_ring(200)).mistakes) == 2


def mistaken_ring(tasks: int) -> dict[str, Any]:
    definition = ring(tasks)
    definition["tasks"]["t7"]["vcpus"] = 0
    return definition


def test_a_large_sound_workflow_is_none_of_these() -> None:
    tasks = {f"t{n}": {"depends_on": [f"t{m}" for m in range(max(0, n - 3), n)]} for n in range(2_000)}
    assert len(compile_workflow(workflow_from(workflow(tasks))).tasks) == 2_000


SCOPE = Scope(params={"year": 2020, "name": "x"}, run_id="run-1", task_name="train", attempt=1)


@pytest.mark.parametrize(
    "text",
    [
        "${params.year.__class__}",
        "${params.__class__.__mro__}",
        "${params['year']}",
        "${params.year[0]}",
        "${run.__init__}",
        "${run.id.__class__}",
        "${task.name.upper()}",
        "${__import__('os').environ}",
        "${params.year!r}",
        "${params.year:>1000000000}",
        "${1+1}",
        "${''.join(params)}",
        "${params.${params.name}}",
        "${environment.AWS_SECRET_ACCESS_KEY}",
    ],
)
def test_an_expression_reaches_nothing_but_the_params_the_run_and_the_task(text: str) -> None:
    with pytest.raises(UserMistake):
        render(text, SCOPE)
    with pytest.raises(InvalidWorkflow):
        workflow_from(workflow({"a": {"command": [text]}}, params={"year": {"type": "integer"}}))


@pytest.mark.parametrize(
    "text",
    ["{0.__class__}", "{params}", "%(year)s", "%s", "$year", "$(id)", "`id`", "{{year}}", "#{year}", "$${params.x}"],
)
def test_what_other_languages_would_replace_is_left_as_it_is(text: str) -> None:
    assert render_text(text, SCOPE) == text.replace("$${", "${")


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__getattribute__"])
def test_a_param_with_the_name_of_something_of_pythons_is_a_param(name: str) -> None:
    scope = Scope(params={name: "mine"}, run_id="r", task_name="t", attempt=1)
    assert render(f"${{params.{name}}}", scope) == "mine"
    with pytest.raises(UserMistake, match="does not declare"):
        render(f"${{params.{name}}}", SCOPE)


def test_what_a_param_holds_is_not_rendered_again() -> None:
    scope = Scope(params={"a": "${params.b}", "b": "secret"}, run_id="r", task_name="t", attempt=1)
    assert render_text("<${params.a}>", scope) == "<${params.b}>"
