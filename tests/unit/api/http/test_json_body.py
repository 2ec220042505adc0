"""A body as data: what every reader of JSON takes for the same, and nothing else."""

from __future__ import annotations

import json
import time

import pytest

from chalicelib.api.http.json_body import (
    CONTAINERS_MAXIMUM,
    ESCAPED_BYTES_MAXIMUM,
    TooLarge,
    check_escaped_size,
    read_json_body,
)
from chalicelib.api.http.parse_request import read_value
from chalicelib.api.http.route_table import WORKFLOW_BYTES_MAXIMUM
from chalicelib.core.limits import DEPTH_MAXIMUM
from chalicelib.core.strict_json import NoJson

MIB = 1024 * 1024


def test_plain_json_comes_out_as_it_went_in() -> None:
    body = '{"a": [1, 2.5, -3e2, true, null], "ü": "\\u00e9\\ud83d\\ude00", "n": 12345678901234567890}'
    assert read_json_body(body.encode()) == {"a": [1, 2.5, -300.0, True, None], "ü": "é😀", "n": 12345678901234567890}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\xff{}", "its byte 0 is not"),
        (b'{"a": 1', r"line 1, column 8"),
        (b"[1,]", "not valid JSON"),
        (b"", "not valid JSON"),
        (b'{"a": NaN}', "the body: 'NaN' is no number that can be used"),
        (b"[Infinity]", "'Infinity' is no number"),
        (b"[-Infinity]", "'-Infinity' is no number"),
        (b"[1e999]", "'1e999' is too large for a number"),
        (b"[-1e999]", "is too large"),
        (b"[" + b"9" * 309 + b"]", "the body: a number has 309 digits; 308 are the most"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "the key 'b' stands twice"),
        (b'{"a": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\udc00": 1}', "half of a surrogate pair"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
    ],
)
def test_what_readers_of_json_disagree_on_is_refused_with_what_and_where(body: bytes, told: str) -> None:
    with pytest.raises(NoJson, match=told):
        read_json_body(body)


def test_values_may_be_nested_so_deep_and_no_deeper() -> None:
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = b"1" if opened != b"[" else b""
        read_json_body(opened * DEPTH_MAXIMUM + inner + closed * DEPTH_MAXIMUM)
        with pytest.raises(NoJson, match="nested more than 50 deep"):
            read_json_body(opened * (DEPTH_MAXIMUM + 1) + inner + closed * (DEPTH_MAXIMUM + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 4 * MIB,
        b'{"a":' * (MIB // 2),
        b"9" * 4 * MIB,
        b"[" + b"9" * 4 * MIB + b"]",
        b"[1." + b"9" * 4 * MIB + b"]",
        b"-" * 4 * MIB,
        b'"' + b"\\" * 4 * MIB,
        b'"' + b"\\ud800" * (MIB // 2) + b'"',
        b"{" + b'"a":1,' * (MIB // 2) + b'"a":1}',
        b"[" + b"[]," * MIB + b"[]]",
        b"[" + b"[]," * (CONTAINERS_MAXIMUM - 60) + b"[" * 55 + b"]" * 56,
    ],
)
def test_a_hostile_body_is_refused_within_a_second(body: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(NoJson):
        read_json_body(body)
    assert time.process_time() - begun < 3.0  # generous, for a machine that is busy


LAMBDA_BYTES_MAXIMUM = 6 * MIB
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@pytest.mark.parametrize("element", ['"a",', '"\\\\",', "1,\n", "1,\r\n", '"é",'])
def test_a_body_of_four_mib_that_lambda_would_not_be_given_is_refused(element: str) -> None:
    times = (WORKFLOW_BYTES_MAXIMUM - 10) // len(element.encode())
    body = f"[{element * times}1]".encode()
    assert len(body) <= WORKFLOW_BYTES_MAXIMUM
    within_json = len(json.dumps(body.decode(), ensure_ascii=False).encode())
    room = LAMBDA_BYTES_MAXIMUM - ESCAPED_BYTES_MAXIMUM
    if within_json > LAMBDA_BYTES_MAXIMUM - room:
        with pytest.raises(TooLarge, match=f"as text within JSON, not {within_json - 2:,}"):
            check_escaped_size(body)
        with pytest.raises(TooLarge, match="as text within JSON"):
            read_value(body, WORKFLOW_BYTES_MAXIMUM)
    else:
        check_escaped_size(body)
