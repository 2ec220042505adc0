"""The dead letters of a stack: taken off their queues to be looked at, put back or removed.

Owns the taking. SQS has no way to look at a queue without receiving, so what is looked at is hidden from others for a
minute at most, and given back when the look is over, an interrupted one too. The words are text.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchwright.terminal.interrupts import ignored
from chalicelib.aws.dead_letters import COMMANDS, EVENTS, FIRST_RECEIVED_AT_MS, RECEIVE_COUNT, SENT_AT_MS
from chalicelib.aws.sqs import ENTRIES_MAXIMUM, SqsCommands, SqsInbox
from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import Names

LOOK_SECONDS = 60
VARIABLES = {
    EVENTS: ("BATCHWRIGHT_EVENTS_DEAD_URL", "BATCHWRIGHT_EVENTS_QUEUE_URL"),
    COMMANDS: ("BATCHWRIGHT_COMMANDS_DEAD_URL", "BATCHWRIGHT_COMMANDS_QUEUE_URL"),
}
"""By queue: where its dead letters lie, and where they came from."""
SHORT_ID_CHARACTERS = 8
_FRUITLESS_RECEIPTS = 3


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue. Times in milliseconds since the epoch, None where nobody noted them.

    `attributes` are its message attributes as text: ours, EventBridge's, or none.
    """

    message_id: str
    queue: str
    body: str = field(repr=False)
    sent_at_ms: int | None = None
    first_received_at_ms: int | None = None
    receive_count: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    receipt_handle: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """Where the dead letters of one queue lie. A receipt that finds nothing waits `wait_seconds` for something: on AWS
    one that does not wait asks only some of the servers that a queue is spread over."""

    client: Any
    name: str
    dead_url: str
    source_url: str
    wait_seconds: int

    def receive(self) -> list[DeadLetter]:
        """Some of those that are visible; they are hidden from others for a minute."""
        answer = self.client.receive_message(
            QueueUrl=self.dead_url,
            MaxNumberOfMessages=ENTRIES_MAXIMUM,
            VisibilityTimeout=LOOK_SECONDS,
            WaitTimeSeconds=self.wait_seconds,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return [_letter(self.name, message) for message in answer.get("Messages", ())]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make them visible to others again."""
        for group in _tens(letters):
            entries = [
                {"Id": str(place), "ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": 0}
                for place, letter in enumerate(group)
            ]
            self.client.change_message_visibility_batch(QueueUrl=self.dead_url, Entries=entries)

    def hidden_count(self) -> int:
        """About how many are hidden, by us or somebody else."""
        name = "ApproximateNumberOfMessagesNotVisible"
        answer = self.client.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=[name])
        return int(answer["Attributes"][name])


class Held:
    """The dead letters of some queues, hidden from others until they are given back."""

    def __init__(self, queues: Sequence[DeadLetterQueue]) -> None:
        self.moved = 0
        """How many were replayed or dropped so far."""
        self._queues = {queue.name: queue for queue in queues}
        self._letters: dict[tuple[str, str], DeadLetter] = {}

    @property
    def letters(self) -> list[DeadLetter]:
        """Those that are held, oldest first."""
        return sorted(self._letters.values(), key=lambda letter: (letter.sent_at_ms or 0, letter.message_id))

    def take(self) -> None:
        """Take all there are, each once, however often SQS delivers it."""
        for queue in self._queues.values():
            fruitless = 0
            while fruitless < _FRUITLESS_RECEIPTS and (received := queue.receive()):
                known = len(self._letters)
                # Of one that was delivered again, the new handle is the one that counts.
                self._letters |= {(queue.name, letter.message_id): letter for letter in received}
                fruitless = fruitless + 1 if len(self._letters) == known else 0

    def elsewhere_count(self) -> int:
        """About how many are hidden because somebody else looks at them."""
        return max(0, sum(queue.hidden_count() for queue in self._queues.values()) - len(self._letters))

    def replay(self, letters: Sequence[DeadLetter]) -> None:
        """Send them to the queue they came from, then remove them here. Cut short, it has sent some twice at worst."""

        def again(queue: DeadLetterQueue, group: Sequence[DeadLetter]) -> None:
            SqsCommands(queue.client, queue.source_url).send([letter.body for letter in group])

        self._move(letters, again)

    def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Remove them for good."""
        self._move(letters, lambda queue, group: None)

    def give_back(self) -> None:
        """Let others see what is still held. What cannot be given back comes back by itself within a minute."""
        for queue in self._queues.values():
            with suppress(BotoCoreError, ClientError):
                queue.give_back([letter for letter in self._letters.values() if letter.queue == queue.name])
        self._letters.clear()

    def _move(
        self, letters: Sequence[DeadLetter], first: Callable[[DeadLetterQueue, Sequence[DeadLetter]], None]
    ) -> None:
        for queue in self._queues.values():
            for group in _tens([letter for letter in letters if letter.queue == queue.name]):
                first(queue, group)
                SqsInbox(queue.client, queue.dead_url).delete([letter.receipt_handle for letter in group])
                for letter in group:
                    del self._letters[letter.queue, letter.message_id]
                self.moved += len(group)


@contextmanager
def held(queues: Sequence[DeadLetterQueue]) -> Iterator[Held]:
    """All dead letters of these queues, to look at and move; the rest is given back at the end."""
    holding = Held(queues)
    try:
        holding.take()
        yield holding
    finally:
        with ignored():
            holding.give_back()


def chosen(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """The dead letters with these ids, or beginnings of ids. Raises UserMistake for one that fits none or several."""
    found: dict[tuple[str, str], DeadLetter] = {}
    for wanted in ids:
        fitting = [letter for letter in letters if wanted and letter.message_id.startswith(wanted)]
        if not fitting:
            # Compared at the same length, for a slip in eight characters is lost among thirty-six.
            length = max(len(wanted), SHORT_ID_CHARACTERS)
            suggestion = Names(letter.message_id[:length] for letter in letters).suggestion(wanted)
            raise UserMistake(
                f"no dead letter has the id '{wanted}'; {suggestion or '`batchwright dead-letters list` shows them'}"
            )
        if len(fitting) > 1:
            raise UserMistake(f"{len(fitting)} dead letters have ids that begin with '{wanted}'; give more of it")
        found[fitting[0].queue, fitting[0].message_id] = fitting[0]
    return list(found.values())


def short_ids(letters: Sequence[DeadLetter]) -> list[str]:
    """As much of each id as tells it from the others, eight characters at least and the same for all."""
    ids = [letter.message_id for letter in letters]
    length = SHORT_ID_CHARACTERS
    while len({one[:length] for one in ids}) < len(set(ids)):
        length += 1
    return [one[:length] for one in ids]


def _letter(queue: str, message: Mapping[str, Any]) -> DeadLetter:
    attributes = {
        name: str(one.get("StringValue", "(binary)")) for name, one in message.get("MessageAttributes", {}).items()
    }
    sent = attributes.get(SENT_AT_MS) or message.get("Attributes", {}).get("SentTimestamp")
    return DeadLetter(
        message_id=message["MessageId"],
        queue=queue,
        body=message["Body"],
        sent_at_ms=_count(sent),
        first_received_at_ms=_count(attributes.get(FIRST_RECEIVED_AT_MS)),
        receive_count=_count(attributes.get(RECEIVE_COUNT)),
        attributes=attributes,
        receipt_handle=message["ReceiptHandle"],
    )


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


def _tens(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), ENTRIES_MAXIMUM):
        yield letters[start : start + ENTRIES_MAXIMUM]
