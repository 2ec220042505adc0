"""Definitions made to cost much: each is refused within a second, with few words.

What is measured is the processor's time, and on a machine that is busy with other things that is two or three times as
much: hence the bound.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.api.json_body import NoJson, read_json
from chalicelib.core.check import workflow_from
from chalicelib.core.compile import compile_workflow
from chalicelib.core.errors import InvalidWorkflow, UserMistake
from chalicelib.core.template import Scope, render, render_text

SECONDS = 3.0
TEXT_CHARACTERS = 200_000
DEFAULTS = {"job_definition": "d", "queue": "q"}
MIB = 1024 * 1024


def workflow(tasks: Any, **more: Any) -> dict[str, Any]:
    return {"name": "w", "defaults": DEFAULTS, "tasks": tasks, **more}


def dense(tasks: int) -> dict[str, Any]:
    """Each task depends on all before it."""
    names = [f"t{number}" for number in range(tasks)]
    return workflow({name: {"depends_on": names[:place]} for place, name in enumerate(names)})


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def of_command(*texts: str) -> dict[str, Any]:
    return workflow({"a": {"command": list(texts)}})


HOSTILE = {
    "one task too many": workflow({f"t{number}": {} for number in range(100_001)}),
    "a dense graph": dense(800),
    "a dense knot": workflow({f"t{n}": {"depends_on": [f"t{m}" for m in range(300) if m != n]} for n in range(300)}),
    "the same parent for ever": workflow({"a": {"depends_on": ["a"] * 500_000}}),
    "unknown parents": workflow({"a": {"depends_on": [f"u{number}" for number in range(290_000)]}}),
    "parents that are almost there": workflow(
        {
            **{f"task-{number:05d}": {} for number in range(5_000)},
            "z": {"depends_on": [f"task-{n:05d}x" for n in range(50_000)]},
        }
    ),
    "many wrong tasks": workflow({f"t{number}": 0 for number in range(40_000)}),
    "many mistakes a task": workflow({f"t{n}": {"vcpus": 0, "x": 1, "queue": "a b"} for n in range(10_000)}),
    "unknown keys": workflow({"a": {f"k{number}": 1 for number in range(200_000)}}),
    "unknown keys at the top": {**workflow({"a": {}}), **{f"k{number}": 1 for number in range(200_000)}},
    "a long enum": workflow({"a": {}}, params={"p": {"type": "integer", "enum": list(range(300_000))}}),
    "an enum of lists": workflow(
        {"a": {}}, params={"p": {"type": "list", "enum": [[0] * 100 + [number] for number in range(5_000)]}}
    ),
    "many params": workflow({"a": {}}, params={f"p{number}": {"type": "integer"} for number in range(60_000)}),
    "many schedules": workflow({"a": {}}, schedules={f"s{number}": {} for number in range(60_000)}),
    "much in the environment": workflow({"a": {"environment": {f"K{n}": "v" for n in range(200_000)}}}),
    "defaults joined to every task": workflow(
        {f"t{number}": {"environment": {"A": "b"}} for number in range(20_000)},
        defaults={**DEFAULTS, "environment": {f"K{number}": "v" for number in range(5_000)}},
    ),
    "many classes of failure": workflow({"a": {"retry": {"on": {f"c{n}": {"attempts": 1} for n in range(60_000)}}}}),
    "many expressions": of_command(*(f"${{params.x{number}}}" for number in range(150_000))),
    "an expression again and again": of_command("${params.x}" * 200_000),
    "an expression without an end": of_command("${" + "a" * 3 * MIB),
    "an expression of blanks": of_command("${" + " " * 3 * MIB + "}"),
    "nested expressions": of_command("${params." * 200_000),
    "dollars": of_command("$" * 4 * MIB),
    "a gigantic string": of_command("x" * 4 * MIB),
    "a gigantic name": workflow({"a" * 4 * MIB: {}}),
    "a gigantic key": workflow({"a": {"k" * 4 * MIB: 1}}),
    "a gigantic queue": workflow({"a": {"queue": "a" * 3 * MIB + " "}}),
    "something like an ARN": workflow({"a": {"queue": "arn:" + "a-" * MIB}}),
    "something like a cron": workflow({"a": {}}, schedules={"s": {"cron": "*/1," * 500_000}}),
    "a huge number": workflow({"a": {"vcpus": int("9" * 300), "memory_mib": 1e308, "timeout_seconds": -1e308}}),
    "a deep value": workflow({"a": {"vcpus": nested(30)}}),
    "odd keys": workflow({"": {}, "\x00": {}, "__class__": {}, "a/b~c": {}, "\u202e": {}, "a": {"": 1}}),
    "no object": [workflow({})] * 1_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workflow_is_refused_within_a_second(name: str) -> None:
    body = json.dumps(HOSTILE[name], separators=(",", ":")).encode()
    begun = time.process_time()
    with pytest.raises((InvalidWorkflow, NoJson)) as refused:
        workflow_from(read_json(body))
    said = str(refused.value)
    assert time.process_time() - begun < SECONDS
    assert said
    assert len(said) < TEXT_CHARACTERS


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
