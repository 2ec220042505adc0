from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import UserMistake
from chalicelib.core.template import (
    Expression,
    Scope,
    TemplateMistake,
    escape,
    expressions,
    parse,
    render,
    render_text,
    whole_expression,
)

SCOPE = Scope(
    params={"text": "a b", "count": 3, "ratio": 0.5, "yes": True, "items": [1, "é"], "map": {"k": None}, "none": None},
    run_id="movies-abc",
    task_name="train",
    attempt=2,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${params.text}", "a b"),
        ("${params.count}", 3),
        ("${params.ratio}", 0.5),
        ("${params.yes}", True),
        ("${params.items}", [1, "é"]),
        ("${params.map}", {"k": None}),
        ("${params.none}", None),
        ("${run.id}", "movies-abc"),
        ("${task.name}", "train"),
        ("${task.attempt}", 2),
    ],
)
def test_a_whole_expression_gives_the_value_with_its_type(text: str, value: Any) -> None:
    assert render(text, SCOPE) == value
    assert type(render(text, SCOPE)) is type(value)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("--text=${params.text}", "--text=a b"),
        ("${params.count}${params.count}", "33"),
        ("x${params.ratio}", "x0.5"),
        ("x${params.yes}", "xtrue"),
        ("x${params.items}", 'x[1, "é"]'),
        ("x${params.map}", 'x{"k": null}'),
        ("x${params.none}", "x"),
        ("${run.id}/${task.name}/${task.attempt}", "movies-abc/train/2"),
    ],
)
def test_inside_a_longer_string_values_become_text(text: str, rendered: str) -> None:
    assert render(text, SCOPE) == rendered


def test_where_a_text_is_needed_a_whole_expression_becomes_text_too() -> None:
    assert render_text("${params.count}", SCOPE) == "3"
    assert render_text("${params.items}", SCOPE) == '[1, "é"]'


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("$${HOME}", "${HOME}"),
        ("a$${params.text}b", "a${params.text}b"),
        ("$HOME $(date) $$ $", "$HOME $(date) $$ $"),
        ("$$${params.text}", "$${params.text}"),
        ("no expression }", "no expression }"),
        ("$${a}${params.count}$${b}", "${a}3${b}"),
    ],
)
def test_two_dollars_and_a_brace_are_a_literal_and_other_dollars_mean_nothing(text: str, rendered: str) -> None:
    assert render(text, SCOPE) == rendered


@pytest.mark.parametrize("value", [5, 0.5, None, True, ["${params.text}"]])
def test_what_is_no_string_comes_back_as_it_is(value: Any) -> None:
    assert render(value, SCOPE) is value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "${HOME}",
            "it holds '${HOME}', which is no expression; an expression is ${params.NAME}, ${run.id}, ${task.name}, "
            "${task.attempt}, ${stage.name}, ${stage.bucket} or ${stage.queue}; for the container's shell "
            "write '$${HOME}'",
        ),
        ("a ${", "it holds a '${' that no '}' closes; write '$${' for a literal '${'"),
        ("${params.x", "it holds a '${' that no '}' closes; write '$${' for a literal '${'"),
        (
            "${ params.x }",
            "it holds '${ params.x }', which is no expression; write '${params.x}', without blanks",
        ),
        (
            "${params.x.y}",
            "it holds '${params.x.y}', which is no expression; an expression names a whole param, not a part of one",
        ),
        (
            "${run.name}",
            "it holds '${run.name}', which is no expression; an expression is ${params.NAME}, ${run.id}, "
            "${task.name}, ${task.attempt}, ${stage.name}, ${stage.bucket} or ${stage.queue}",
        ),
        ("${stage.quue}", "it holds '${stage.quue}', which is no expression; did you mean 'stage.queue'?"),
        (
            "${}",
            "it holds '${}', which is no expression; an expression is ${params.NAME}, ${run.id}, "
            "${task.name}, ${task.attempt}, ${stage.name}, ${stage.bucket} or ${stage.queue}",
        ),
    ],
)
def test_anything_else_in_braces_is_refused_with_a_suggestion(text: str, message: str) -> None:
    with pytest.raises(TemplateMistake) as raised:
        parse(text)
    assert str(raised.value) == message


def test_a_param_that_is_not_there_is_a_users_mistake() -> None:
    with pytest.raises(UserMistake, match=r"\$\{params\.other\} names a param that the workflow does not declare"):
        render("${params.other}", SCOPE)


def test_expressions_are_listed_in_order_with_repeats() -> None:
    found = expressions("${params.b} ${run.id} $${params.no} ${params.b}")
    assert [str(one) for one in found] == ["${params.b}", "${run.id}", "${params.b}"]


def test_only_a_string_that_is_one_expression_is_whole() -> None:
    assert whole_expression("${params.a-b}") == Expression("params", "a-b")
    assert whole_expression("${params.a} ") is None
    assert whole_expression("$${params.a}") is None
    assert whole_expression("a") is None


@given(st.text(alphabet=st.sampled_from("$${}ab. ")) | st.text())
def test_an_escaped_text_renders_to_itself(text: str) -> None:
    assert render(escape(text), SCOPE) == text


@given(st.lists(st.text(alphabet=st.sampled_from("${}a "))), st.sampled_from(["text", "count", "items"]))
def test_expressions_between_escaped_texts_are_all_rendered(texts: list[str], name: str) -> None:
    # A literal that ends in a dollar would make the expression after it a literal.
    literals = [text.rstrip("$") for text in texts]
    value = SCOPE.params[name]
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    template = f"${{params.{name}}}".join(escape(text) for text in literals)
    assert render_text(template, SCOPE) == shown.join(literals)


@given(st.text(alphabet=st.sampled_from("${}params.xrunidtask ")))
def test_any_text_is_rendered_or_refused_with_words(text: str) -> None:
    try:
        render(text, Scope({"x": 1}, "r", "t", 1))
    except UserMistake as mistake:
        assert str(mistake)
