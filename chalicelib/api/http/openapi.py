"""The OpenAPI 3.1 document of the HTTP API, made from the table of routes and the models.

Owns how the one is written as the other. What API Gateway answers by itself is told here too, for a client meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from chalicelib.api import models
from chalicelib.api.http.parameters import Parameter
from chalicelib.api.http.problems import CONTENT_TYPE
from chalicelib.api.http.route_table import FILES, MONITOR_FILE, OPENAPI, ROUTES, WORKFLOW_FILE, Route
from chalicelib.core.definition import model as workflow
from chalicelib.core.monitor import file_model as monitor
from chalicelib.version import VERSION

_SCHEMAS = "#/components/schemas/"
_JSON = "application/json"
_COMMON_REFUSALS = (400, 401, 403, 405, 429, 500, 503)

_DESCRIPTIONS = {
    200: "It is so.",
    201: "It was made.",
    204: "It is done.",
    304: "It is what the ETag names.",
    400: "A parameter, a header or the body breaks a rule; which, and how, is in `detail`.",
    401: "There is no Authorization header, or no token in it. API Gateway answers this by itself.",
    403: "The token is not good (API Gateway answers this by itself) or does not allow this.",
    404: "There is no such thing.",
    405: "The path has no such method.",
    409: "It contradicts what is there.",
    412: "If-Match names another version.",
    413: "The body is too large.",
    415: "The body's Content-Type is not application/json.",
    422: "The workflow, or the monitors, have mistakes; all of them are told.",
    429: "Too much is asked at once; Retry-After says when to come again.",
    500: "Something went wrong inside. Its request id finds it in the log.",
    503: "A service did not answer; Retry-After says when to come again.",
}

_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "Finds the request in the log."},
        "mistakes": {
            "type": "array",
            "description": "Of a workflow or of monitors: what is wrong, each with a JSON Pointer to it.",
            "items": {
                "type": "object",
                "required": ["pointer", "text"],
                "properties": {
                    "pointer": {"type": "string"},
                    "text": {"type": "string"},
                    "suggestion": {"type": ["string", "null"]},
                    "at_key": {"type": "boolean", "description": "It is the key there, not its value."},
                },
            },
        },
    },
}
_GATEWAY_ERROR = {
    "type": "object",
    "description": "What API Gateway answers by itself.",
    "properties": {"message": {"type": ["string", "null"]}, "Message": {"type": "string"}},
}


@cache
def document() -> dict[str, Any]:
    """The document, as JSON-like data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Batchwright",
            "version": VERSION,
            "description": "Workflows of AWS Batch jobs. docs/how-to/use-the-http-api.md shows how to use it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token: bw_<token_id>_<secret>."}
            },
            "schemas": {**_schemas(), "Problem": _PROBLEM, "GatewayError": _GATEWAY_ERROR},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "description": f"Needs the scope `{route.needs}`.",
        "parameters": [_parameter(parameter) for parameter in (*route.path_parameters, *route.query, *route.headers)],
        "responses": {str(status): _response(route, status) for status in _statuses(route)},
    }
    if route.body is not None:
        schema = {"$ref": f"{_SCHEMAS}{route.body}"}
        operation["requestBody"] = {"required": _is_required(route.body), "content": {_JSON: {"schema": schema}}}
    return operation


def _is_required(body: str) -> bool:
    """Whether there is anything that a body must hold; no body is an empty one."""
    if body in FILES:
        return True
    fields: Mapping[str, Any] = getattr(models, body).model_fields
    return any(field.is_required() for field in fields.values())


def _statuses(route: Route) -> list[int]:
    return sorted({*route.statuses, *route.refusals, *_COMMON_REFUSALS})


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place.value,
        "required": parameter.is_required,
        "schema": parameter.form.schema(),
        "description": parameter.description,
    }


def _response(route: Route, status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": _DESCRIPTIONS[status], "headers": _response_headers(route, status)}
    if status in (200, 201) and route.answer is not None:
        told["content"] = {_JSON: {"schema": _answer_schema(route)}}
    elif status == 401:
        told["content"] = {_JSON: {"schema": {"$ref": f"{_SCHEMAS}GatewayError"}}}
    elif status >= 400:
        told["content"] = {CONTENT_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
        if status == 403:
            told["content"][_JSON] = {"schema": {"$ref": f"{_SCHEMAS}GatewayError"}}
    return told


def _response_headers(route: Route, status: int) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    headers: dict[str, Any] = {}
    if status == 401:
        return headers
    if status != 403:
        headers["X-Request-Id"] = {"description": "Finds the request in the log.", "required": True, **text}
    if status == 201:
        headers["Location"] = {"description": "Where it is.", "required": True, **text}
    if status in (200, 201, 304) and route.answer == "Workflow":
        headers["ETag"] = {"description": "Names the content.", "required": True, **text}
    if status in (429, 503):
        headers["Retry-After"] = {"description": "In seconds.", "required": True, **text}
    if status == 405:
        headers["Allow"] = {"description": "The path's methods.", "required": True, **text}
    return headers


def _answer_schema(route: Route) -> dict[str, Any]:
    if route.answer == OPENAPI:
        return {"type": "object", "required": ["openapi", "info", "paths"]}
    item = {"$ref": f"{_SCHEMAS}{route.answer}"}
    if not route.many:
        return item
    following = {"type": ["string", "null"], "description": "Give it as `page` for what follows; null at the end."}
    properties = {"items": {"type": "array", "items": item}, "next": following}
    return {"type": "object", "required": ["items", "next"], "properties": properties}


class _Untitled(GenerateJsonSchema):
    """Without a title for every field: it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _schemas() -> dict[str, Any]:
    """The models that routes name, and what these are made of."""
    asked = {route.body for route in ROUTES if route.body not in (None, *FILES)}
    told = {route.answer for route in ROUTES if route.answer not in (None, OPENAPI, "Time")}
    named: list[Any] = [(getattr(models, str(name)), "validation") for name in sorted(map(str, asked))]
    named += [(getattr(models, str(name)), "serialization") for name in sorted(map(str, told))]
    _, generated = models_json_schema(named, schema_generator=_Untitled, ref_template=_SCHEMAS + "{model}")
    time = {"type": "integer", "description": "Milliseconds since the epoch."}
    files = {**_of_file(WORKFLOW_FILE, workflow.json_schema), **_of_file(MONITOR_FILE, monitor.json_schema)}
    return {**generated["$defs"], "Time": time, **files}


def _of_file(name: str, json_schema: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The schema of a kind of file, and its parts under names of their own."""
    file = json_schema(f"{_SCHEMAS}{name}.{{model}}")
    parts = {f"{name}.{part}": schema for part, schema in file.pop("$defs").items()}
    file.pop("$schema")
    return {name: file, **parts}
