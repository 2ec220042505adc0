"""JSON text as a tree of values with their places (`positions.py`)."""

from __future__ import annotations

import json
import re
from typing import Any

from batchwright.files.positions import Document, TreeBuilder, Unreadable
from chalicelib.core.strict_json import HALF_A_PAIR, LONE_SURROGATE, TOO_DEEP, NoJson, read_scalar

_TOKEN = re.compile(r'[ \t\n\r]*(?:([{}\[\],:])|("(?:[^"\\]|\\.)*")|([^\s{}\[\],:"]+))')
_TRAILING_COMMA = re.compile(r",[ \t\n\r]*[}\]]")


def read_json(text: str) -> Document:
    """The tree of a JSON text. Raises Unreadable."""
    _check_syntax(text)
    builder = TreeBuilder()
    line, line_start, looked_to = 1, 0, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastindex or 1
        start = token.start(kind)
        # No part of the text is searched for line ends twice: a file may be one line of many megabytes.
        breaks = text.count("\n", looked_to, start)
        if breaks:
            line += breaks
            line_start = text.rfind("\n", looked_to, start) + 1
        looked_to = start
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
    if LONE_SURROGATE.search(string):
        raise Unreadable(line, column, HALF_A_PAIR, "it is no character")
    return string


def _constant(found: str, line: int, column: int) -> Any:
    try:
        return read_scalar(found)
    except NoJson as error:
        raise Unreadable(line, column, str(error)) from None


def _check_syntax(text: str) -> None:
    """Let the standard library judge the text, so that the reading need not."""
    try:
        # Numbers are not made here: one of a million digits would take long.
        json.loads(text, parse_int=len, parse_float=len)
    except json.JSONDecodeError as error:
        raise _unreadable(error) from None
    except RecursionError:
        raise Unreadable(1, 1, TOO_DEEP) from None


def _unreadable(error: json.JSONDecodeError) -> Unreadable:
    text, position = error.doc, error.pos
    comma = _TRAILING_COMMA.match(text, text.rfind(",", 0, position + 1)) if "," in text[: position + 1] else None
    if comma and comma.end() > position:
        # Versions of Python disagree on where this is and what to call it.
        line = text.count("\n", 0, comma.start()) + 1
        column = comma.start() - text.rfind("\n", 0, comma.start())
        return Unreadable(line, column, "not valid JSON: a comma before a closing bracket", "take it away")
    words = error.msg[:1].lower() + error.msg[1:]
    return Unreadable(error.lineno, error.colno, f"not valid JSON: {words}", _hint(text[position : position + 2]))


def _hint(found: str) -> str | None:
    if found[:1] == "#" or found in ("//", "/*"):
        return "JSON has no comments; YAML has"
    if found[:1] == "'":
        return "JSON takes double quotes only"
    return None
