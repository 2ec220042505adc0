"""What a caller may ask of the functions, read and checked: a mistake is named by its field, rule and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import shown


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A run to be started. Without a version, the latest; without a key, the caller's invocation is the key."""

    workflow: str
    params: Mapping[str, Any]
    idempotency_key: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A run to be cancelled, and why."""

    run_id: str
    reason: str


def read_start(payload: object) -> StartRequest:
    """The request in a payload; raises UserMistake naming the field that is wrong."""
    fields = _object(payload, ("workflow", "params", "idempotency_key", "version"))
    params = fields.get("params")
    if params is not None and not isinstance(params, Mapping):
        raise UserMistake(f"params must be an object of names and values, not {shown(params)}")
    version = fields.get("version")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
        raise UserMistake(f"version must be an integer of 1 or more, not {shown(version)}")
    return StartRequest(_text(fields, "workflow"), params or {}, _optional_text(fields, "idempotency_key"), version)


def read_cancel(payload: object) -> CancelRequest:
    """The request in a payload; raises UserMistake naming the field that is wrong."""
    fields = _object(payload, ("run_id", "reason"))
    return CancelRequest(_text(fields, "run_id"), _optional_text(fields, "reason") or "cancelled on request")


def _object(payload: object, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(payload, Mapping):
        raise UserMistake(f"the request must be an object, not {shown(payload)}")
    for name in payload:
        if name not in known:
            raise UserMistake(f"the request has no field {shown(name)}; it has {', '.join(known)}")
    return payload


def _text(fields: Mapping[str, Any], name: str) -> str:
    text = _optional_text(fields, name)
    if text is None:
        raise UserMistake(f"{name} is required")
    return text


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    text = fields.get(name)
    if text is not None and (not isinstance(text, str) or not text):
        raise UserMistake(f"{name} must be a string that is not empty, not {shown(text)}")
    return text
