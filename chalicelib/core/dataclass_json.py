"""A frozen dataclass out of a JSON object, each field held to its annotation.

Owns what an annotation allows: `str`, `bool`, `int` (a count: none of ours is negative), a StrEnum, `tuple[X, ...]` and
`X | None`. A field with a default may be missing. Which dataclasses there are is their modules'.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from chalicelib.core.errors import Defect, MalformedMessage
from chalicelib.core.suggest import Names, shown

COUNT_MAXIMUM = 2**53
"""The largest whole number that every reader of JSON takes for what it is."""

T = TypeVar("T")


def read_fields(cls: type[T], document: Mapping[str, Any]) -> T:
    """An instance of a dataclass; raises MalformedMessage naming the field, the rule and the value.

    Raises Defect for an annotation that has no rule here.
    """
    hints: dict[str, tuple[Any, bool]] = _hints(cls)  # type: ignore[arg-type]
    for name in document:
        if name not in hints:
            suggestion = Names(hints).suggestion(name)
            raise MalformedMessage(f"{shown(name)} is no field of it{f'; {suggestion}' if suggestion else ''}")
    values = {}
    for name, (hint, required) in hints.items():
        if name in document:
            values[name] = _read(hint, document[name], name)
        elif required:
            raise MalformedMessage(f"{name} is missing")
    return cls(**values)


@cache
def _hints(cls: Any) -> dict[str, tuple[Any, bool]]:
    """By field: its annotation, and whether it must be there."""
    hints = get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(cls)
    }


def _read(hint: Any, value: object, place: str) -> Any:
    """The value as the dataclass holds it."""
    if hint is str:
        fits, rule = isinstance(value, str), "text"
    elif hint is bool:
        fits, rule = isinstance(value, bool), "true or false"
    elif hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_MAXIMUM
        rule = f"a whole number from 0 to {COUNT_MAXIMUM}"
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        if isinstance(value, str) and value in [member.value for member in hint]:
            return hint(value)
        fits, rule = False, f"one of {', '.join(hint)}"
    elif get_origin(hint) is tuple:
        if isinstance(value, list):
            (item_hint, _) = get_args(hint)
            return tuple(_read(item_hint, item, f"{place}[{number}]") for number, item in enumerate(value))
        fits, rule = False, "a list"
    elif get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        (given_hint,) = (one for one in get_args(hint) if one is not NoneType)
        return None if value is None else _read(given_hint, value, place)
    else:
        raise Defect(f"{place}: no rule says what {hint} may be (chalicelib/core/dataclass_json.py)")
    if not fits:
        raise MalformedMessage(f"{place} must be {rule}, not {shown(value)}")
    return value
