"""What a request asks for, read and checked: its path, its query, its headers, its body.

Every mistake is reported with its place, rule and value. Which parameters a route has is route_table.py's, and what a
body may hold is read_model.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from chalicelib.api.http.json_body import TooLarge, check_escaped_size, read_json_body
from chalicelib.api.http.parameters import Parameter
from chalicelib.api.read_model import as_model, known_names
from chalicelib.core.errors import UserMistake
from chalicelib.core.strict_json import NoJson
from chalicelib.core.suggest import shown

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
            raise UserMistake(f"the query has no parameter {shown(name)} here; {known_names(name, known)}")
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


def read_value(body: bytes, maximum: int) -> Any:
    """The body as JSON. Raises TooLarge and NoJson."""
    if len(body) > maximum:
        raise TooLarge(f"the body may have {maximum:,} bytes here, not {len(body):,}")
    check_escaped_size(body)
    if not body:
        raise NoJson("the body is empty")
    return read_json_body(body)
