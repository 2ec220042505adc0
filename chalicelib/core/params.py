"""Params: what a workflow declares, and whether given values fit it.

Owns the types of params and the completion of what was given. Where values come from (options, a file, the API) is
the caller's. Nothing here needs pydantic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names, shown, visible

CHOICES_SHOWN = 50
"""Of an enum, in a message."""


class ParamType(StrEnum):
    """The types of params."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


_CONTAINERS = {list, dict}
_ARTICLED = {
    ParamType.STRING: "a string",
    ParamType.INTEGER: "an integer",
    ParamType.NUMBER: "a number",
    ParamType.BOOLEAN: "true or false",
    ParamType.LIST: "a list",
    ParamType.OBJECT: "an object",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a workflow says of one param. A default or enum of None is none."""

    type: ParamType
    default: Any = None
    required: bool = False
    enum: tuple[Any, ...] | None = None

    def misfit(self, value: Any) -> str | None:
        """What is wrong with a value ("must be an integer, not 'x'"), or None."""
        if not fits(self.type, value):
            return f"must be {_ARTICLED[self.type]}, not {shown(value)}"
        if self.enum is not None and not any(same(value, one) for one in self.enum):
            choices = ", ".join(map(shown, self.enum[:CHOICES_SHOWN]))
            more = len(self.enum) - CHOICES_SHOWN
            return f"must be one of {choices}{f' ({more:,} more)' if more > 0 else ''}, not {shown(value)}"
        return None


def declarations(definition: Mapping[str, Any]) -> dict[str, Declaration]:
    """The declared params of a workflow's definition (valid, as it was pushed)."""
    return {
        name: Declaration(
            type=ParamType(declared["type"]),
            default=declared.get("default"),
            required=declared.get("required", False),
            enum=None if declared.get("enum") is None else tuple(declared["enum"]),
        )
        for name, declared in (definition.get("params") or {}).items()
    }


def complete_params(declared: Mapping[str, Declaration], given: Mapping[str, Any]) -> dict[str, Any]:
    """The params of a run: what was given, defaults for the rest, None for what has neither.

    Completing what is complete changes nothing. Raises one UserMistake with a line for each problem.
    """
    complete, problems = check_params(declared, given)
    if problems:
        raise UserMistake("\n".join(problems.values()))
    return complete


def check_params(
    declared: Mapping[str, Declaration], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """As `complete_params`, but the problems are returned: a line by param, as declared and then as given."""
    complete: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, declaration in declared.items():
        value = given.get(name)
        complete[name] = declaration.default if value is None else value
        if value is not None:
            misfit = declaration.misfit(value)
            if misfit:
                problems[name] = f"param '{visible(name)}' {misfit}"
        elif declaration.required:
            problems[name] = f"param '{visible(name)}' is required; give it {_ARTICLED[declaration.type]}"
    names = Names(declared)
    for name in given:
        if name not in declared:
            suggestion = names.suggestion(name) or _declared_names(declared)
            problems[name] = f"param '{visible(name)}' is not declared by the workflow; {suggestion}"
    return complete, problems


def fits(kind: ParamType, value: Any) -> bool:
    """Whether a value is of a type. true is no integer, 2.0 is no integer, and an integer is a number."""
    match kind:
        case ParamType.STRING:
            return isinstance(value, str)
        case ParamType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ParamType.NUMBER:
            finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
            return finite and not isinstance(value, bool)
        case ParamType.BOOLEAN:
            return isinstance(value, bool)
        case ParamType.LIST:
            return isinstance(value, list)
        case ParamType.OBJECT:
            return isinstance(value, dict)


def same(one: Any, other: Any) -> bool:
    """Equal, and true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def comparable(value: Any) -> Any:
    """Something to keep in a set in place of a value of JSON: equal for two values that are the same."""
    return isinstance(value, bool), _hashable(value)


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return list, tuple(value if {*map(type, value)}.isdisjoint(_CONTAINERS) else map(_hashable, value))
    if isinstance(value, dict):
        return dict, frozenset((name, _hashable(one)) for name, one in value.items())
    return value


def _declared_names(declared: Mapping[str, Declaration]) -> str:
    if not declared:
        return "the workflow declares no params"
    return f"declared: {', '.join(declared)}"
