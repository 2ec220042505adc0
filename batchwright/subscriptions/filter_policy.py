"""Which notices a subscription's filter policy lets through, as SNS judges the attributes that ours have.

Owns the judgement alone. All attributes of a notice are strings, or lists of strings of which one suffices, so of SNS's
operators those for strings are understood: https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html.
Of any other nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_RESERVED = frozenset(
    {"anything-but", "prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "exists", "cidr"}
)


Attributes = Mapping[str, str | tuple[str, ...]]


def lets_through(policy: Mapping[str, Any], attributes: Attributes) -> bool | None:
    """Whether a policy over message attributes does; None when it says what is not understood here. An empty one lets
    everything through. `attributes` are not empty."""
    return _all(_key(name, rules, attributes) for name, rules in policy.items())


def _key(name: str, rules: Any, attributes: Attributes) -> bool | None:
    if name == "$or" and _is_or(rules):
        return _any(lets_through(one, attributes) for one in rules)
    if not isinstance(rules, list):
        return None
    found = attributes.get(name)
    values: tuple[str | None, ...] = found if isinstance(found, tuple) else (found,)
    return _any(_rule(rule, value) for rule in rules for value in values)


def _is_or(rules: Any) -> bool:
    """With fewer or other members SNS takes `$or` for the name of an attribute."""
    return (
        isinstance(rules, list)
        and len(rules) > 1
        and all(isinstance(one, dict) and not _RESERVED & one.keys() for one in rules)
    )


def _rule(rule: Any, value: str | None) -> bool | None:
    """Of one value of an attribute, which is None when a notice has none."""
    if isinstance(rule, dict):
        if len(rule) != 1:
            return None
        [(operator, operand)] = rule.items()
        if operator == "exists" and isinstance(operand, bool):
            return operand is (value is not None)
    if value is None:
        return False
    if isinstance(rule, str):
        return value == rule
    if not isinstance(rule, dict):
        # A number is none of our values; what `true` or `null` mean to a string is not told.
        return False if isinstance(rule, (int, float)) and not isinstance(rule, bool) else None
    if operator == "anything-but":
        return _none_of(operand, value)
    if operator == "numeric":
        return False
    return _compared(operator, operand, value)


def _none_of(operand: Any, value: str) -> bool | None:
    if isinstance(operand, dict):
        if len(operand) != 1:
            return None
        [(operator, excluded)] = operand.items()
        found = [_compared(operator, one, value) for one in (excluded if isinstance(excluded, list) else [excluded])]
    else:
        found = [_rule(one, value) for one in (operand if isinstance(operand, list) else [operand])]
    excluded_it = _any(found)
    return None if excluded_it is None else not excluded_it


def _compared(operator: str, operand: Any, value: str) -> bool | None:
    compare = _COMPARISONS.get(operator)
    return None if compare is None or not isinstance(operand, str) else compare(value, operand)


def _wildcard(value: str, pattern: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda value, wanted: value.lower() == wanted.lower(),
    "wildcard": _wildcard,
}


def _all(found: Iterable[bool | None]) -> bool | None:
    results = list(found)
    return False if False in results else None if None in results else True


def _any(found: Iterable[bool | None]) -> bool | None:
    results = list(found)
    return True if True in results else None if None in results else False
