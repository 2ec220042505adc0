"""The sizes of submissions, added up, are those of the submissions written out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core import ids, limits
from chalicelib.core.definition.check import check_definition
from chalicelib.core.definition.check_size import Sizes
from chalicelib.core.plan.job_request import JobRequest, size_problems

ATTEMPT = ids.Attempt("", 0, 0, 1)
FIELDS = ("environment", "parameters", "tags")
texts = st.text(st.sampled_from('aB "\\\n\x01\x7f\u00e9\U0001f600/'), max_size=5)
entries = st.none() | st.dictionaries(texts, texts, max_size=4)
settings_of_a_task = st.fixed_dictionaries(
    {},
    optional={
        "command": st.none() | st.lists(texts, max_size=4),
        **dict.fromkeys(FIELDS, entries),
        "queue": st.none() | texts,
        "job_definition": st.none() | texts,
        "vcpus": st.just(2),
        "depends_on": st.just(["x" * 40_000]),
    },
)


def written_out(defaults: dict[str, Any], name: str, task: dict[str, Any]) -> JobRequest:
    merged = {**defaults, **task}
    joined = {field: {**(defaults.get(field) or {}), **(task.get(field) or {})} for field in FIELDS}
    command = merged.get("command")
    return JobRequest(
        name=ids.job_name(ATTEMPT, name),
        queue=merged.get("queue") or "",
        job_definition=merged.get("job_definition") or "",
        command=None if command is None else tuple(command),
        environment=tuple(joined["environment"].items()),
        parameters=(*joined["parameters"].items(), *ids.identity_parameters(ATTEMPT).items()),
        tags=tuple(joined["tags"].items()),
    )


@settings(max_examples=60, deadline=None)
@given(settings_of_a_task, texts, settings_of_a_task, st.booleans())
def test_a_task_is_told_of_the_same_sizes_as_its_submission(
    defaults: dict[str, Any], name: str, task: dict[str, Any], by_default: bool
) -> None:
    """Something long stands in one of them, so that both limits are broken and the figures told."""
    long = defaults if by_default and "command" not in task else task
    long["command"] = [*(long.get("command") or []), "x" * limits.SUBMIT_PAYLOAD_BYTES]
    told = [mistake.text for mistake in Sizes(defaults).mistakes(("tasks", name), name, task)]
    assert told == [broken.text for broken in size_problems(written_out(defaults, name, task))]
    assert len(told) == 2


@pytest.mark.parametrize("excess", [0, 1])
def test_a_submission_may_reach_the_limit_and_not_pass_it(excess: int) -> None:
    command = ["x" * (limits.CONTAINER_OVERRIDES_CHARACTERS - len('{"command":[""]}') + excess)]
    for defaults, task in (({"command": command}, {}), ({}, {"command": command})):
        assert len(list(Sizes(defaults).mistakes(("tasks", "a"), "a", task))) == excess


def test_tags_of_defaults_and_task_are_counted_together_and_no_name_twice() -> None:
    defaults = {"tags": {f"d{number}": "x" for number in range(30)}}
    ten_again = {f"d{number}": "y" for number in range(10)}
    for own, mistakes in ((20, 0), (21, 1)):
        task = {"tags": ten_again | {f"t{number}": "x" for number in range(own)}}
        assert len(list(Sizes(defaults).mistakes(("tasks", "a"), "a", task))) == mistakes


def test_what_null_takes_away_does_not_count() -> None:
    long, other = {"A": "x" * 7_000}, {"B": "y" * 7_000}
    definition = {
        "name": "w",
        "defaults": {
            "job_definition": "j",
            "queue": "q",
            "environment": long,
            "tags": {f"t{n}": "" for n in range(50)},
        },
        "tasks": {"a": {"environment": {"A": None, **other}, "tags": {"t0": None, "new": ""}}},
    }
    assert check_definition(definition).mistakes == []
    del definition["tasks"]["a"]["environment"]["A"]
    del definition["tasks"]["a"]["tags"]["t0"]
    assert len(check_definition(definition).mistakes) == 2
