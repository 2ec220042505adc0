"""EventBridge's event patterns, as far as rules on Batch events use them.

Owns: whether a document matches. Knows exact values, null, prefix, suffix, equals-ignore-case, anything-but,
exists, numeric, and `$or`. A pattern with anything else is refused when it is read, rather than never matching.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

KNOWN_OPERATORS = ("prefix", "suffix", "equals-ignore-case", "anything-but", "exists", "numeric")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING = object()


class PatternError(Exception):
    """The pattern is not one that this matcher knows; the message names the place in it."""


def check_pattern(pattern: Any, place: str = "pattern") -> None:
    """Raises PatternError on anything that `matches` would not understand."""
    if not isinstance(pattern, Mapping) or not pattern:
        raise PatternError(f"{place} must be an object with at least one key, not {pattern!r}")
    for key, wanted in pattern.items():
        here = f"{place}.{key}"
        if key == "$or":
            _check_or(wanted, here)
        elif isinstance(wanted, Mapping):
            check_pattern(wanted, here)
        elif isinstance(wanted, Sequence) and not isinstance(wanted, str):
            for choice in wanted:
                _check_choice(choice, here)
        else:
            raise PatternError(f"{here} must be a list of values or an object, not {wanted!r}")


def matches(pattern: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """True when every key of the pattern is satisfied by the document."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(choice, document) for choice in wanted):
                return False
        elif isinstance(wanted, Mapping):
            inner = document.get(key)
            if not _matches_inside(wanted, inner):
                return False
        elif not _matches_any(wanted, document.get(key, _MISSING)):
            return False
    return True


def _matches_inside(wanted: Mapping[str, Any], inner: Any) -> bool:
    if isinstance(inner, list | tuple):
        return any(_matches_inside(wanted, item) for item in inner)
    return matches(wanted, inner if isinstance(inner, Mapping) else {})


def _matches_any(choices: Sequence[Any], value: Any) -> bool:
    # A list in the event matches when any of its items does.
    values = value if isinstance(value, list | tuple) else (value,)
    if not values:
        values = (_MISSING,)
    return any(_matches_one(choice, item) for choice in choices for item in values)


def _matches_one(choice: Any, value: Any) -> bool:
    if isinstance(choice, Mapping):
        ((name, operand),) = choice.items()
        return _apply(name, operand, value)
    return value is not _MISSING and type(choice) is type(value) and bool(choice == value)


def _apply(name: str, operand: Any, value: Any) -> bool:
    if name == "exists":
        return (value is not _MISSING) is bool(operand)
    if value is _MISSING:
        return False
    if name == "anything-but":
        return _is_anything_but(operand, value)
    if name == "numeric":
        return _is_in_range(operand, value)
    if not isinstance(value, str):
        return False
    if name == "prefix":
        return value.startswith(operand)
    if name == "suffix":
        return value.endswith(operand)
    return value.lower() == str(operand).lower()


def _is_anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return not _matches_one(operand, value)
    unwanted = operand if isinstance(operand, list) else [operand]
    return value not in unwanted


def _is_in_range(operand: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARE[sign](value, bound) for sign, bound in pairs)


def _check_or(wanted: Any, here: str) -> None:
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or len(wanted) < 2:
        raise PatternError(f"{here} must be a list of two patterns or more, not {wanted!r}")
    for number, choice in enumerate(wanted):
        check_pattern(choice, f"{here}[{number}]")


def _check_choice(choice: Any, here: str) -> None:
    if not isinstance(choice, Mapping):
        return
    if len(choice) != 1 or next(iter(choice)) not in KNOWN_OPERATORS:
        raise PatternError(f"{here}: {dict(choice)!r} is not one of the operators {', '.join(KNOWN_OPERATORS)}")
    name, operand = next(iter(choice.items()))
    if name == "numeric" and (
        not isinstance(operand, list) or len(operand) % 2 or any(sign not in _COMPARE for sign in operand[::2])
    ):
        raise PatternError(f"{here}: numeric takes pairs of a sign and a number, not {operand!r}")
    if name in ("prefix", "suffix", "equals-ignore-case") and not isinstance(operand, str):
        raise PatternError(f"{here}: {name} takes a string, not {operand!r}")
