"""What a request asks for, read and checked: its path, its query, its headers, its body.

Every mistake is told by place, rule and value. Which parameters a route has is route_table.py's; pydantic judges the
bodies, but the words are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.api.http.json_body import TooLarge, check_escaped_size, read_json_body
from chalicelib.api.http.parameters import Parameter
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import QUEUE_PATTERN as NOTICES_QUEUE_PATTERN
from chalicelib.core.notice.preferences import QUEUE_PREFIX
from chalicelib.core.pydantic_rules import rule_of
from chalicelib.core.rules import PEOPLES_TEXT, PEOPLES_TEXT_PATTERN, anchored
from chalicelib.core.strict_json import NoJson
from chalicelib.core.suggest import Names, shown

M = TypeVar("M", bound=BaseModel)


def read_path(parameters: Sequence[Parameter], path: Mapping[str, str]) -> dict[str, Any]:
    """The values of the path by name. Raises UserMistake, of the kind for what nothing can be named by."""
    return {parameter.name: parameter.read(path[parameter.name]) for parameter in parameters}


def read_query(parameters: Sequence[Parameter], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The values of the query by the names of the Api's arguments, defaults included. Raises UserMistake."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {parameter.key: parameter.form.default for parameter in parameters}
    for name, texts in given.items():
        if name not in known:
            raise UserMistake(f"the query has no parameter {shown(name)} here; {_known(name, known)}")
        if len(texts) != 1:
            raise UserMistake(f"the query gives {name} {len(texts)} times; once is enough")
        values[known[name].key] = known[name].read(texts[0])
    return values


def read_headers(parameters: Sequence[Parameter], headers: Mapping[str, str]) -> dict[str, Any]:
    """The values of a route's headers by the names of the Api's arguments, defaults included. Raises UserMistake."""
    values: dict[str, Any] = {}
    for parameter in parameters:
        given = headers.get(parameter.name)
        if given is None and parameter.is_required:
            raise UserMistake(f"{parameter.label} is missing; {parameter.description}")
        values[parameter.key] = parameter.form.default if given is None else parameter.read(given)
    return values


def read_body(model: type[M], body: bytes, maximum: int) -> M:
    """The body as that model; an empty body is an empty object. Raises UserMistake, TooLarge and NoJson."""
    value = read_value(body or b"{}", maximum)
    if not isinstance(value, dict):
        raise UserMistake(f"the body must be an object, not {shown(value)}")
    return as_model(model, value)


def as_model(model: type[M], fields: Mapping[str, Any]) -> M:
    """The model with these fields. Raises UserMistake with a line for each that breaks a rule."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UserMistake("\n".join(_told(model, error))) from None


def read_value(body: bytes, maximum: int) -> Any:
    """The body as JSON. Raises TooLarge and NoJson."""
    if len(body) > maximum:
        raise TooLarge(f"the body may have {maximum:,} bytes here, not {len(body):,}")
    check_escaped_size(body)
    if not body:
        raise NoJson("the body is empty")
    return read_json_body(body)


def _known(name: str, known: Iterable[str]) -> str:
    names = Names(known)
    return names.suggestion(name) or (f"it has {', '.join(known)}" if list(known) else "it has none")


_RULES = {
    anchored(NOTICES_QUEUE_PATTERN): f"the name of an SQS queue that begins with '{QUEUE_PREFIX}'",
    anchored(PEOPLES_TEXT_PATTERN): PEOPLES_TEXT,
}
"""What the patterns of bodies ask for, in words."""


def _told(model: type[BaseModel], error: ValidationError) -> list[str]:
    return [
        _sentence(model, one["type"], one["loc"], one["input"], one.get("ctx", {}))
        for one in error.errors(include_url=False)
    ]


def _sentence(model: type[BaseModel], kind: str, loc: Sequence[str | int], value: Any, context: Any) -> str:
    place = "".join(f"[{piece}]" if isinstance(piece, int) else f".{piece}" for piece in loc).removeprefix(".")
    if kind == "missing":
        return f"{place} is missing"
    if kind == "extra_forbidden":
        return f"the body has no field {shown(place)}; {_known(place, model.model_fields)}"
    rule = rule_of(kind, context, mapping="an object", patterns=_RULES) or "something else"
    return f"{place} must be {rule}, not {shown(value)}"
