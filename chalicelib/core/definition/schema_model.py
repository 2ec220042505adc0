"""What the models of the files that people write are made of: a strict model, rules as validators, JSON Schema.

Owns how a rule (`rules.py`) becomes part of a pydantic model and how a model becomes a JSON Schema. The models
themselves are `model.py`'s and `monitor/file_model.py`'s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, create_model
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.core.documents import Described
from chalicelib.core.pydantic_rules import RULE_BROKEN
from chalicelib.core.rules import NUMBERS, Broken, Keeps, Rule, anchored


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


def model_of(cls: type) -> type[Model]:
    """The model of a mapping that a dataclass stands for.

    Each field is `Annotated` with its sentence (`Described`) and, if it is a text with a rule, with that (`Keeps`). A
    number keeps the rule of its name (`rules.NUMBERS`). A tuple is a list in the file.
    """
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        hint, *beside = get_args(hints[field.name])
        described = next(one for one in beside if isinstance(one, Described))
        keeps = next((one for one in beside if isinstance(one, Keeps)), None)
        kind: Any = Annotated[_in_file(hint), *_held(field.name, keeps), Field(description=described.sentence)]
        fields[field.name] = (kind, ... if field.default is dataclasses.MISSING else field.default)
    model: type[Model] = create_model(cls.__name__, __base__=Model, __doc__=cls.__doc__, __module__=__name__, **fields)
    return model


def _in_file(hint: Any) -> Any:
    """A field's type in a file: a list for a tuple of choices."""
    for part in (hint, *get_args(hint)):
        if get_origin(part) is tuple:
            items: Any = list[Annotated[get_args(part)[0], Field(strict=False)]]  # type: ignore[misc]
            return items if part is hint else items | None
    return hint


def _held(name: str, keeps: Keeps | None) -> tuple[Any, ...]:
    if keeps is not None:
        return (named(keeps.rule), *(() if keeps.pattern is None else (key_schema(keeps.pattern),)))
    return count_type(name) if name in NUMBERS else ()


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
