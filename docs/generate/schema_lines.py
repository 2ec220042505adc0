"""The keys of a JSON Schema as lines: name, type in words, default, and the schema's own sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.generate.markdown import code, line

Schema = Mapping[str, Any]


def key_lines(schema: Schema, definitions: Schema, leave_out: frozenset[str] = frozenset()) -> str:
    """A line for each property of an object."""
    required = schema.get("required", ())
    return "\n".join(
        line(name, described(one, definitions), _facts(one, definitions, name in required))
        for name, one in schema["properties"].items()
        if name not in leave_out
    )


def described(schema: Schema, definitions: Schema) -> str:
    """The sentence of a value: its own, else that of what it is made of."""
    own = schema.get("description") or _target(schema, definitions).get("description", "")
    return " ".join(own.split())


def _target(schema: Schema, definitions: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2].rpartition(".")[2]
    found: Schema = definitions.get(name, {})
    return found


def _facts(schema: Schema, definitions: Schema, is_required: bool) -> str:
    kind = type_words(schema, definitions)
    facts = [kind if kind != "mapping" else ""]
    if is_required:
        facts.append("required")
    if (default := schema.get("default")) not in (None, False, []):
        facts.append(f"default {code(str(default).lower() if default is True else default)}")
    return ", ".join(filter(None, facts))


def type_words(schema: Schema, definitions: Schema) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        target = _target(schema, definitions)
        return _choices(target["enum"]) if "enum" in target else "mapping"
    if "anyOf" in schema:
        kinds = dict.fromkeys(type_words(one, definitions) for one in schema["anyOf"] if one.get("type") != "null")
        return " or ".join(filter(None, kinds))
    if "enum" in schema:
        return _choices(schema["enum"])
    match schema.get("type"):
        case "integer" | "number" as kind:
            return f"{kind}{_range(schema)}"
        case "string" if "params" in schema.get("pattern", ""):
            return "`${params.NAME}`"
        case "array":
            return f"list of {plural(type_words(schema['items'], definitions))}" if schema.get("items") else "list"
        case "object":
            return "mapping"
        case kind:
            return str(kind or "any value")


def plural(words: str) -> str:
    return f"{words}s" if words in ("string", "name") else words


def _choices(values: list[Any]) -> str:
    return ", ".join(code(value) for value in values) if len(values) <= 6 else "name"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f" {low:,} to {high:,}" if high is not None else f" {low:,} or more"
