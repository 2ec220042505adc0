"""JSON objects as dataclasses: each field is what its annotation allows, or is named with the rule and the value."""

from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from chalicelib.core.dataclass_json import read_fields
from chalicelib.core.errors import Defect, MalformedMessage


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Paint:
    name: str
    coats: int
    glossy: bool
    colour: Colour
    walls: tuple[int, ...] = ()
    thinner: str | None = None


GIVEN = {"name": "fine", "coats": 2, "glossy": True, "colour": "red"}


def test_what_fits_is_read_and_what_has_a_default_may_be_missing():
    assert read_fields(Paint, GIVEN) == Paint("fine", 2, True, Colour.RED)
    full = read_fields(Paint, {**GIVEN, "walls": [0, 3], "thinner": "oil"})
    assert full == Paint("fine", 2, True, Colour.RED, (0, 3), "oil")
    assert read_fields(Paint, {**GIVEN, "thinner": None}).thinner is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": None}, "name must be text, not nothing"),
        ({"coats": 2.0}, "coats must be a whole number from 0 to 9007199254740992, not 2.0"),
        ({"coats": True}, "coats must be a whole number from 0 to 9007199254740992, not true"),
        ({"coats": -1}, "coats must be a whole number from 0 to 9007199254740992, not -1"),
        ({"coats": 2**53 + 1}, "coats must be a whole number from 0 to 9007199254740992, not 9007199254740993"),
        ({"glossy": 1}, "glossy must be true or false, not 1"),
        ({"colour": "RED"}, "colour must be one of red, green, not 'RED'"),
        ({"colour": ["red"]}, "colour must be one of red, green, not a list"),
        ({"walls": "12"}, "walls must be a list, not '12'"),
        ({"walls": [1, "2"]}, "walls[1] must be a whole number from 0 to 9007199254740992, not '2'"),
        ({"thinner": 5}, "thinner must be text, not 5"),
        ({"color": "red"}, "'color' is no field of it; did you mean 'colour'?"),
        ({"": "red"}, "'' is no field of it"),
    ],
)
def test_what_does_not_fit_is_named_with_its_rule_and_its_value(given, says):
    with pytest.raises(MalformedMessage) as refusal:
        read_fields(Paint, {**GIVEN, **given})
    assert str(refusal.value) == says


def test_what_must_be_there_and_is_not_is_named():
    with pytest.raises(MalformedMessage, match=r"^coats is missing$"):
        read_fields(Paint, {"name": "fine"})


def test_an_annotation_without_a_rule_is_a_defect():
    @dataclass(frozen=True)
    class Odd:
        parts: dict[str, int] = field(default_factory=dict)

    with pytest.raises(Defect, match="no rule says what dict"):
        read_fields(Odd, {"parts": {}})
