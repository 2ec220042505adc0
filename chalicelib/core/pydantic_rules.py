"""What pydantic's errors stand for: the rule that a value breaks, in our words.

Nothing of pydantic's own wording gets out. Who reports an error adds the place and the value: definition/error_words.py
for files, api/http/parse_request.py for requests, batchwright/client/http_api.py for answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
}
MAPPING_TYPES = frozenset({"dict_type", "model_type", "model_attributes_type"})


def rule_of(kind: str, context: Mapping[str, Any], *, mapping: str, patterns: Mapping[str, str] = {}) -> str | None:
    """What a value must be, as in `a string` or `10 or more`; None for what has no rule of its own.

    `kind` and `context` are the error's `type` and `ctx`. `mapping` is what the reader's language calls one, such as
    `an object`. `patterns` has words for regular expressions.
    """
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in MAPPING_TYPES:
        return mapping
    match kind:
        case "greater_than_equal":
            return f"{context['ge']:,} or more"
        case "less_than_equal":
            return f"{context['le']:,} or less"
        case "string_too_short":
            return f"{context['min_length']} or more characters"
        case "string_too_long":
            return f"{context['max_length']:,} or fewer characters"
        case "string_pattern_mismatch":
            return patterns.get(context["pattern"], f"text that fits {context['pattern']}")
        case "enum" | "literal_error":
            return f"one of {context['expected']}"
    return None
