"""What the models of the files that people write are made of: a strict model, rules as validators, JSON Schema.

Owns how a rule (`rules.py`) becomes part of a pydantic model and how a model becomes a JSON Schema. The models
themselves are `model.py`'s and `monitor/file_model.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, WithJsonSchema
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.core.rules import NUMBERS, Broken, Rule, anchored

RULE_BROKEN = "rule_broken"
"""The type of the pydantic errors that carry our own words, as `text` and `suggestion` in their context."""


class Model(BaseModel):
    """A mapping of a file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def refusal(broken: Broken) -> PydanticCustomError:
    return PydanticCustomError(RULE_BROKEN, "{text}", {"text": broken.text, "suggestion": broken.suggestion})


def keep(rule: Rule, value: Any) -> Any:
    """The value, if it keeps the rule. Raises the error that carries what is wrong."""
    broken = rule(value)
    if broken:
        raise refusal(broken)
    return value


def named(rule: Callable[[str], Broken | None]) -> AfterValidator:
    return AfterValidator(partial(keep, rule))


def number_schema(field: str) -> dict[str, Any]:
    """The JSON Schema of a number, as its rule (`rules.NUMBERS`) has it, but for its small values."""
    rule = NUMBERS[field]
    number: dict[str, Any] = {"type": "integer" if rule.whole else "number", "minimum": rule.minimum}
    if rule.maximum is not None:
        number["maximum"] = rule.maximum
    return number


def count_type(field: str) -> tuple[PlainValidator, WithJsonSchema]:
    """A number that no expression may stand for."""
    return PlainValidator(partial(keep, NUMBERS[field])), WithJsonSchema(number_schema(field))


def key_schema(pattern: str) -> WithJsonSchema:
    """The JSON Schema of a text that keeps the pattern as a whole."""
    return WithJsonSchema({"type": "string", "pattern": anchored(pattern)})


class _UntitledSchema(GenerateJsonSchema):
    """Without a title for every field: it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _tidied(schema: Any) -> Any:
    """Without defaults of null, which an editor would offer, and with names outside a pattern refused."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidied(value) for key, value in schema.items() if key != "default" or _worth_offering(value)}
    if "patternProperties" in tidied:
        tidied["additionalProperties"] = False
    return tidied


def _worth_offering(default: Any) -> bool:
    # Under `properties`, "default" is a key of a param and its value a schema; elsewhere it is a default.
    return default not in (None, {}, []) and not (isinstance(default, dict) and "queue" in default)


def json_schema_of(model: type[Model], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of files that hold such a mapping. `ref_template`: how its parts name each
    other."""
    schema = _tidied(model.model_json_schema(schema_generator=_UntitledSchema, ref_template=ref_template))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
