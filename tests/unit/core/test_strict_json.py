"""A file, a request's body and a param take the same JSON for the same value, and refuse the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright.cli.params import read_given_params
from batchwright.files.json_text import read_json as read_file
from batchwright.files.positions import Unreadable
from batchwright.files.workflow_file import load_mapping
from batchwright.files.yaml_text import read_yaml
from chalicelib.api.http.json_body import read_json_body
from chalicelib.core.errors import UserMistake
from chalicelib.core.limits import DEPTH_MAXIMUM, DIGITS_MAXIMUM
from chalicelib.core.params import Declaration, ParamType
from chalicelib.core.strict_json import NoJson

REFUSED = "refused"
DEEP = {"deep": Declaration(ParamType.LIST)}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
pieces = st.sampled_from(
    ["1", "-0", "01", "1.", ".5", "1e5", "1E+999", "NaN", "-Infinity", "true", "nul", '"a"', '"\\ud800"', "9" * 309]
)


def body_value(text: str) -> Any:
    try:
        return read_json_body(text.encode())
    except NoJson:
        return REFUSED


def file_value(text: str) -> Any:
    try:
        document = read_file(text)
    except Unreadable:
        return REFUSED
    return REFUSED if document.spots else document.data()


@given(values)
def test_what_a_file_holds_a_body_may_hold(value: Any) -> None:
    text = json.dumps(value)
    assert body_value(text) == file_value(text) == value


@given(st.lists(pieces, max_size=3), st.booleans())
def test_what_a_file_refuses_a_body_refuses_too(found: list[str], as_object: bool) -> None:
    inside = ", ".join(f'"k{number % 2}": {one}' if as_object else one for number, one in enumerate(found))
    text = f"{{{inside}}}" if as_object else f"[{inside}]"
    assert body_value(text) == file_value(text)


def nested(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


@pytest.mark.parametrize("levels", [40, DEPTH_MAXIMUM])
def test_forty_levels_pass_everywhere(levels: int, tmp_path: Path) -> None:
    text, path = nested(levels), tmp_path / "params.json"
    path.write_text(f'{{"deep": {nested(levels - 1)}}}')
    assert body_value(text) == file_value(text) == read_yaml(text).data() == json.loads(text)
    assert read_given_params(DEEP, [f"deep={text}"], None) == {"deep": json.loads(text)}
    assert load_mapping(path)[0] == {"deep": json.loads(nested(levels - 1))}


def test_what_is_nested_deeper_is_refused_everywhere(tmp_path: Path) -> None:
    text, path = nested(DEPTH_MAXIMUM + 1), tmp_path / "params.json"
    path.write_text(f'{{"deep": {nested(DEPTH_MAXIMUM)}}}')
    for read in (read_json_body, lambda body: read_file(body.decode()), lambda body: read_yaml(body.decode())):
        with pytest.raises((NoJson, Unreadable), match=f"values are nested more than {DEPTH_MAXIMUM} deep"):
            read(text.encode())
    with pytest.raises(UserMistake, match=f"^param 'deep': values are nested more than {DEPTH_MAXIMUM} deep$"):
        read_given_params(DEEP, [f"deep={text}"], None)
    with pytest.raises(UserMistake, match=f"values are nested more than {DEPTH_MAXIMUM} deep"):
        load_mapping(path)


def test_a_number_may_have_as_many_digits_as_the_largest_double() -> None:
    longest = "9" * DIGITS_MAXIMUM
    assert body_value(longest) == file_value(longest) == read_yaml(longest).data() == int(longest)
    for read in (read_json_body, lambda body: read_file(body.decode()), lambda body: read_yaml(body.decode())):
        with pytest.raises((NoJson, Unreadable), match="a number has 309 digits; 308 are the most"):
            read(f"{longest}9".encode())
    for kind in (ParamType.INTEGER, ParamType.NUMBER):
        declared = {"long": Declaration(kind)}
        assert read_given_params(declared, [f"long={longest}"], None) == {"long": int(longest)}
        with pytest.raises(UserMistake, match=r"^param 'long': a number has 309 digits; 308 are the most$"):
            read_given_params(declared, [f"long={longest}9"], None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        ('["\\ud800"]', "half of a surrogate pair stands alone; it is no character"),
        ("[1e999]", "'1e999' is too large for a number"),
        ("[1 2]", "not valid JSON: expecting ',' delimiter (line 1, column 4)"),
        ("[" * 100_000 + "]" * 100_000, f"values are nested more than {DEPTH_MAXIMUM} deep"),
    ],
)
def test_a_param_and_a_body_are_refused_in_the_same_words(text: str, words: str) -> None:
    with pytest.raises(NoJson) as of_body:
        read_json_body(text.encode())
    with pytest.raises(UserMistake) as of_param:
        read_given_params(DEEP, [f"deep={text}"], None)
    assert (str(of_body.value), str(of_param.value)) == (f"the body: {words}", f"param 'deep': {words}")
