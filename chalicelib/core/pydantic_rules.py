"""What pydantic's errors stand for: the rule that a value breaks, in our words.

Nothing of pydantic's own wording gets out. definition/error_words.py reports errors in files, api/read_model.py those
in requests, and batchwright/client/http_api.py those in answers. Each adds the place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.rules import Broken
from chalicelib.core.suggest import Names, shown

RULE_BROKEN = "rule_broken"
"""The type of the errors that carry our own words, as `text` and `suggestion` in their context."""
_TYPES = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
}
MAPPING_TYPES = frozenset({"dict_type", "model_type", "model_attributes_type"})
_CHOICES = ("enum", "literal_error")
_LENGTHS = ("too_short", "too_long")


def is_of_type(kind: str) -> bool:
    """Whether an error says that a value has the wrong type."""
    return kind in _TYPES or kind in MAPPING_TYPES


def broken_of(
    kind: str, context: Mapping[str, Any], value: Any, *, mapping: str, patterns: Mapping[str, str] = {}
) -> Broken:
    """What an error says about a value, to follow the name of its place. The parameters are those of `rule_of`."""
    if kind == RULE_BROKEN:
        return Broken(context["text"], context["suggestion"])
    rule = rule_of(kind, context, mapping=mapping, patterns=patterns)
    if rule is None:
        return Broken(f"has a value that does not fit here: {shown(value)}")
    found = f"{context['actual_length']:,}" if kind in _LENGTHS else shown(value)
    is_misspelt = kind in _CHOICES and isinstance(value, str)
    return Broken(f"{rule}, not {found}", Names(_choices(context)).suggestion(value) if is_misspelt else None)


def rule_of(kind: str, context: Mapping[str, Any], *, mapping: str, patterns: Mapping[str, str] = {}) -> str | None:
    """What a value must be, as in `must be a string`; None for an error that stands for no rule of its own.

    `kind` and `context` are the error's `type` and `ctx`. `mapping` is the word for a mapping in the language of the
    text, such as `an object`. `patterns` has words for regular expressions.
    """
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    if kind in MAPPING_TYPES:
        return f"must be {mapping}"
    match kind:
        case "greater_than_equal":
            return f"must be {context['ge']:,} or more"
        case "less_than_equal":
            return f"must be {context['le']:,} or less"
        case "string_too_short":
            return f"must be {context['min_length']} or more characters"
        case "string_too_long":
            return f"must be {context['max_length']:,} or fewer characters"
        case "string_pattern_mismatch":
            pattern = context["pattern"]
            return f"must be {patterns.get(pattern, f'text that fits {pattern}')}"
        case "too_short":
            return f"must have {context['min_length']:,} or more entries"
        case "too_long":
            return f"must have {context['max_length']:,} or fewer entries"
        case "enum" | "literal_error":
            return f"must be one of {', '.join(_choices(context))}"
    return None


def _choices(context: Mapping[str, Any]) -> list[str]:
    """The choices of an enumeration, which pydantic writes as in `'a', 'b' or 'c'`."""
    return re.findall("'([^']*)'", context["expected"])
