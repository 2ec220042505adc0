from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchwright.cli.params import read_params
from chalicelib.core.definition.model import Workflow
from chalicelib.core.errors import UserMistake

KINDS = ("string", "integer", "number", "boolean", "list", "object")
WORKFLOW = Workflow.model_validate(
    {
        "name": "w",
        "params": {**{kind: {"type": kind} for kind in KINDS}, "late": {"type": "integer", "default": 7}},
        "tasks": {"a": {"job_definition": "jd", "queue": "q"}},
    }
)
NOTHING: dict[str, Any] = {**dict.fromkeys(KINDS), "late": 7}


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("string=5", "5"),
        ("string=a=b", "a=b"),
        ("string=", ""),
        ("integer=-5", -5),
        ("number=0.5", 0.5),
        ("number=5", 5),
        ("boolean=true", True),
        ("boolean=false", False),
        ('list=[1, "a"]', [1, "a"]),
        ('object={"a": null}', {"a": None}),
    ],
)
def test_a_value_is_read_by_the_type_of_its_param(pair: str, value: Any) -> None:
    name = pair.partition("=")[0]
    assert read_params(WORKFLOW.declarations(), [pair], None) == {**NOTHING, name: value}


@pytest.mark.parametrize(
    ("pair", "line"),
    [
        ("integer=5.0", "param 'integer' must be an integer, not '5.0'"),
        ("number=NaN", "param 'number' must be a number, not 'NaN'"),
        ("number=many", "param 'number' must be a number, not 'many'"),
        ("boolean=yes", "param 'boolean' must be true or false, not 'yes'"),
        ("list=a,b", "param 'list' must be a list, not 'a,b'"),
        ('list={"a": 1}', "param 'list' must be a list, not a mapping"),
        ("object=" + "[" * 100_000, f"param 'object' must be an object, not '{'[' * 60}...'"),
        ("integr=5", "param 'integr' is not declared by the workflow; did you mean 'integer'?"),
        ("integer", "--param takes NAME=VALUE, not 'integer'"),
        ("=5", "--param takes NAME=VALUE, not '=5'"),
    ],
)
def test_a_value_that_does_not_fit_is_told(pair: str, line: str) -> None:
    with pytest.raises(UserMistake) as raised:
        read_params(WORKFLOW.declarations(), [pair], None)
    assert str(raised.value) == line


def test_a_file_gives_params_and_the_pairs_go_before_it(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("integer: 1\nlist: [a]\nstring: file\n")
    found = read_params(WORKFLOW.declarations(), ["string=pair"], file)
    assert found == {**NOTHING, "integer": 1, "list": ["a"], "string": "pair"}


def test_all_problems_of_pairs_and_file_are_told_those_of_the_file_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"integer": "1",\n "nubmer": 5, "boolean": 1}')
    with pytest.raises(UserMistake) as raised:
        read_params(WORKFLOW.declarations(), ["late=x", "late=y", "boolean=true"], file)
    assert str(raised.value).splitlines() == [
        "--param gives 'late' twice",
        f"{file}:1:13: param 'integer' must be an integer, not '1'",
        "param 'late' must be an integer, not 'x'",
        f"{file}:2:2: param 'nubmer' is not declared by the workflow; did you mean 'number'?",
    ]


def test_a_params_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="there is no such file"):
        read_params(WORKFLOW.declarations(), [], tmp_path / "no.yaml")
