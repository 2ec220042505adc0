"""What a request asks for, read and checked: its path, its query, its headers, its body.

Every mistake is told by place, rule and value. Which parameters a route has is route_table.py's; pydantic judges the
bodies, but the words are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.api.http.json_body import TooLarge, check_escaped_size, read_json_body
from chalicelib.api.http.route_table import IDEMPOTENCY_KEY, SEVERAL_MAXIMUM, Kind, Parameter
from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import QUEUE_PATTERN as NOTICES_QUEUE_PATTERN
from chalicelib.core.notice.preferences import QUEUE_PREFIX
from chalicelib.core.pydantic_rules import rule_of
from chalicelib.core.rules import PEOPLES_TEXT, PEOPLES_TEXT_PATTERN, anchored
from chalicelib.core.strict_json import NoJson
from chalicelib.core.suggest import Names, shown

M = TypeVar("M", bound=BaseModel)

KEY_CHARACTERS = 256
ETAGS_CHARACTERS = 1_024
DIGITS = 16
_UNSHOWN = frozenset({"token_id"})
"""What may be given with a secret in it, by mistake: a whole token in place of its id."""
KEY_PATTERN = rf"[!-~]{{1,{KEY_CHARACTERS}}}"


def read_path(parameters: Sequence[Parameter], path: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    """The values of the path, and what is wrong with the first that breaks its rule: nothing has such a name."""
    values: dict[str, Any] = {}
    for parameter in parameters:
        given = path[parameter.name]
        try:
            values[parameter.name] = _value(parameter, given)
        except UserMistake as mistake:
            return values, str(mistake)
    return values, None


def read_query(parameters: Sequence[Parameter], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The values of the query by name, None for what was not given. Raises UserMistake."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {parameter.name: parameter.default for parameter in parameters}
    for name, texts in given.items():
        if name not in known:
            raise UserMistake(f"the query has no parameter {shown(name)} here; {_known(name, known)}")
        if len(texts) != 1:
            raise UserMistake(f"the query gives {name} {len(texts)} times; once is enough")
        values[name] = _value(known[name], texts[0])
    return values


def read_key(headers: Mapping[str, str]) -> str:
    """The idempotency key. Raises UserMistake."""
    given = headers.get(IDEMPOTENCY_KEY)
    if given is None:
        raise UserMistake(
            f"the header {IDEMPOTENCY_KEY} is missing; a request that is sent again with the same key starts one run"
        )
    if not re.fullmatch(KEY_PATTERN, given):
        raise UserMistake(
            f"the header {IDEMPOTENCY_KEY} must have 1 to {KEY_CHARACTERS} visible ASCII characters, not {shown(given)}"
        )
    return given


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


def _value(parameter: Parameter, text: str) -> Any:
    match parameter.kind:
        case Kind.COUNT:
            return _count(parameter, text)
        case Kind.CHOICE:
            if text in parameter.choices:
                return text
            suggestion = Names(parameter.choices).suggestion(text)
            rule = f"one of {', '.join(parameter.choices)}"
            raise _broken(parameter, rule, text, suggestion)
        case Kind.TEXT:
            if not parameter.fits(text):
                raise _not_fitting(parameter, text)
            return text


def _not_fitting(parameter: Parameter, text: str) -> UserMistake:
    rule = parameter.rule or f"text that fits {parameter.pattern}"
    if not parameter.one:
        return _broken(parameter, rule, text)
    given = text.split(",")
    if len(given) > SEVERAL_MAXIMUM:
        return UserMistake(f"{parameter.name} may be given {SEVERAL_MAXIMUM} times, not {len(given)}")
    wrong = next(one for one in given if not re.fullmatch(parameter.one, one))
    return _broken(parameter, rule, wrong, Names(parameter.choices).suggestion(wrong))


def _count(parameter: Parameter, text: str) -> int:
    fits = text.isascii() and text.isdigit() and len(text) <= DIGITS
    if not fits or not parameter.minimum <= int(text) <= parameter.maximum:
        raise _broken(parameter, f"a whole number from {parameter.minimum:,} to {parameter.maximum:,}", text)
    return int(text)


def _broken(parameter: Parameter, rule: str, text: str, suggestion: str | None = None) -> UserMistake:
    if parameter.name in _UNSHOWN:
        return UserMistake(f"{parameter.name} must be {rule}; what was given is not")
    ending = f"; {suggestion}" if suggestion else ""
    return UserMistake(f"{parameter.name} must be {rule}, not {shown(text)}{ending}")


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
