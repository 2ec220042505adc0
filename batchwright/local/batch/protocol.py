"""The wire: from an HTTP request to the name and the checked parameters of an operation, and back.

Owns: everything that botocore's own service model of Batch says (paths, members, types, required members, enums).
Does not own what an operation does. A member that the model does not know is refused, so that a misspelt one is
noticed here and not in an account.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.validate import ParamValidator

from batchwright.local.batch.errors import BatchError, ClientError
from batchwright.local.batch.request_members import check_members


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is well formed."""

    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes


class Protocol:
    """Batch's REST-JSON, read from botocore's model."""

    def __init__(self) -> None:
        model = botocore.session.get_session().get_service_model("batch")
        self._validator = ParamValidator()
        self._fixed: dict[tuple[str, str], Any] = {}
        self._with_arn: dict[str, Any] = {}
        for name in model.operation_names:
            operation = model.operation_model(name)
            method, path = operation.http["method"], operation.http["requestUri"]
            if "{" in path:
                self._with_arn[method] = operation  # the three of /v1/tags/{resourceArn}
            else:
                self._fixed[method, path] = operation
        self._tags_path = re.compile(r"/v1/tags/(.+)")

    def read(self, method: str, raw_path: str, query: Mapping[str, list[str]], body: bytes) -> Call:
        """Raises ClientError on anything that the model of Batch does not allow."""
        operation = self._fixed.get((method, raw_path))
        parameters = _read_body(body)
        tags = self._tags_path.fullmatch(raw_path)
        if tags is not None and method in self._with_arn:
            operation = self._with_arn[method]
            parameters["resourceArn"] = unquote(tags.group(1))
            if "tagKeys" in query:
                parameters["tagKeys"] = query["tagKeys"]
        if operation is None:
            raise ClientError(f"{method} {raw_path} is no operation of AWS Batch")
        report = self._validator.validate(parameters, operation.input_shape)
        if report.has_errors():
            raise ClientError(f"Parameter validation failed: {report.generate_report()}")
        _check_values(parameters, operation.input_shape, "")
        check_members(operation.name, parameters)
        return Call(operation.name, parameters)

    def answer(self, document: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        return Answer(200, headers, json.dumps(document).encode())

    def refusal(self, error: BatchError) -> Answer:
        """An error in the shape from which boto3 raises `client.exceptions.<code>`."""
        headers = {
            "Content-Type": "application/json",
            "x-amzn-ErrorType": error.code,
            "x-amzn-RequestId": str(uuid.uuid4()),
        }
        return Answer(error.http_status, headers, json.dumps({"message": error.message}).encode())


def _read_body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        parameters = json.loads(body)
    except ValueError as error:
        raise ClientError(f"The request's body is not JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise ClientError(f"The request's body must be a JSON object, not {type(parameters).__name__}")
    return _without_nulls(parameters)


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Some SDKs send null for what was not given."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }


def _check_values(value: Any, shape: Any, place: str) -> None:
    """botocore's validator leaves enums and maxima alone, because it checks before sending; Batch does not."""
    _check_maximum(value, shape, place)
    if shape.type_name == "structure":
        for name, member in value.items():
            _check_values(member, shape.members[name], f"{place}.{name}" if place else name)
    elif shape.type_name == "list":
        for number, member in enumerate(value):
            _check_values(member, shape.member, f"{place}[{number}]")
    elif shape.type_name == "map":
        for name, member in value.items():
            _check_values(name, shape.key, f"{place}.{name}")
            _check_values(member, shape.value, f"{place}.{name}")
    elif shape.type_name == "string" and shape.enum and shape.name != "RetryAction" and value not in shape.enum:
        raise ClientError(f"{place}: {value!r} is not one of {', '.join(shape.enum)}")


def _check_maximum(value: Any, shape: Any, place: str) -> None:
    most = shape.metadata.get("max")
    if most is None:
        return
    if isinstance(value, int):
        if value > most:
            raise ClientError(f"{place}: must be at most {most}, not {value}")
    elif len(value) > most:
        unit = "characters" if isinstance(value, str) else "entries"
        raise ClientError(f"{place}: can have at most {most} {unit}, not {len(value)}")
