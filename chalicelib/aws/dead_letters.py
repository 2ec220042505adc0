"""The dead letters port over an SQS queue: the body as it was, and beside it as message attributes why it is there.

Owns the names of these attributes; `batchwright dead-letters` reads them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from chalicelib.aws.answers import answers

EVENTS = "events"
COMMANDS = "commands"

REASON = "reason"
QUEUE = "queue"
RECEIVE_COUNT = "receive_count"
SENT_AT_MS = "sent_at_ms"
FIRST_RECEIVED_AT_MS = "first_received_at_ms"

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_NOT_IN_A_MESSAGE = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@cache
def _not_in_a_message() -> re.Pattern[str]:
    """Made when it is needed, for it takes longer than most modules to load, and a cold function rarely needs it."""
    return re.compile(_NOT_IN_A_MESSAGE)


class SqsDeadLetters:
    """Sends to the dead-letter queue of the queue `queue`: `events` or `commands`."""

    def __init__(self, client: Any, dead_url: str, queue: str) -> None:
        self._client = client
        self._dead_url = dead_url
        self._queue = queue

    def put(
        self,
        body: str,
        reason: str,
        receive_count: int,
        *,
        sent_at_ms: int | None = None,
        first_received_at_ms: int | None = None,
    ) -> None:
        texts = {REASON: _not_in_a_message().sub("\ufffd", reason), QUEUE: self._queue}
        numbers = {
            RECEIVE_COUNT: receive_count,
            SENT_AT_MS: sent_at_ms,
            FIRST_RECEIVED_AT_MS: first_received_at_ms,
        }
        # SQS takes no attribute that is empty.
        attributes = {name: _attribute("String", text) for name, text in texts.items() if text}
        attributes |= {name: _attribute("Number", str(n)) for name, n in numbers.items() if n is not None}
        with answers("SendMessage"):
            self._client.send_message(QueueUrl=self._dead_url, MessageBody=body, MessageAttributes=attributes)


def _attribute(kind: str, text: str) -> dict[str, str]:
    return {"DataType": kind, "StringValue": text}
