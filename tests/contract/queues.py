"""One face for every queue of the contract suite: the two ports, and what a test needs around them."""

from __future__ import annotations

import time
from typing import Any, Protocol

from batchwright.local.functions import record_of
from chalicelib.aws.sqs import SqsBacklog, SqsCommands, SqsInbox
from chalicelib.core.chain import Chain
from chalicelib.engine.inbox.messages import messages_of
from chalicelib.ports.services import Backlog, Commands, Inbox
from tests.memory.clock import HandClock
from tests.memory.queue import MemoryCommands

VISIBILITY_SECONDS = 30
DEADLINE_SECONDS = 20.0


class Delivery(Protocol):
    """One delivery of a message."""

    @property
    def body(self) -> str: ...
    @property
    def receipt_handle(self) -> str: ...
    @property
    def receive_count(self) -> int: ...
    @property
    def chain(self) -> Chain: ...


class Queue(Protocol):
    """A queue under test. `receive_now` takes what is visible; `receive_later` lets time pass until something is.

    `seconds` is the queue's own clock.
    """

    commands: Commands
    inbox: Inbox
    backlog: Backlog

    def receive_now(self) -> list[Delivery]: ...
    def receive_later(self) -> list[Delivery]: ...
    def seconds(self) -> float: ...
    def count(self) -> int: ...


class InMemory:
    """The queue in memory, on a clock set by hand."""

    def __init__(self) -> None:
        self._clock = HandClock()
        self._queue = MemoryCommands(self._clock, visibility_seconds=VISIBILITY_SECONDS)
        self.commands: Commands = self._queue
        self.inbox: Inbox = self._queue
        self.backlog: Backlog = self._queue

    def receive_now(self) -> list[Delivery]:
        return list(self._queue.receive())

    def receive_later(self) -> list[Delivery]:
        due_ms = self._queue.next_visible_at_ms
        assert due_ms is not None, "the queue is empty"
        self._clock.advance_to(due_ms)
        return self.receive_now()

    def seconds(self) -> float:
        return self._clock.now_ms() / 1000

    def count(self) -> int:
        return len(self._queue.bodies)


class Received:
    """A message as SQS delivers it."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.body: str = message["Body"]
        self.receipt_handle: str = message["ReceiptHandle"]
        self.receive_count = int(message["Attributes"]["ApproximateReceiveCount"])
        (as_lambda_has_it,) = messages_of({"Records": [record_of(message, "queue")]})
        self.chain = as_lambda_has_it.chain


class OnSqs:
    """A queue of an SQS server."""

    def __init__(self, client: Any, name: str) -> None:
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        self._client = client
        self._url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.commands: Commands = SqsCommands(client, self._url)
        self.inbox: Inbox = SqsInbox(client, self._url)
        self.backlog: Backlog = SqsBacklog(client, self._url)

    def receive_now(self) -> list[Delivery]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            AttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=0,
        )
        return [Received(message) for message in answer.get("Messages", ())]

    def receive_later(self) -> list[Delivery]:
        began = self.seconds()
        while self.seconds() < began + DEADLINE_SECONDS:
            if received := self.receive_now():
                return received
            time.sleep(0.05)
        raise AssertionError(f"nothing came within {DEADLINE_SECONDS} seconds")

    def seconds(self) -> float:
        return time.monotonic()

    def count(self) -> int:
        kinds = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)
