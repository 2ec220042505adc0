"""The stored form of a plan. What the release before wrote is read in tests/contract/stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.core.errors import Defect
from chalicelib.core.plan.encoding import FORMAT, decode, encode
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask, RetryPolicy

PLAN = Plan(
    "films",
    (PlannedTask("split", JobSpec("jd", "q", command=("true",))), PlannedTask("join", JobSpec("jd", "q"))),
    ((), (0,)),
)


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(PLAN.workflow, PLAN.tasks, PLAN.parents))
    return found


def read(changed: dict[str, Any]) -> Plan:
    return Plan(*decode("39e3", json.dumps(changed).encode()))


def test_fields_at_their_defaults_are_not_stored() -> None:
    assert document() == {
        "format": FORMAT,
        "workflow": "films",
        "specs": [{"job": {"job_definition": "jd", "queue": "q"}}],
        "tasks": [{"name": "split", "spec": 0, "command": ["true"]}, {"name": "join", "spec": 0}],
        "parents": [[], [0]],
    }
    assert read(document()) == PLAN


def test_a_field_that_is_not_stored_has_its_default() -> None:
    (spec,) = document()["specs"]
    stored = {**document(), "specs": [{**spec, "retry": {"attempts": 3}}]}
    assert read(stored).tasks[0].retry == RetryPolicy(attempts=3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"job": {"job_definition": "jd", "queue": "q", "nodes": 3}}, "JobSpec has no field 'nodes'"),
        ({"job": {"job_definition": "jd", "queue": "q"}, "when": "x"}, "PlannedTask has no field 'when'"),
        ({"job": {"job_definition": "jd", "queue": "q"}, "retry": {"odds": 2}}, "RetryPolicy has no field 'odds'"),
    ],
)
def test_what_a_newer_version_stored_is_refused_and_not_misread(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(Defect, match=f"plan 39e3 was written by a newer version of the code: {message}"):
        read({**document(), "specs": [spec]})


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Defect, match="plan 39e3 has format 99, and this version reads 2, 3"):
        read({**document(), "format": 99})
