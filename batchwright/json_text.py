"""JSON text as a tree of values with their places (`positions.py`)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from batchwright.positions import DIGITS_MAXIMUM, Document, TreeBuilder, Unreadable

_TOKEN = re.compile(r'[ \t\n\r]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"]+))')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TRAILING_COMMA = re.compile(r",\s*$")


def read_json(text: str) -> Document:
    """The tree of a JSON text. Raises Unreadable."""
    _check_syntax(text)
    builder = TreeBuilder()
    line, line_start = 1, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastindex or 1
        start = token.start(kind)
        breaks = text.count("\n", line_start, start)
        if breaks:
            line += breaks
            line_start = text.rfind("\n", line_start, start) + 1
        column = start - line_start + 1
        found = token[kind]
        if kind == 1:
            if found in "{[":
                builder.start({} if found == "{" else [], line, column)
            elif found in "}]":
                builder.end()
        elif kind == 2:
            string = _string(found, line, column)
            if builder.wants_key:
                builder.key(string, line, column)
            else:
                builder.scalar(string, line, column)
        else:
            builder.scalar(_constant(found, line, column), line, column)
    assert builder.root is not None
    return Document(builder.root, tuple(builder.spots))


def _string(found: str, line: int, column: int) -> str:
    if "\\" not in found:
        return found[1:-1]
    string: str = json.loads(found)
    if _LONE_SURROGATE.search(string):
        raise Unreadable(line, column, "half of a surrogate pair stands alone", "it is no character")
    return string


def _constant(found: str, line: int, column: int) -> Any:
    if len(found) > DIGITS_MAXIMUM:
        raise Unreadable(line, column, f"a number has {len(found)} digits", f"{DIGITS_MAXIMUM} are the most")
    try:
        value = json.loads(found, parse_constant=_refuse)
    except ValueError:
        raise Unreadable(line, column, f"'{found[:40]}' is no number that can be used") from None
    if value in (float("inf"), float("-inf")):
        raise Unreadable(line, column, f"'{found[:40]}' is too large for a number")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _check_syntax(text: str) -> None:
    """Let the standard library judge the text, so that the reading need not."""
    try:
        # Numbers are not made here: one of a million digits would take long.
        json.loads(text, parse_int=len, parse_float=len)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, error.colno, f"not valid JSON: {_words(error)}", _hint(error)) from None
    except RecursionError:
        raise Unreadable(1, 1, "values are nested too deep") from None


def _words(error: json.JSONDecodeError) -> str:
    return error.msg[:1].lower() + error.msg[1:]


def _hint(error: json.JSONDecodeError) -> str | None:
    before, after = error.doc[: error.pos], error.doc[error.pos : error.pos + 2]
    if after[:1] in ("}", "]") and _TRAILING_COMMA.search(before):
        return "take the comma before it away"
    if after[:1] == "#" or after in ("//", "/*"):
        return "JSON has no comments; YAML has"
    if after[:1] == "'":
        return "JSON takes double quotes only"
    return None
