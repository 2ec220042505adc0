"""YAML text as a tree of values with their places (`positions.py`).

Only what JSON knows too comes out: strings, numbers, booleans, null, lists, mappings with string keys. Plain scalars
are read as YAML 1.2 does (https://yaml.org/spec/1.2.2/#103-core-schema), so `yes`, `on`, `1:30` and dates stay
strings. Aliases and merge keys (`<<`) work; tags that would make anything else are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from batchwright.files.positions import Document, Node, TreeBuilder, Unreadable
from chalicelib.core.limits import DIGITS_MAXIMUM
from chalicelib.core.strict_json import too_many_digits

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STANDARD_TAG = "tag:yaml.org,2002:"

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# What the parser says, and what it mostly means.
_HINTS = (
    ("cannot start any token", "a tab cannot indent, and a text that begins with %, @ or ` needs quotes"),
    ("found a tab character", "a tab cannot indent"),
    ("mapping values are not allowed", "put a text that holds ': ' in quotes, and check the indentation"),
    ("could not find expected ':'", "a key needs a colon and a blank after it"),
    ("did not find expected key", "check the indentation, and that every quote and bracket is closed"),
    ("did not find expected '-' indicator", "check the indentation of the list"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("found undefined alias", "an anchor (&name) must stand before its alias (*name)"),
    ("did not find expected alphabetic", "put a text that begins with * or & in quotes"),
)
_FLOW_HINT = "between [ ] or { }, a text that holds ${...} needs quotes"


def read_yaml(text: str) -> Document:
    """The tree of a YAML text of one document. Raises Unreadable; also for a text without any value."""
    _check_characters(text)
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    root = reader.builder.root
    if root is None:
        raise Unreadable(1, 1, "the file holds nothing")
    return Document(root, tuple(reader.builder.spots))


class _Reader:
    """Hands what the parser finds to the builder: resolves scalars, aliases and merge keys."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        assert mark is not None
        line, column = mark.line + 1, mark.column + 1
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, line, column)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event, line, column)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.builder.end()
            case yaml.AliasEvent():
                self._alias(event, line, column)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise Unreadable(line, column, "a second document begins here", "one file holds one document")

    def _scalar(self, event: yaml.ScalarEvent, line: int, column: int) -> None:
        if self.builder.wants_key:
            _check_tag(event.tag, ("str",), line, column)
            if event.anchor:
                raise Unreadable(line, column, "a key cannot have an anchor")
            self.builder.key(event.value, line, column, merge=event.value == "<<" and not event.style)
            return
        node = self.builder.scalar(_resolved(event, line, column), line, column)
        self._remember(event.anchor, node)

    def _start(self, event: yaml.CollectionStartEvent, line: int, column: int) -> None:
        if self.builder.wants_key:
            raise Unreadable(line, column, "a key must be a text, not a list or a mapping")
        mapping = isinstance(event, yaml.MappingStartEvent)
        _check_tag(event.tag, ("map",) if mapping else ("seq",), line, column)
        self._remember(event.anchor, self.builder.start({} if mapping else [], line, column))

    def _alias(self, event: yaml.AliasEvent, line: int, column: int) -> None:
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            hint = "an anchor (&name) must stand before its alias (*name)"
            raise Unreadable(line, column, f"no anchor is called '{name}'", hint)
        if self.builder.wants_key:
            raise Unreadable(line, column, "a key must be a text, not an alias")
        self.builder.alias(node, name, line, column)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node


def _resolved(event: yaml.ScalarEvent, line: int, column: int) -> Any:
    """The value of a scalar by its tag, or by how it is written."""
    text: str = event.value
    tag = (event.tag or "").removeprefix(_STANDARD_TAG)
    if tag in ("str", "!") or (not tag and event.style):
        return text
    _check_tag(event.tag, ("null", "bool", "int", "float"), line, column)
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > DIGITS_MAXIMUM:
            raise Unreadable(line, column, too_many_digits(text))
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Unreadable(line, column, f"'{text[:40]}' is too large for a number")
        return value
    if _NO_NUMBER.fullmatch(text):
        raise Unreadable(line, column, f"'{text}' is no number that can be used", "put it in quotes if it is a text")
    return text


def _check_tag(tag: str | None, allowed: tuple[str, ...], line: int, column: int) -> None:
    if tag and tag != "!" and tag.removeprefix(_STANDARD_TAG) not in allowed:
        shown = tag.replace(_STANDARD_TAG, "!!")
        raise Unreadable(line, column, f"the tag '{shown}' cannot be used here", "only plain values are read")


def _check_characters(text: str) -> None:
    found = _NOT_IN_YAML.search(text, 1 if text.startswith("\ufeff") else 0)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        raise Unreadable(line, column, f"the character U+{ord(found.group()):04X} cannot stand in YAML")


def _unreadable(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = " ".join((error.problem or "it cannot be read").split())
    return Unreadable(line, column, f"not valid YAML: {problem}", _hint(problem, line, text))


def _hint(problem: str, line: int, text: str) -> str | None:
    if problem.startswith("did not find expected ',' or") or "flow" in problem:
        here = _lines_before(text, line)
        return _FLOW_HINT if any("${" in one for one in here) else "check that every bracket is closed"
    return next((hint for start, hint in _HINTS if start in problem), None)


def _lines_before(text: str, line: int) -> Iterator[str]:
    return iter(text.splitlines()[max(0, line - 2) : line])
