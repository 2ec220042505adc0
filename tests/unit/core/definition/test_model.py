# ruff: noqa: E501 -- the messages stand here as they are printed, one a line
from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.definition.check import check_definition, workflow_from
from chalicelib.core.definition.model import json_schema
from chalicelib.core.errors import UserMistake

TASK = {"job_definition": "jd", "queue": "q"}


def lines_of(definition: Any) -> list[str]:
    return sorted(mistake.line() for mistake in check_definition(definition).mistakes)


def of_task(**task: Any) -> list[str]:
    """What is wrong with a workflow of this one task, without the words that name it."""
    lines = lines_of({"name": "w", "params": PARAMS, "tasks": {"t": {**TASK, **task}}})
    return [line.removeprefix("task 't': ") for line in lines]


PARAMS = {
    "n": {"type": "integer"},
    "x": {"type": "number"},
    "s": {"type": "string"},
    "files": {"type": "list"},
    "small": {"type": "integer", "default": -1},
}
MORE_MEMORY = {"on": {"out_of_memory": {"attempts": 2, "memory_mib": {"factor": 2, "maximum": 4_096}}}}
KEYS = (
    "job_definition, queue, command, environment, parameters, vcpus, memory_mib, gpus, array, retry, timeout_seconds, "
    "trigger_rule, allow_failure, tags, depends_on"
)
NAME_RULE = "1 to 128 letters, digits, '-', '_' and '.', the first a letter or a digit: it becomes part of job names"


