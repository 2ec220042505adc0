"""Whether what a workflow's tasks would submit breaks Batch's limits on a whole submission, judged by what is literal
in it: a run can only make it longer.

Works on plain data, as `check.py` does. A task may inherit thirty thousand characters from the defaults, and there may
be a hundred thousand tasks; so the lengths are added up, those of defaults once, and no submission is written out. The
limits and their words are `plan/job_request.py`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core import ids, limits, rules
from chalicelib.core.mistakes import Mistake, Path, broken_at
from chalicelib.core.plan.job_request import size_mistakes
from chalicelib.core.template import TemplateMistake, parse

_JOINED = ("environment", "parameters", "tags")
_SHORTEST_ATTEMPT = ids.Attempt("", 0, 0, 1)
_WEIGHT_OF_AN_ITEM = 120
_WEIGHT_OF_A_CHARACTER = 12
"""The longest escape of a character in JSON."""
_AS_IT_IS = re.compile(r"[ !#-\[\]-~]*")
"""What JSON only puts in quotes."""


@dataclass(frozen=True, slots=True)
class Length:
    """The characters of a part of a submission: as the overrides are counted, and as the payload is."""

    overrides: int
    payload: int

    def __add__(self, other: Length) -> Length:
        return Length(self.overrides + other.overrides, self.payload + other.payload)

    def __sub__(self, other: Length) -> Length:
        return Length(self.overrides - other.overrides, self.payload - other.payload)


_NOTHING = Length(0, 0)
# What JSON puts around and between: the overrides are written without blanks, the payload with them.
_BRACKETS = Length(2, 2)
_COMMA = Length(1, 2)
_COLON = Length(1, 2)
_NO_MORE: Mapping[str, Length] = {}


class Sizes:
    """The submissions of tasks with the same defaults."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._lengths = {field: _lengths(field, defaults.get(field)) for field in _JOINED}
        self._sums = {field: _sum(lengths.values()) for field, lengths in self._lengths.items()}
        self._command = _command_length(defaults.get("command"))
        self._queue = _text_length(defaults.get("queue"))
        self._job_definition = _text_length(defaults.get("job_definition"))
        characters = {field: _characters(defaults.get(field)) for field in _JOINED}
        self.of_defaults = [
            Mistake(
                ("defaults", field),
                f"{field} must come to {limits.SUBMIT_PAYLOAD_BYTES:,} characters or less, not {length:,}",
                "put what is long into S3 and pass its address",
            )
            for field, length in characters.items()
            if length > limits.SUBMIT_PAYLOAD_BYTES
        ]
        """What no task could be submitted with; the tasks are not told of it one by one."""
        # A task's name is none of its settings; the longest is taken. One tag weighs as an item at least.
        whole = self._length("n" * limits.JOB_NAME_LENGTH, {})
        self.room = min(
            limits.CONTAINER_OVERRIDES_CHARACTERS - whole.overrides,
            limits.SUBMIT_PAYLOAD_BYTES - whole.payload,
            (limits.TAGS_MAXIMUM - len(self._lengths["tags"])) * _WEIGHT_OF_AN_ITEM,
        )
        """The weight that a task's texts may have without a closer look at its size; see `weight`."""

    def mistakes(self, path: Path, name: str, task: Mapping[str, Any]) -> Iterator[Mistake]:
        """The limits that the task's submission breaks."""
        if self.of_defaults or _weight(task) < self.room:
            return
        length = self._length(name, task)
        for broken in size_mistakes(length.overrides, length.payload):
            yield Mistake(path, broken.text, broken.suggestion, at_key=True)
        own = _mapping(task.get("tags"))
        tags = [name for name in {**self._lengths["tags"], **own} if name not in own or own[name] is not None]
        broken_tags = rules.tags_rule(tags)
        if broken_tags:
            yield broken_at((*path, "tags"), broken_tags)

    def _length(self, name: str, task: Mapping[str, Any]) -> Length:
        """Of the container overrides, and of the whole submission: `JobRequest.container_overrides` and `document`."""
        inner: list[Length] = []
        command = _command_length(task["command"]) if "command" in task else self._command
        if command is not None:
            inner.append(_member("command", command))
        if environment := self._joined("environment", task):
            inner.append(_member("environment", environment))
        overrides = _enclosed(_sum(inner), len(inner))
        members = [
            _member("jobName", _string_length(ids.job_name(_SHORTEST_ATTEMPT, name))),
            _member("jobQueue", _text_length(task["queue"]) if "queue" in task else self._queue),
            _member(
                "jobDefinition",
                _text_length(task["job_definition"]) if "job_definition" in task else self._job_definition,
            ),
            _member("parameters", self._joined("parameters", task, _IDENTITY) or _NOTHING),
        ]
        if inner:
            members.append(_member("containerOverrides", overrides))
        if tags := self._joined("tags", task):
            members.append(_member("tags", tags))
        return Length(overrides.overrides, _enclosed(_sum(members), len(members)).payload)

    def _joined(self, field: str, task: Mapping[str, Any], more: Mapping[str, Length] = _NO_MORE) -> Length | None:
        """Of the defaults' entries with those of the task in their place or behind them; None when there are none."""
        shared = self._lengths[field]
        total, count = self._sums[field], len(shared)
        own = _mapping(task.get(field))
        for name in shared.keys() & {name for name, value in own.items() if value is None}:
            total, count = total - shared[name], count - 1
        given = {name: value for name, value in own.items() if value is not None}
        for name, length in {**_lengths(field, given), **more}.items():
            if name in shared:
                total -= shared[name]
            else:
                count += 1
            total += length
        return _enclosed(total, count) if count else None


