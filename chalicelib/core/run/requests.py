"""What a caller may ask of the engine, read and checked: a mistake is named by its field, rule and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.notice.preferences import queue_rule
from chalicelib.core.run.records import Scope
from chalicelib.core.suggest import shown


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A run to be started. Without a version, the latest; without a key, the caller's invocation is the key.
    `notify_queue` names an SQS queue of the run's own."""

    workflow: str
    params: Mapping[str, Any]
    idempotency_key: str | None
    version: int | None
    notify_queue: str | None = None


@dataclass(frozen=True, slots=True)
class RedriveRequest:
    """A run that has ended, to be run again in part. Without a version, the run's own. `epoch` is the one that was seen
    to have ended: with it, asking twice redrives once. `params` replace values of the run's."""

    run_id: str
    scope: Scope = Scope.FROM_FAILED
    tasks: tuple[str, ...] = ()
    version: int | None = None
    epoch: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def read_start(payload: object) -> StartRequest:
    """The request in a payload; raises UserMistake naming the field that is wrong."""
    fields = _object(payload, ("workflow", "params", "idempotency_key", "version", "notify_queue"))
    params = fields.get("params")
    if params is not None and not isinstance(params, Mapping):
        raise UserMistake(f"params must be an object of names and values, not {shown(params)}")
    version = _optional_count(fields, "version", minimum=1)
    queue = _optional_text(fields, "notify_queue")
    if queue is not None and (broken := queue_rule(queue)):
        raise UserMistake(f"notify_queue {broken.text} ({broken.suggestion})")
    key = _optional_text(fields, "idempotency_key")
    return StartRequest(_text(fields, "workflow"), params or {}, key, version, queue)


def redrive_request(
    run_id: str,
    scope: Scope | None,
    tasks: Sequence[str],
    version: int | None,
    epoch: int | None,
    params: Mapping[str, Any],
) -> RedriveRequest:
    """The redrive that is asked for; raises UserMistake when scope and tasks do not go together. Without a scope, it is
    `tasks` if any are named, else `from_failed`."""
    meant = scope or (Scope.TASKS if tasks else Scope.FROM_FAILED)
    if (meant is Scope.TASKS) != bool(tasks):
        raise UserMistake(f"tasks are named with the scope '{Scope.TASKS}' and with no other, which is '{meant}' here")
    # The order in which they are named makes no other redrive.
    return RedriveRequest(run_id, meant, tuple(sorted(set(tasks))), version, epoch, params)


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


def _optional_count(fields: Mapping[str, Any], name: str, *, minimum: int) -> int | None:
    count = fields.get(name)
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < minimum):
        raise UserMistake(f"{name} must be an integer of {minimum} or more, not {shown(count)}")
    return count


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    text = fields.get(name)
    if text is not None and (not isinstance(text, str) or not text):
        raise UserMistake(f"{name} must be a string that is not empty, not {shown(text)}")
    return text