def test_a_sound_definition_gives_its_workflow() -> None:
    definition = {"name": "w", "params": PARAMS, "tasks": {"t": TASK, "u": {**TASK, "depends_on": ["t"]}}}
    checked = check_definition(definition)
    assert checked.mistakes == []
    assert checked.workflow is not None
    assert list(checked.workflow.tasks) == ["t", "u"]


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ({"vcpus": 0}, "vcpus must be 1 or more, not 0; only Fargate takes less: 0.25 or 0.5"),
        ({"vcpus": True}, "vcpus must be a number, not true"),
        ({"vcpus": "2"}, "vcpus must be a number, not '2'; take the quotes away"),
        ({"vcpus": float("nan")}, "vcpus must be a whole number, not nan; only Fargate takes less: 0.25 or 0.5"),
        ({"memory_mib": 3}, "memory_mib must be 4 or more, not 3"),
        ({"memory_mib": 512.0}, "memory_mib must be a whole number, not 512.0"),
        ({"memory_mib": "${params.n}0"}, "memory_mib must be a number or one whole ${params.NAME}, not '${params.n}0'; nothing beside it"),
        ({"memory_mib": "${task.attempt}"}, "memory_mib must be a number or one whole ${params.NAME}, not '${task.attempt}'; nothing beside it"),
        ({"gpus": 0}, "gpus must be 1 or more, not 0; leave it out for none"),
        ({"timeout_seconds": 59}, "timeout_seconds must be 60 or more, not 59; Batch knows no shorter time-out"),
        ({"array": {}}, "array is missing a size; give size: N, or labels: [a, b]"),
        ({"array": 5}, "array must be a mapping, not the number 5"),
        ({"array": {"size": 10_001}}, "array.size must be 10,000 or less, not 10,001; an array has up to 10,000 jobs; one of 1 is a single job, one of 0 is skipped"),
        ({"array": {"size": None}}, "array.size must be a number, not nothing"),
        ({"array": {"size": "${params.small}"}}, "array.size must be 0 or more, not -1, the default of 'small'; an array has up to 10,000 jobs; one of 1 is a single job, one of 0 is skipped"),
        ({"array": {"size": "${params.x}"}}, "array.size needs a param of type integer, but 'x' is of type number"),
        ({"array": {"size": "${params.m}"}}, "array.size names the param 'm', which is not declared; declare it under params"),
        ({"vcpus": "${params.s}"}, "vcpus needs a param of type integer or number, but 's' is of type string"),
        ({"queue": "${params.files}"}, "queue needs a param of type string or integer, but 'files' is of type list"),
        ({"retry": {"attempts": 11}}, "retry.attempts must be 10 or less, not 11; 1 is no retry"),
        ({"retry": {"backoff_seconds": -1}}, "retry.backoff_seconds must be 0 or more, not -1; a day is the longest pause"),
        ({"retry": {"attempts": "${params.n}"}}, "retry.attempts must be a number, not '${params.n}'"),
        ({"retry": {"backof": 1}}, "retry.backof is no key that is known here; did you mean 'backoff_factor'?"),
        ({"retry": {"max": 1}}, "retry.max is no key that is known here; known keys: attempts, backoff_seconds, backoff_factor, backoff_max_seconds, jitter, on"),
        ({"retry": {"attempts": None}}, "retry.attempts must be a number, not nothing"),
        ({"retry": {"backoff_factor": 0.5}}, "retry.backoff_factor must be 1 or more, not 0.5; 1 keeps the pause as it is"),
        ({"retry": {"backoff_factor": "2"}}, "retry.backoff_factor must be a number, not '2'; take the quotes away"),
        ({"retry": {"backoff_seconds": 60, "backoff_max_seconds": 30}}, "retry.backoff_seconds must be no more than backoff_max_seconds, 30, not 60"),
        ({"retry": {"backoff_max_seconds": 30, "on": {"spot": {"attempts": 2, "backoff_seconds": 31}}}}, "retry.on.spot.backoff_seconds must be no more than backoff_max_seconds, 30, not 31"),
        ({"array": {"size": 4}, "retry": {"on": {"out_of_memory": {"attempts": 2}}}}, "retry.on.out_of_memory never applies to an array, because AWS Batch says of a failed array only that a child failed: its class is dependency; name dependency, or give attempts: all children run again; the job definition's retryStrategy retries single children"),
        ({"retry": {"jitter": "false"}}, "retry.jitter must be true or false, not the string 'false'; take the quotes away"),
        ({"retry": {"on": {"sport": {"attempts": 2}}}}, "retry.on names 'sport', which is no class of failures; did you mean 'spot'?"),
        ({"retry": {"on": {"everything": {"attempts": 2}}}}, "retry.on names 'everything', which is no class of failures; known classes: queue_time_limit, timeout, spot, out_of_memory, image_pull, image_missing, misconfigured, start_failure, dependency, application, refused, unknown"),
        ({"retry": {"on": {"cancelled": {"attempts": 2}}}}, "retry.on must not name 'cancelled'; what somebody ended on purpose is never retried"),
        ({"retry": {"on": {"spot": 5}}}, "retry.on.spot must be a mapping, not the number 5"),
        ({"retry": {"on": {"spot": {}}}}, "retry.on.spot.attempts is missing"),
        ({"retry": {"on": {"spot": {"attempts": 11}}}}, "retry.on.spot.attempts must be 10 or less, not 11; 1 is no retry"),
        ({"retry": {"on": {"spot": {"attempts": 2, "que": "q"}}}}, "retry.on.spot.que is no key that is known here; did you mean 'queue'?"),
        ({"retry": {"on": {"spot": {"attempts": 2, "queue": "on demand"}}}}, "retry.on.spot.queue must be the name or the ARN of a job queue, not 'on demand'; names hold letters, digits, '-' and '_' (up to 128)"),
        ({"retry": {"on": {"spot": {"attempts": 2, "queue": "${params.ss}"}}}}, "retry.on.spot.queue names the param 'ss', which is not declared; did you mean '${params.s}'?"),
        ({"retry": {"on": {"spot": {"attempts": 2, "queue": "${params.files}"}}}}, "retry.on.spot.queue needs a param of type string or integer, but 'files' is of type list"),
        ({"retry": MORE_MEMORY}, "retry.on.out_of_memory.memory_mib multiplies memory_mib, which is missing; give memory_mib in the task or in defaults"),
        ({"memory_mib": 4_096, "retry": MORE_MEMORY}, "retry.on.out_of_memory.memory_mib.maximum must be more than the task's memory_mib of 4,096, not 4,096"),
        ({"memory_mib": 512, "retry": {"on": {"out_of_memory": {"attempts": 2, "memory_mib": {"factor": 1, "maximum": 1024}}}}}, "retry.on.out_of_memory.memory_mib.factor must be 1.1 or more, not 1; 2 doubles the memory each time"),
        ({"memory_mib": 512, "retry": {"on": {"out_of_memory": {"attempts": 2, "memory_mib": {"factor": 2}}}}}, "retry.on.out_of_memory.memory_mib.maximum is missing"),
        ({"memory_mib": 512, "retry": {"on": {"out_of_memory": {"attempts": 2, "memory_mib": {"by": 2, "maximum": 1024}}}}}, "retry.on.out_of_memory.memory_mib.by is no key that is known here; known keys: factor, maximum"),
        ({"trigger_rule": "all_sucess"}, "trigger_rule must be one of all_success, all_done, all_failed, one_success, one_failed, none_failed, none_failed_min_one_success, not 'all_sucess'; did you mean 'all_success'?"),
        ({"trigger_rule": None}, "trigger_rule must be one of all_success, all_done, all_failed, one_success, one_failed, none_failed, none_failed_min_one_success, not nothing"),
        ({"trigger_rule": "one_failed"}, "trigger_rule one_failed can never hold without depends_on; all_success lets it start at once"),
        ({"allow_failure": "true"}, "allow_failure must be true or false, not the string 'true'; take the quotes away"),
        ({"allow_failure": None}, "allow_failure must be true or false, not nothing"),
        ({"command": "ls"}, "command must be a list, not the string 'ls'; write [ls]"),
        ({"command": "ls -l"}, "command must be a list, not the string 'ls -l'; write a list of strings"),
        ({"command": ["sleep", 5]}, "command[1] must be a string, not the number 5; put it in quotes"),
        ({"command": [None]}, 'command[0] must be a string, not nothing; write "" for an empty one'),
        ({"command": ["${params.nn}"]}, "command[0] names the param 'nn', which is not declared; did you mean '${params.n}'?"),
        ({"command": ["${ run.id }"]}, "command[0] holds '${ run.id }', which is no expression; write '${run.id}', without blanks"),
        ({"environment": {"A": True}}, "environment.A must be a string, not the boolean true; put it in quotes"),
        ({"environment": []}, "environment must be a mapping, not an empty list"),
        ({"environment": {"AWS_BATCH_X": ""}}, "environment must not name 'AWS_BATCH_X'; Batch keeps the prefix AWS_BATCH_ to itself"),
        ({"environment": {"A=B": ""}}, "environment has '=' in the name 'A=B'"),
        ({"environment": {"": ""}}, "environment must not have an empty name"),
        ({"environment": {"${params.s}": ""}}, "environment has an expression in the name '${params.s}'; only values are rendered"),
        ({"parameters": {"batchwright_run": "x"}}, "parameters must not name 'batchwright_run'; the prefix batchwright_ tells whose a job is"),
        ({"tags": {"aws:x": "1"}}, "tags must not name 'aws:x'; AWS keeps the prefix aws: to itself"),
        ({"tags": {"x": "1" * 257}}, "tags.x must have 256 characters or less, not 257"),
        ({"tags": {f"t{n}": "" for n in range(51)}}, "tags must be 50 or less, not 51"),
        ({"queue": None}, "queue is missing; give it in the task or in defaults"),
        ({"queue": "my queue"}, "queue must be the name or the ARN of a job queue, not 'my queue'; names hold letters, digits, '-' and '_' (up to 128)"),
        ({"job_definition": "jd:0"}, "job_definition must be a name, name:revision or an ARN, not 'jd:0'; names hold letters, digits, '-' and '_' (up to 128)"),
        ({"depends_on": None}, "depends_on must be a list, not nothing; write [] for an empty one"),
        ({"depends_on": "u"}, "depends_on must be a list, not the string 'u'; write [u]"),
        ({"depends_on": ["tt"]}, "depends_on names 'tt', which is no task; did you mean 't'?"),
        ({"imagge": "x"}, f"imagge is no key that is known here; known keys: {KEYS}"),
        ({"vcpu": 1}, "vcpu is no key that is known here; did you mean 'vcpus'?"),
        ({"command": ["x" * 9_000]}, "command, environment and resources must come to 8,192 characters or less as JSON, not 9,016; put what is long into S3 and pass its address"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_task_is_told_with_the_value_and_the_rule(task: dict[str, Any], line: str) -> None:
    assert of_task(**task) == [line]


def test_a_default_retry_that_multiplies_memory_needs_memory_in_every_task() -> None:
    definition = {
        "name": "w",
        "defaults": {"retry": MORE_MEMORY},
        "tasks": {
            "has": {**TASK, "memory_mib": 512},
            "too-much": {**TASK, "memory_mib": 8_192},
            "none": TASK,
            "not-retried": {**TASK, "retry": None},
        },
    }
    assert lines_of(definition) == [
        "task 'none': retry.on.out_of_memory.memory_mib multiplies memory_mib, which is missing; "
        "give memory_mib in the task or in defaults",
        "task 'too-much': retry.on.out_of_memory.memory_mib.maximum must be more than the task's memory_mib of 8,192, "
        "not 4,096",
    ]


def test_a_task_may_be_called_like_a_key() -> None:
    definition = {"name": "w", "tasks": {"retry": {**TASK, "vcpu": 1}, "array": {**TASK, "vcpu": 1}}}
    lines = [f"task '{name}': vcpu is no key that is known here; did you mean 'vcpus'?" for name in ("array", "retry")]
    assert lines_of(definition) == lines


def test_a_payload_too_large_for_batch_is_told_though_no_run_is_known() -> None:
    (line,) = of_task(parameters={"p": "${run.id}" + "x" * 31_000})
    assert line.startswith("the submission must come to 30,720 bytes or less as JSON, not 31,")


@pytest.mark.parametrize(
    "task",
    [
        {"vcpus": 0.25, "memory_mib": 512},
        {"vcpus": "${params.x}", "array": {"size": "${params.n}"}, "gpus": "${params.n}"},
        {"queue": "q-${params.s}", "command": ["${params.files}", "$${HOME}", "$HOME"]},
        {"queue": "arn:aws:batch:eu-west-1:111122223333:job-queue/q"},
        {"job_definition": "arn:aws-cn:batch:cn-north-1:111122223333:job-definition/jd:7"},
        {"vcpus": None, "environment": None, "array": None, "retry": None},
        {"memory_mib": 4_095, "retry": MORE_MEMORY},
        {"memory_mib": "${params.n}", "retry": MORE_MEMORY},
        {"retry": {"backoff_factor": 1.5, "jitter": False, "on": {"spot": {"attempts": 10, "queue": "q-${params.s}"}}}},
    ],
)
def test_what_batch_takes_passes(task: dict[str, Any]) -> None:
    assert of_task(**task) == []


@pytest.mark.parametrize(
    ("definition", "lines"),
    [
        (None, ["a workflow must be a mapping, not nothing"]),
        ([1], ["a workflow must be a mapping, not a list"]),
        ("x", ["a workflow must be a mapping, not the string 'x'"]),
        (
            {},
            [
                "name is missing; a workflow needs a name and tasks",
                "tasks is missing; a workflow needs a name and tasks",
            ],
        ),
        ({"name": "w", "tasks": {}}, ["tasks must not be empty"]),
        ({"name": "w", "tasks": ["a"]}, ["tasks must be a mapping, not a list"]),
        ({"name": "w", "tasks": {"a": None}}, ["task 'a': must be a mapping, not nothing; write {} for an empty one"]),
        ({"name": 5, "tasks": {"a": TASK}}, ["name must be a string, not the number 5; put it in quotes"]),
        (
            {"name": "w", "description": "a\tb\n\x1b]0;c\x07\x9b", "tasks": {"a": TASK}},
            [
                "description must be text without control characters other than tabs and line ends, not "
                "'a\\tb\\n\\x1b]0;c\\x07\\x9b'"
            ],
        ),
        ({"name": "a b", "tasks": {"a": TASK}}, [f"name 'a b' is not a valid name; {NAME_RULE}"]),
        ({"name": "w", "tasks": {"a b": TASK}}, [f"task 'a b': 'a b' is not a valid name; {NAME_RULE}"]),
        ({"name": "w", "taks": {}, "tasks": {"a": TASK}}, ["taks is no key that is known here; did you mean 'tasks'?"]),
        (
            {"name": "w", "defaults": {"depends_on": ["a"]}, "tasks": {"a": TASK}},
            ["defaults: depends_on is no key that is known here; known keys: " + KEYS.removesuffix(", depends_on")],
        ),
        (
            {"name": "w", "defaults": {"queue": "${params.q}"}, "tasks": {"a": TASK}},
            ["defaults: queue names the param 'q', which is not declared; declare it under params"],
        ),
    ],
)
def test_a_mistake_outside_of_the_tasks_is_told_too(definition: Any, lines: list[str]) -> None:
    assert lines_of(definition) == lines


@pytest.mark.parametrize(
    ("param", "lines"),
    [
        ({"type": "integer", "default": "1"}, ["default must be an integer, not '1'"]),
        ({"type": "strin"}, ["type must be one of string, integer, number, boolean, list, object, not 'strin'; did you mean 'string'?"]),
        ({"default": 1}, ["type is missing"]),
        ({"type": "string", "enum": []}, ["enum must not be empty"]),
        ({"type": "string", "enum": ["a", 1, "a"]}, ["enum names 'a' twice; once is enough", "enum[1] must be of type string, not 1"]),
        ({"type": "string", "enum": ["a"], "default": "b"}, ["default must be one of 'a', not 'b'"]),
        ({"type": "boolean", "default": True, "required": True}, ["default is of no use, for the param is required; take one of them out"]),
        ({"type": "list", "default": [1]}, []),
    ],
)  # fmt: skip
def test_a_mistake_in_a_param_is_told(param: dict[str, Any], lines: list[str]) -> None:
    found = lines_of({"name": "w", "params": {"p": param}, "tasks": {"t": TASK}})
    assert found == [f"param 'p': {line}" for line in lines]


def test_one_mistake_does_not_hide_the_others() -> None:
    lines = lines_of(
        {
            "name": "w",
            "defaults": TASK,
            "tasks": {"a": {"vcpus": 0, "depends_on": ["b"]}, "b": {"depends_on": ["a"], "command": ["${params.x}"]}},
        }
    )
    assert [re.split("[;:] ", line, maxsplit=2)[1] for line in lines] == [
        "depends_on closes a cycle",
        "vcpus must be 1 or more, not 0",
        "command[0] names the param 'x', which is not declared",
    ]


def test_without_a_file_all_mistakes_are_the_lines_of_one_error() -> None:
    with pytest.raises(UserMistake) as raised:
        workflow_from({"name": "w", "tasks": {"a": {**TASK, "gpus": 0}, "b": {**TASK, "gpus": 0}}})
    assert [line[:8] for line in str(raised.value).splitlines()] == ["task 'a'", "task 'b'"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("${params.p}"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
settings = st.dictionaries(st.sampled_from([*KEYS.split(", "), "other"]), json_values, max_size=4)
definitions = st.fixed_dictionaries(
    {
        "name": json_values,
        "tasks": st.dictionaries(st.text(max_size=3), settings | json_values, max_size=3) | json_values,
    },
    optional={
        "params": st.dictionaries(
            st.sampled_from(["p", "q"]),
            st.dictionaries(st.sampled_from(["type", "default", "enum", "required"]), json_values) | json_values,
        ),
        "defaults": settings | json_values,
        "description": json_values,
    },
)


@given(definitions | json_values)
def test_whatever_is_given_is_answered_in_our_own_words(definition: Any) -> None:
    checked = check_definition(definition)
    assert (checked.workflow is None) == bool(checked.mistakes)
    for mistake in checked.mistakes:
        line = mistake.line()
        assert line
        for foreign in ("Input should", "pydantic", "type=", "__root__", "[key]", "does not fit here", "valid string"):
            assert foreign not in line.replace(repr(definition), "")


def test_the_schema_describes_every_field() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, model in {"": schema, **schema["$defs"]}.items():
        for field, described in model.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"
