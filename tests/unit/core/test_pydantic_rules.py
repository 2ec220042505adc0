"""A file, a request and an answer that break the same rule are refused in the same words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.api import models as m
from chalicelib.api.read_model import as_model
from chalicelib.core.definition.error_words import mistakes_of
from chalicelib.core.errors import UserMistake
from chalicelib.core.pydantic_rules import broken_of, rule_of

FIELDS: tuple[tuple[type[Any], dict[str, Any]], ...] = (
    (m.NewToken, {"name": "n", "scope": "rad"}),
    (m.NewToken, {"name": "", "scope": "read"}),
    (m.NewToken, {"name": "x" * 5_000, "scope": "read"}),
    (m.StartRun, {"workflow": "w", "version": 0}),
    (m.StartRun, {"workflow": "w", "version": 10**10}),
    (m.Redrive, {"scope": "everythin"}),
)


@pytest.mark.parametrize(("model", "fields"), FIELDS)
def test_a_rule_has_one_sentence_wherever_it_is_broken(model: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(fields)
    with pytest.raises(UserMistake) as of_request:
        as_model(model, fields)
    [of_file] = mistakes_of(raised.value)
    assert str(of_request.value) == of_file.line()
    [error] = raised.value.errors()
    rule = rule_of(error["type"], error.get("ctx", {}), mapping="an object")
    assert rule is not None
    assert of_file.text.startswith(f"{error['loc'][0]} {rule}, not ")


def test_choices_are_named_as_people_write_them_with_the_nearest_one() -> None:
    with pytest.raises(UserMistake) as raised:
        as_model(m.NewToken, {"name": "n", "scope": "amdin"})
    assert str(raised.value) == "scope must be one of read, start, admin, not 'amdin'; did you mean 'admin'?"


def test_an_error_that_has_no_words_here_says_nothing_of_pydantics() -> None:
    broken = broken_of("url_scheme", {"expected_schemes": "x"}, "ftp://a", mapping="an object")
    assert broken == ("has a value that does not fit here: 'ftp://a'", None)
