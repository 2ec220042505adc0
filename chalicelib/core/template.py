"""Expressions in strings: `${params.x}`, `${run.id}`, `${task.name}`, `${task.attempt}`, `${stage.name}`,
`${stage.bucket}`, `${stage.queue}`, and nothing else.

In the params of a schedule there are `${schedule.time}` and `${schedule.date}` instead (`schedule/model.py`).

Owns the grammar and the rendering. Which params exist and which type fits where is `definition/check.py`'s; limits on
what comes out are `plan/job_request.py`'s.

`$${` is a literal `${`. A `$` before anything but `{` means nothing, so `$HOME` and `$(date)` pass untouched.
A string that is one whole expression stands for the value with its type. Inside a longer string, and wherever a text
is needed, a string is itself, a boolean is `true` or `false`, a number, list or object is its JSON, and a param
without a value is the empty string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names

PARAM_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
WHOLE_PARAM_PATTERN = rf"\$\{{params\.{PARAM_NAME}\}}"
"""A string that is one whole expression naming a param."""

_MARK = re.compile(r"\$\$\{|\$\{[^{}]*\}|\$\{")
_SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Grammar:
    """Which expressions there may be: the first group of `pattern` names a param, the second anything else."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    known: str


_OF_TASK = ("run.id", "task.name", "task.attempt", "stage.name", "stage.bucket", "stage.queue")
_OF_SCHEDULE = ("schedule.time", "schedule.date")


def _one_of(names: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, names))


TASK = Grammar(
    re.compile(rf"\$\{{(?:params\.({PARAM_NAME})|({_one_of(_OF_TASK)}))\}}"),
    _OF_TASK,
    "an expression is ${params.NAME}, ${run.id}, ${task.name}, ${task.attempt}, ${stage.name}, ${stage.bucket} or "
    "${stage.queue}",
)
SCHEDULE = Grammar(
    re.compile(rf"\$\{{(?:((?!))|({_one_of(_OF_SCHEDULE)}))\}}"),
    _OF_SCHEDULE,
    "an expression of a schedule is ${schedule.time} or ${schedule.date}",
)


class TemplateMistake(UserMistake):
    """Refuse: a string holds a `${` that begins no expression. `found` says which, `suggestion` what to write."""

    def __init__(self, found: str, suggestion: str) -> None:
        super().__init__(f"it holds {found}; {suggestion}")
        self.found = found
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression: `root` is `params`, `run`, `task` or `stage`, and `name` is the value of it that it names."""

    root: str
    name: str

    def __str__(self) -> str:
        return f"${{{self.root}.{self.name}}}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions may name. `params` are the run's, complete."""

    params: Mapping[str, Any]
    run_id: str
    task_name: str
    attempt: int

    def value(self, expression: Expression) -> Any:
        """The value of an expression, with its type. Raises UserMistake for a param that the run does not have."""
        match expression.root, expression.name:
            case "run", "id":
                return self.run_id
            case "task", "name":
                return self.task_name
            case "task", "attempt":
                return self.attempt
            case "stage", _:
                # A push has replaced it (plan/stage_values.py). Before one, nobody knows the value.
                return str(expression)
        if expression.name not in self.params:
            raise UserMistake(f"{expression} names a param that the workflow does not declare")
        return self.params[expression.name]


@lru_cache(maxsize=8192)
def parse(text: str, grammar: Grammar = TASK) -> tuple[str | Expression, ...]:
    """The string as literal pieces (with `$${` made `${`) and expressions, in order.

    Raises TemplateMistake for a `${` that begins no expression.
    """
    pieces: list[str | Expression] = []
    end = 0
    for mark in _MARK.finditer(text):
        literal = text[end : mark.start()]
        end = mark.end()
        if mark.group() == "$${":
            pieces.append(literal + "${")
            continue
        if literal:
            pieces.append(literal)
        pieces.append(_expression(mark.group(), grammar))
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def expressions(text: str) -> tuple[Expression, ...]:
    """The expressions of a string, in order, repeats included. Raises TemplateMistake as `parse` does."""
    if "${" not in text:
        return ()
    return tuple(piece for piece in parse(text) if isinstance(piece, Expression))


def whole_expression(text: str, grammar: Grammar = TASK) -> Expression | None:
    """The expression that the string is from end to end, if it is one."""
    pieces = parse(text, grammar) if "${" in text else ()
    if len(pieces) == 1 and isinstance(pieces[0], Expression):
        return pieces[0]
    return None


def render(value: Any, scope: Scope) -> Any:
    """A value with its expressions replaced. A whole expression gives the value it names, with its type; any other
    string gives a string; what is no string comes back as it is. Raises UserMistake (see `parse`, `Scope.value`)."""
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = whole_expression(value)
    return scope.value(whole) if whole else render_text(value, scope)


def render_text(text: str, scope: Scope) -> str:
    """A string with its expressions replaced by text, whatever they stand for."""
    if "${" not in text:
        return text
    return "".join(piece if isinstance(piece, str) else as_text(scope.value(piece)) for piece in parse(text))


def as_text(value: Any) -> str:
    """A value as it reads inside a string: see the top of this module."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def escape(text: str) -> str:
    """A string that renders to `text`, whatever it holds."""
    return text.replace("${", "$${")


def _expression(mark: str, grammar: Grammar) -> Expression:
    found = grammar.pattern.fullmatch(mark)
    if not found:
        raise _no_expression(mark, grammar)
    param, other = found.groups()
    if param:
        return Expression("params", param)
    root, name = other.split(".")
    return Expression(root, name)


def _no_expression(mark: str, grammar: Grammar) -> TemplateMistake:
    if len(mark) > _SHOWN_CHARACTERS:
        return TemplateMistake(f"'{mark[:_SHOWN_CHARACTERS]}...', which is no expression", grammar.known)
    if not mark.endswith("}"):
        return TemplateMistake("a '${' that no '}' closes", "write '$${' for a literal '${'")
    tight = "".join(mark.split())
    if tight != mark and grammar.pattern.fullmatch(tight):
        return TemplateMistake(f"'{mark}', which is no expression", f"write '{tight}', without blanks")
    inner = mark[2:-1]
    if re.fullmatch(rf"params\.{PARAM_NAME}[.\[].*", inner):
        return TemplateMistake(
            f"'{mark}', which is no expression", "an expression names a whole param, not a part of one"
        )
    if inner.startswith(("params.", "run.", "task.", "stage.", "schedule.")) or not inner:
        suggestion = Names(grammar.names).suggestion(inner)
        return TemplateMistake(f"'{mark}', which is no expression", suggestion or grammar.known)
    return TemplateMistake(
        f"'{mark}', which is no expression", f"{grammar.known}; for the container's shell write '$${mark[1:]}'"
    )
