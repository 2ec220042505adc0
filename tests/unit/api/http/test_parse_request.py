"""What a request asks for: every mistake is told by place, rule and value."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.api.http.etags import ExpectedETag, KnownETags
from chalicelib.api.http.json_body import TooLarge
from chalicelib.api.http.parameters import Choice, Count, Cursor, Flag, Form, Parameter, Several, Text
from chalicelib.api.http.parse_request import read_body, read_headers, read_path, read_query
from chalicelib.api.http.route_table import IDEMPOTENCY_KEY, ROUTES, Route
from chalicelib.core.errors import UnknownWorkflow, UserMistake
from chalicelib.core.strict_json import NoJson

LIMIT = 10_000
EXAMPLES: dict[type[Any], tuple[Any, ...]] = {
    Count: (1, 7),
    Flag: (True, False),
    Cursor: ("a page", "ü&x=1"),
    ExpectedETag: ("abc", "*"),
    KnownETags: (("abc", "def"), ("*",), ()),
}
"""Values of the forms that take the same ones wherever they stand."""
NAMES = {"token_id": "0" * 16, "job_id": "abcdef01-2:7", "revisions": "films:3"}


def examples(parameter: Parameter, form: Form) -> tuple[Any, ...]:
    match form:
        case Choice():
            return tuple(form.members)
        case Text():
            return (form.makes(NAMES.get(parameter.key, "films-1")),)
        case Several():
            inner = examples(parameter, form.item)
            return ((), inner, inner * 2)
    return EXAMPLES[type(form)]


def route(operation: str) -> Route:
    (found,) = (route for route in ROUTES if route.operation == operation)
    return found


def test_a_query_gives_what_was_given_and_the_defaults() -> None:
    values = read_query(route("list_runs").query, {"state": ["failed"], "since_ms": ["0"]})
    assert values == {
        "workflow": None,
        "state": "failed",
        "since_ms": 0,
        "until_ms": None,
        "limit": 20,
        "page": None,
    }


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"limit": ["0"]}, "limit must be a whole number from 1 to 1,000, not '0'"),
        ({"limit": ["1001"]}, "limit must be a whole number from 1 to 1,000, not '1001'"),
        ({"limit": ["²"]}, "limit must be a whole number from 1 to 1,000, not '²'"),
        ({"limit": ["-1"]}, "limit must be a whole number from 1 to 1,000, not '-1'"),
        ({"limit": [""]}, "limit must be a whole number from 1 to 1,000, not ''"),
        ({"limit": ["9" * 5_000]}, "limit must be a whole number"),
        ({"limit": ["1", "2"]}, "the query gives limit 2 times; once is enough"),
        ({"state": ["faild"]}, "state must be one of .*, not 'faild'; did you mean 'failed'?"),
        ({"workflow": ["a b"]}, r"workflow must be a name \(1 to 128 letters, .*\), not 'a b'"),
        ({"workflow": ["films\n"]}, "workflow must be a name"),
        ({"lmit": ["1"]}, "the query has no parameter 'lmit' here; did you mean 'limit'?"),
        ({"x": ["1"]}, "the query has no parameter 'x' here; it has workflow, state, since_ms"),
    ],
)
def test_a_mistake_in_a_query_is_told_with_its_rule_and_value(query: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UserMistake, match=f"^{told}"):
        read_query(route("list_runs").query, query)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"queue": ["etl,def*"]}, r"queue must be the name of a queue \(1 to 128 letters, .*\), not 'def\*'$"),
        (
            {"name": ["ab?"]},
            r"name must be what a name begins with, or a pattern \(.*'\*' for any of them\), not 'ab\?'$",
        ),
        (
            {"state": ["FAILED,RUNING"]},
            r"state must be one of SUBMITTED, .*, UNKNOWN, not 'RUNING'; did you mean 'RUNNING'",
        ),
        ({"state": ["faild"]}, "state must be one of SUBMITTED, .*, not 'faild'; did you mean 'FAILED'"),
        ({"name": [",".join("a" * 21)]}, "name may be given 20 times, not 21$"),
    ],
)
def test_the_rule_of_a_text_is_told_as_a_sentence_of_the_one_that_breaks_it(query: Any, told: str) -> None:
    with pytest.raises(UserMistake, match=f"^{told}"):
        read_query(route("list_jobs").query, query)


def test_no_parameter_tells_its_pattern_to_people() -> None:
    of_paths = [parameter for route in ROUTES for parameter in route.path_parameters]
    of_queries = [parameter for route in ROUTES for parameter in route.query]
    forms = {one.name: one.form.item if isinstance(one.form, Several) else one.form for one in (*of_paths, *of_queries)}
    texts = {name: form for name, form in forms.items() if isinstance(form, Text)}
    assert {name for name, form in texts.items() if not form.rule or form.pattern in form.rule} == set()
    assert texts


def test_a_piece_of_a_path_that_can_be_nothings_name_is_told_of() -> None:
    parameters = route("get_version").path_parameters
    assert read_path(parameters, {"name": "films", "version": "12"}) == {"name": "films", "version": 12}
    with pytest.raises(UnknownWorkflow) as raised:
        read_path(parameters, {"name": "films", "version": "0"})
    assert str(raised.value) == "version must be a whole number from 1 to 1,000,000,000, not '0'"
    with pytest.raises(UnknownWorkflow, match=r"^name must be a name \(1 to 128"):
        read_path(parameters, {"name": "../films", "version": "1"})


def test_what_is_written_is_read_as_it_was() -> None:
    for one in ROUTES:
        for parameter in (*one.query, *one.headers, *one.path_parameters):
            for value in examples(parameter, parameter.form):
                text = parameter.write(value)
                assert (parameter.form.default if text is None else parameter.read(text)) == value, parameter


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 257, "a\n"])
def test_an_idempotency_key_is_visible_text_of_bounded_length(key: str) -> None:
    with pytest.raises(UserMistake, match="Idempotency-Key must have 1 to 256 visible ASCII"):
        read_headers([IDEMPOTENCY_KEY], {"Idempotency-Key": key})


def test_an_idempotency_key_must_be_given() -> None:
    with pytest.raises(UserMistake, match="the header Idempotency-Key is missing"):
        read_headers([IDEMPOTENCY_KEY], {})
    assert read_headers([IDEMPOTENCY_KEY], {"Idempotency-Key": "x" * 256}) == {"idempotency_key": "x" * 256}


@pytest.mark.parametrize(
    ("model", "body", "told"),
    [
        (m.StartRun, b'{"params": {}}', "workflow is missing"),
        (m.StartRun, b'{"workflow": 1}', "workflow must be a string, not 1"),
        (m.StartRun, b'{"workflow": "a", "version": 0}', "version must be 1 or more, not 0"),
        (m.StartRun, b'{"workflow": "a", "version": 1.5}', "version must be a whole number, not 1.5"),
        (m.StartRun, b'{"workflow": "a", "version": true}', "version must be a whole number, not true"),
        (m.StartRun, b'{"workflow": "a", "version": 1e30}', "version must be 1,000,000,000 or less"),
        (m.StartRun, b'{"workflow": "a", "version": 9999999999}', "version must be 1,000,000,000 or less"),
        (m.StartRun, b'{"workflow": "a", "params": []}', "params must be an object, not an empty list"),
        (m.StartRun, b'{"workflow": "a", "parms": {}}', "the body has no field 'parms'; did you mean 'params'?"),
        (
            m.StartRun,
            b'{"workflow": "a", "notify_queue": "foo"}',
            "notify_queue must be the name of an SQS queue that begins with 'batchwright-notices-', not 'foo'",
        ),
        (m.Redrive, b'{"scope": "al"}', "scope must be one of .*, not 'al'"),
        (m.Redrive, b'{"tasks": ["a", 1]}', r"tasks\[1\] must be a string, not 1"),
        (m.NewToken, b'{"name": "", "scope": "read"}', "name must be 1 or more characters, not ''"),
        (
            m.Cancel,
            b'{"reason": "\\u001b[2J"}',
            "reason must be text without control characters other than tabs and line ends, not '.x1b.2J'",
        ),
        (m.Cancel, b'{"reason": "' + b"x" * 1_001 + b'"}', "reason must be 1,000 or fewer characters"),
        (m.Cancel, b"[]", "the body must be an object, not an empty list"),
    ],
)
def test_a_mistake_in_a_body_is_told_in_our_words(model: Any, body: bytes, told: str) -> None:
    with pytest.raises(UserMistake, match=f"^{told}"):
        read_body(model, body, LIMIT)


def test_all_mistakes_of_a_body_are_told() -> None:
    with pytest.raises(UserMistake, match=r"^workflow is missing\nversion must be"):
        read_body(m.StartRun, b'{"version": 0}', LIMIT)


def test_an_empty_body_asks_for_nothing_special() -> None:
    assert read_body(m.Cancel, b"", LIMIT) == m.Cancel()


def test_a_body_above_the_limit_is_not_read() -> None:
    with pytest.raises(TooLarge, match="may have 10,000 bytes here, not 10,001"):
        read_body(m.Cancel, b"\xff" * (LIMIT + 1), LIMIT)
    with pytest.raises(NoJson):
        read_body(m.Cancel, b"\xff" * LIMIT, LIMIT)
