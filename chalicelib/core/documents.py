"""JSON documents that programs receive: each field is declared once, on a dataclass.

`Described`, beside a field's type, says its key, its sentence and its bounds. What is written, the JSON Schema and the
reader are derived from that. A field at its default is left out. A reader ignores keys that it does not know, because
within a version fields are added. core/dataclass_json.py is the strict reader, of what Batchwright alone writes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from chalicelib.core.errors import Defect

MS = "Milliseconds since 1970-01-01 UTC."
"""The unit of every field whose name ends with `_at_ms`."""


class Described:
    """Beside a field's type (`Annotated[str, Described("Name in Batch.")]`): the field is part of a document.

    `sentence` describes it in the schema. `key` is its name in the document, when that is not the field's. `always`:
    it is written at its default, too. `schema` are further members of its JSON Schema, such as `minimum`.
    """

    def __init__(self, sentence: str, *, key: str = "", always: bool = False, **schema: Any) -> None:
        self.sentence, self.key, self.always, self.schema = sentence, key, always, schema


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """One key of a document, as its field declares it."""

    name: str
    key: str
    hint: Any
    """Its type, without None."""
    default: Any
    is_required: bool
    described: Described


@cache
def _members(cls: Any) -> tuple[_Member, ...]:
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        _member(field, *get_args(hints[field.name]))
        for field in dataclasses.fields(cls)
        if get_origin(hints[field.name]) is Annotated
    )


def _member(field: dataclasses.Field[Any], hint: Any, described: Described) -> _Member:
    default = field.default
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
        default = None if default is dataclasses.MISSING else default
    is_required = described.always or default is dataclasses.MISSING
    return _Member(field.name, described.key or field.name, hint, default, is_required, described)


def document_of(instance: Any) -> dict[str, Any]:
    """The JSON object of a dataclass whose fields are `described`. A field at its default is left out."""
    document = {}
    cls: Any = type(instance)
    for member in _members(cls):
        value = getattr(instance, member.name)
        if value is not None and (member.is_required or value != member.default):
            document[member.key] = _written(member.hint, value)
    return document


def _written(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return document_of(value)
    if _is_mapping(hint):
        return dict(value)
    if get_origin(hint) is tuple:
        (item, _) = get_args(hint)
        return [_written(item, one) for one in value]
    return value


def schema_of(cls: type) -> dict[str, Any]:
    """The JSON Schema of the documents that `document_of` makes."""
    members = _members(cls)
    return {
        "type": "object",
        "required": [member.key for member in members if member.is_required],
        "properties": {member.key: _schema(member) for member in members},
    }


def _schema(member: _Member) -> dict[str, Any]:
    sentence = member.described.sentence
    if member.key.endswith("at_ms"):
        sentence = f"{sentence} {MS}"
    return {**_type_schema(member.hint), **member.described.schema, "description": sentence}


def _type_schema(hint: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint):
        return schema_of(hint)  # type: ignore[arg-type]
    if _is_mapping(hint):
        (pair, _) = get_args(hint)
        return {"type": "object", "additionalProperties": _type_schema(get_args(pair)[1])}
    if get_origin(hint) is tuple:
        (item, _) = get_args(hint)
        return {"type": "array", "items": _type_schema(item)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        # A later release may add members, so the known ones are examples and not a rule.
        return {"type": "string", "examples": [one.value for one in hint]}
    for kind, name in ((bool, "boolean"), (int, "integer"), (str, "string")):
        if hint is kind:
            return {"type": name}
    raise Defect(f"no rule says what {hint} is in a document (chalicelib/core/documents.py)")


def read_document(cls: type, document: Mapping[str, Any]) -> Any:
    """An instance of `cls` from its document.

    Raises KeyError with the name of a key that is missing, and TypeError or ValueError for a value that does not fit.
    """
    values = {}
    for member in _members(cls):
        value = document.get(member.key)
        if value is not None:
            values[member.name] = _read(member.hint, value)
        elif member.is_required:
            raise KeyError(member.key)
        else:
            values[member.name] = member.default
    return cls(**values)


def _read(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise TypeError(f"an object, not {type(value).__name__}")
        return read_document(hint, value)  # type: ignore[arg-type]
    if _is_mapping(hint):
        (pair, _) = get_args(hint)
        return tuple((str(key), _read(get_args(pair)[1], one)) for key, one in value.items())
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"a list, not {type(value).__name__}")
        (item, _) = get_args(hint)
        return tuple(_read(item, one) for one in value)
    return value is True if hint is bool else hint(value)


def _is_mapping(hint: Any) -> bool:
    """Whether it is `tuple[tuple[str, X], ...]`, which stands for an object: a frozen dataclass cannot hold a dict."""
    if get_origin(hint) is not tuple:
        return False
    return get_origin(get_args(hint)[0]) is tuple
