"""Dead letters in words: what a message is about, why it lies there, as a table, in full, and as JSON.

What EventBridge says of an event that it could not deliver:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from batchwright.dead_letters.queues import DeadLetter, short_ids
from batchwright.terminal.tables import Column, Short
from batchwright.terminal.terminal import printable
from chalicelib.aws.dead_letters import EVENTS, REASON
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.run.commands import ScheduleNext, StartScheduled, TellJobFailures, decode

NO_REASON = "no reason: the function died each time, or the move was SQS's own"
UNREADABLE = "unreadable"
_ID_WIDTH = 37
"""A job's id and a comma, which are not broken."""


def subject_of(letter: DeadLetter) -> str:
    """What the message is about, in a few words."""
    document = _json(letter.body)
    if not isinstance(document, dict):
        return UNREADABLE
    return _event(document) if letter.queue == EVENTS else _command(letter.body, document)


def reason_of(letter: DeadLetter) -> str | None:
    """Why it lies there, in our words or EventBridge's; None when nobody said."""
    if ours := letter.attributes.get(REASON):
        return ours
    told = [letter.attributes[name] for name in ("ERROR_CODE", "ERROR_MESSAGE") if letter.attributes.get(name)]
    if not told:
        return None
    tries = letter.attributes.get("RETRY_ATTEMPTS")
    limit = letter.attributes.get("EXHAUSTED_RETRY_CONDITION")
    details = [f"{tries} retries" if tries else "", f"until {limit}" if limit else ""]
    behind = ", ".join(filter(None, details))
    return f"EventBridge could not deliver it: {': '.join(told)}{f' ({behind})' if behind else ''}"


def letter_columns(letters: Sequence[DeadLetter]) -> list[Column]:
    """A row each, oldest first as they are given."""
    receipts = ["" if letter.receive_count is None else str(letter.receive_count) for letter in letters]
    reasons = [reason_of(letter) or NO_REASON for letter in letters]
    return [
        Column("id", short_ids(letters)),
        Column("queue", [letter.queue for letter in letters], goes=3),
        Column("sent (UTC)", [_time(letter.sent_at_ms) for letter in letters], goes=2),
        Column("receipts", receipts, goes=1, right=True),
        Column("message", list(map(subject_of, letters)), least=_ID_WIDTH, short=Short.LINES),
        Column("reason", reasons, least=24, short=Short.LINES),
    ]


def full_text(letter: DeadLetter) -> str:
    """Everything about one: what is known, its attributes, and its whole body, indented if it is JSON."""
    facts = {
        "id": letter.message_id,
        "queue": letter.queue,
        "sent": _time(letter.sent_at_ms, " UTC"),
        "first received": _time(letter.first_received_at_ms, " UTC"),
        "receipts": "" if letter.receive_count is None else str(letter.receive_count),
        "message": subject_of(letter),
        "reason": reason_of(letter) or NO_REASON,
    }
    lines = [f"{name:<15} {one_line(text)}" for name, text in facts.items() if text]
    if letter.attributes:
        lines += ["", "attributes"]
        lines += [f"  {one_line(name)}: {one_line(text)}" for name, text in sorted(letter.attributes.items())]
    document = _json(letter.body)
    body = letter.body if document is None else json.dumps(document, indent=2, ensure_ascii=False)
    return "\n".join([*lines, "", "body", *map(printable, body.split("\n"))])


def letter_document(letter: DeadLetter) -> dict[str, Any]:
    """One for programs, without its body. Keys are only ever added."""
    return {
        "id": letter.message_id,
        "queue": letter.queue,
        "sent_at_ms": letter.sent_at_ms,
        "first_received_at_ms": letter.first_received_at_ms,
        "receive_count": letter.receive_count,
        "message": subject_of(letter),
        "reason": reason_of(letter),
        "attributes": dict(letter.attributes),
    }


def one_line(text: str) -> str:
    """The text on one line, as a terminal can show it."""
    return printable(" ".join(text.split()))


def _event(document: Mapping[str, Any]) -> str:
    detail, detail_type = document.get("detail"), document.get("detail-type")
    if isinstance(detail, dict) and isinstance(detail.get("jobId"), str):
        status = detail.get("status")
        told = f", {status}" if isinstance(status, str) else " without a status"
        return f"event of job {detail['jobId']}{told}"
    return f"event: {detail_type}" if isinstance(detail_type, str) else UNREADABLE


def _command(body: str, document: Mapping[str, Any]) -> str:
    try:
        command = decode(body)
    except MalformedMessage:
        kind = document.get("kind")
        return f"malformed command {kind}" if isinstance(kind, str) else UNREADABLE
    if isinstance(command, (StartScheduled, ScheduleNext)):
        return f"command {command.kind} of schedule {command.schedule} of {command.workflow}"
    if isinstance(command, TellJobFailures):
        return f"command {command.kind} of monitor {command.monitor}"
    return f"command {command.kind} of run {command.run_id}"


def _json(text: str) -> Any:
    """The document, or None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _time(at_ms: int | None, zone: str = "") -> str:
    if at_ms is None:
        return ""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") + zone
    except (ValueError, OverflowError, OSError):
        return str(at_ms)
