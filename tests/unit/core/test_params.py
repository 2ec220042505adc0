from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.params import Declaration, ParamType, complete_params, declarations, fits

DECLARED = {
    "year": Declaration(ParamType.INTEGER, default=2000, enum=(1999, 2000)),
    "bucket": Declaration(ParamType.STRING, required=True),
    "ratio": Declaration(ParamType.NUMBER),
    "files": Declaration(ParamType.LIST),
}


def test_defaults_fill_what_was_not_given_and_the_rest_is_none() -> None:
    assert complete_params(DECLARED, {"bucket": "b"}) == {"year": 2000, "bucket": "b", "ratio": None, "files": None}


def test_completing_what_is_complete_changes_nothing() -> None:
    complete = complete_params(DECLARED, {"bucket": "b", "year": 1999, "files": []})
    assert complete_params(DECLARED, complete) == complete


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UserMistake) as raised:
        complete_params(DECLARED, {"year": 1998, "ratio": "x", "filse": [], "zzz": 1})
    assert str(raised.value).splitlines() == [
        "param 'year' must be one of 1999, 2000, not 1998",
        "param 'bucket' is required; give it a string",
        "param 'ratio' must be a number, not 'x'",
        "param 'filse' is not declared by the workflow; did you mean 'files'?",
        "param 'zzz' is not declared by the workflow; declared: year, bucket, ratio, files",
    ]


def test_a_workflow_without_params_says_so() -> None:
    with pytest.raises(UserMistake, match="param 'x' is not declared by the workflow; the workflow declares no params"):
        complete_params({}, {"x": 1})


@pytest.mark.parametrize(
    ("kind", "fitting", "misfitting"),
    [
        (ParamType.STRING, ["", "1"], [1, None, True, []]),
        (ParamType.INTEGER, [0, -1, 10**400], [1.0, True, "1"]),
        (ParamType.NUMBER, [0, 0.5, 10**400], [True, "1", float("nan"), float("inf")]),
        (ParamType.BOOLEAN, [True, False], [0, 1, "true"]),
        (ParamType.LIST, [[], [1]], ["a", {}, None]),
        (ParamType.OBJECT, [{}, {"a": 1}], [[], "a", None]),
    ],
)
def test_each_type_takes_its_own_values_only(kind: ParamType, fitting: list[Any], misfitting: list[Any]) -> None:
    assert all(fits(kind, value) for value in fitting)
    assert not any(fits(kind, value) for value in misfitting)


def test_true_is_not_one_of_the_numbers_of_an_enum() -> None:
    declared = {"flag": Declaration(ParamType.LIST, enum=([1],)), "n": Declaration(ParamType.INTEGER, enum=(1,))}
    with pytest.raises(UserMistake, match="param 'n' must be an integer, not true"):
        complete_params(declared, {"n": True})


def test_declarations_are_read_from_a_definition_as_it_was_pushed() -> None:
    definition = {"params": {"a": {"type": "integer", "default": 1, "enum": [1, 2]}, "b": {"type": "string"}}}
    assert declarations(definition) == {
        "a": Declaration(ParamType.INTEGER, 1, False, (1, 2)),
        "b": Declaration(ParamType.STRING),
    }
    assert declarations({}) == {}
