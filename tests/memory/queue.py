"""A queue in memory, on a clock set by hand: delays, visibility, redelivery, and a dead-letter list.

Owns what SQS promises of a standard queue; the order of messages is theirs of sending, which SQS does not promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.core.chain import BEGINNING, Chain
from chalicelib.core.errors import Defect, TryAgain
from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM
from chalicelib.engine.inbox import messages
from chalicelib.ports.services import Clock, Timer

POSTPONE_SECONDS_MAXIMUM = 43_200


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message. `receipt_handle` belongs to this delivery, `receive_count` counts from 1. `chain` is
    what the engine counts, `rounds` what Lambda does."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    first_received_at_ms: int
    chain: Chain = BEGINNING
    rounds: int = 0


def as_lambda_has_it(message: Message) -> messages.Message:
    """A delivery as the engine's handlers take it."""
    return messages.Message(
        message.body,
        message.receipt_handle,
        message.receive_count,
        first_received_at_ms=message.first_received_at_ms,
        message_id=message.message_id,
        chain=message.chain,
    )


@dataclass(slots=True)
class _Stored:
    message_id: str
    body: str
    visible_at_ms: int
    chain: Chain = BEGINNING
    rounds: int = 0
    receive_count: int = 0
    first_received_at_ms: int = 0

    @property
    def receipt_handle(self) -> str:
        return f"{self.message_id}/{self.receive_count}"


class MemoryCommands:
    """The commands port, the inbox port and the backlog port over one queue; as good for events as for commands.

    `failing = True` makes every send raise TryAgain. A message received `receive_limit` times goes to `dead` instead
    of being delivered once more.
    """

    def __init__(self, clock: Clock, *, visibility_seconds: int = 360, receive_limit: int | None = None) -> None:
        self.failing = False
        self.dead: list[Message] = []
        self._clock = clock
        self._visibility_ms = visibility_seconds * 1000
        self._receive_limit = receive_limit
        self.sent = 0
        """How many messages were sent so far."""
        self.rounds: Callable[[], int] = lambda: 0
        """How many rounds from this queue to its function and back a message has made that is sent now. Lambda counts
        them in a header, whatever the engine counts."""
        self.most_rounds = 0
        self._stored: dict[str, _Stored] = {}
        self._earliest_ms: int | None = None
        self._earliest_is_known = True

    def send(self, bodies: Sequence[str], delay_seconds: int = 0, chain: Chain = BEGINNING) -> None:
        self.send_timers([(body, delay_seconds) for body in bodies], chain)

    def send_timers(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        for _, delay_seconds in timers:
            if not 0 <= delay_seconds <= QUEUE_DELAY_SECONDS_MAXIMUM:
                raise Defect(f"a delay is 0 to {QUEUE_DELAY_SECONDS_MAXIMUM} seconds, not {delay_seconds}")
        if self.failing:
            raise TryAgain("the queue was told to fail")
        for body, delay_seconds in timers:
            self.sent += 1
            message_id = f"message-{self.sent:06d}"
            at_ms = self._clock.now_ms() + delay_seconds * 1000
            self._stored[message_id] = _Stored(message_id, body, at_ms, chain, self.rounds())
            self.most_rounds = max(self.most_rounds, self.rounds())
        self.changed()

    def receive(self, limit: int = 10) -> list[Message]:
        """Up to `limit` visible messages; they are invisible to others for the visibility time."""
        return self.receive_these(list(self._stored), limit)

    def receive_these(self, message_ids: Sequence[str], limit: int) -> list[Message]:
        """Up to `limit` of these messages, as far as they are visible, in this order."""
        self.changed()
        received: list[Message] = []
        for message_id in message_ids:
            if len(received) == limit:
                break
            stored = self._stored[message_id]
            if stored.visible_at_ms > self._clock.now_ms():
                continue
            if self._receive_limit is not None and stored.receive_count >= self._receive_limit:
                self.dead.append(_delivery(self._stored.pop(stored.message_id)))
                continue
            stored.receive_count += 1
            stored.first_received_at_ms = stored.first_received_at_ms or self._clock.now_ms()
            stored.visible_at_ms = self._clock.now_ms() + self._visibility_ms
            received.append(_delivery(stored))
        return received

    def delete(self, receipt_handles: Sequence[str]) -> None:
        for handle in receipt_handles:
            if self._of(handle):
                del self._stored[handle.partition("/")[0]]
                self.changed()

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        if not 0 <= seconds <= POSTPONE_SECONDS_MAXIMUM:
            raise Defect(f"a message can be postponed by 0 to {POSTPONE_SECONDS_MAXIMUM} seconds, not {seconds}")
        stored = self._of(receipt_handle)
        if stored and stored.visible_at_ms > self._clock.now_ms():
            stored.visible_at_ms = self._clock.now_ms() + seconds * 1000
            self.changed()

    def lose(self) -> int:
        """Lose every message, visible or not; how many there were."""
        lost = len(self._stored)
        self._stored.clear()
        return lost

    @property
    def bodies(self) -> list[str]:
        """The bodies of all messages that are on the queue, visible or not."""
        return [stored.body for stored in self._stored.values()]

    @property
    def next_visible_at_ms(self) -> int | None:
        """When the next message can be received; None when the queue is empty."""
        if not self._earliest_is_known:
            # Asked for at every step of a simulation, and the same at most of them.
            self._earliest_ms = min((stored.visible_at_ms for stored in self._stored.values()), default=None)
            self._earliest_is_known = True
        return self._earliest_ms

    def waiting(self) -> int:
        """How many messages there are, visible or not."""
        return len(self._stored)

    def changed(self) -> None:
        """Messages came, went, or became visible at another time."""
        self._earliest_is_known = False

    def _of(self, receipt_handle: str) -> _Stored | None:
        """The message whose latest delivery has that handle."""
        stored = self._stored.get(receipt_handle.partition("/")[0])
        return stored if stored and stored.receipt_handle == receipt_handle else None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, as it was put."""

    body: str
    reason: str
    receive_count: int
    sent_at_ms: int | None
    first_received_at_ms: int | None


class MemoryDeadLetters:
    """The dead letters port over a list. What is in `errors` is raised first, one a call."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.errors: list[Exception] = []

    def put(
        self,
        body: str,
        reason: str,
        receive_count: int,
        *,
        sent_at_ms: int | None = None,
        first_received_at_ms: int | None = None,
    ) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.letters.append(DeadLetter(body, reason, receive_count, sent_at_ms, first_received_at_ms))


def _delivery(stored: _Stored) -> Message:
    return Message(
        stored.message_id,
        stored.body,
        stored.receipt_handle,
        stored.receive_count,
        stored.first_received_at_ms,
        stored.chain,
        stored.rounds,
    )