def _weight(task: Mapping[str, Any]) -> int:
    """More characters than the task's texts can take in a submission."""
    total = 0
    for field, value in task.items():
        if field == "depends_on":
            continue
        if isinstance(value, dict):
            texts = [*value, *value.values()]
        else:
            texts = value if isinstance(value, list) else [value]
        for text in texts:
            if isinstance(text, str):
                total += weight(text)
    return total


def weight(text: str) -> int:
    """More characters than a text, or a name with its value, can take in a submission."""
    return _WEIGHT_OF_AN_ITEM + _WEIGHT_OF_A_CHARACTER * len(text)


def _lengths(field: str, entries: Any) -> dict[str, Length]:
    """By name: an entry of environment is an object of name and value, the others are members of one."""
    if field == "environment":
        return {
            name: _enclosed(_member("name", _string_length(name)) + _member("value", _text_length(value)), 2)
            for name, value in _mapping(entries).items()
        }
    return {name: _string_length(name) + _COLON + _text_length(value) for name, value in _mapping(entries).items()}


def _command_length(command: Any) -> Length | None:
    if not isinstance(command, list):
        return None
    return _enclosed(_sum(map(_text_length, command)), len(command))


def _enclosed(content: Length, count: int) -> Length:
    """A list or an object of `count` items that come to `content`."""
    between = max(0, count - 1)
    return content + _BRACKETS + Length(_COMMA.overrides * between, _COMMA.payload * between)


def _member(name: str, value: Length) -> Length:
    return Length(len(name) + 2, len(name) + 2) + _COLON + value


def _sum(lengths: Iterable[Length]) -> Length:
    overrides = payload = 0
    for one in lengths:
        overrides += one.overrides
        payload += one.payload
    return Length(overrides, payload)


def _text_length(text: Any) -> Length:
    return _string_length(_literal(text))


def _string_length(text: str) -> Length:
    if _AS_IT_IS.fullmatch(text):
        return Length(len(text) + 2, len(text) + 2)
    return Length(len(json.dumps(text, ensure_ascii=False)), len(json.dumps(text)))


def _characters(entries: Any) -> int:
    return sum(len(name) + len(_literal(text)) for name, text in _mapping(entries).items())


def _literal(text: Any) -> str:
    """What a string surely holds once rendered."""
    if not isinstance(text, str):
        return ""
    if "${" not in text:
        return text
    try:
        return "".join(piece for piece in parse(text) if isinstance(piece, str))
    except TemplateMistake:
        return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_IDENTITY = _lengths("parameters", ids.identity_parameters(_SHORTEST_ATTEMPT))
