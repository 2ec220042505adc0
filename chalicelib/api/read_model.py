"""From fields that somebody gave to a model of the API, or to a sentence for each field that breaks a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.core.errors import UserMistake
from chalicelib.core.mistakes import joined
from chalicelib.core.notice.preferences import QUEUE_PATTERN as NOTICES_QUEUE_PATTERN
from chalicelib.core.notice.preferences import QUEUE_PREFIX
from chalicelib.core.pydantic_rules import broken_of
from chalicelib.core.rules import PEOPLES_TEXT, PEOPLES_TEXT_PATTERN, anchored
from chalicelib.core.suggest import Names, shown

M = TypeVar("M", bound=BaseModel)

_RULES = {
    anchored(NOTICES_QUEUE_PATTERN): f"the name of an SQS queue that begins with '{QUEUE_PREFIX}'",
    anchored(PEOPLES_TEXT_PATTERN): PEOPLES_TEXT,
}
"""The patterns of the models in words."""


def as_model(model: type[M], fields: Mapping[str, Any]) -> M:
    """The model with these fields. Raises UserMistake with a line for each that breaks a rule."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False)
    raise UserMistake(
        "\n".join(_line(model, one["type"], one["loc"], one["input"], one.get("ctx", {})) for one in found)
    )


def _line(model: type[BaseModel], kind: str, loc: tuple[str | int, ...], value: Any, context: Any) -> str:
    place = joined(loc)
    if kind == "missing":
        return f"{place} is missing"
    if kind == "extra_forbidden":
        return f"the body has no field {shown(place)}; {known_names(place, model.model_fields)}"
    broken = broken_of(kind, context, value, mapping="an object", patterns=_RULES)
    return f"{place} {broken.text}{f'; {broken.suggestion}' if broken.suggestion else ''}"


def known_names(name: str, known: Iterable[str]) -> str:
    """Which name may be meant by an unknown one, or which there are."""
    names = Names(known)
    return names.suggestion(name) or (f"it has {', '.join(known)}" if list(known) else "it has none")
