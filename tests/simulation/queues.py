"""An SQS queue that keeps no order, delivers some messages twice, and puts what nobody can handle aside."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.memory.clock import HandClock
from tests.memory.queue import MemoryCommands, Message
from tests.simulation.faults import Dice, Menu

VISIBILITY_SECONDS = 360
RECEIVE_LIMIT = 5
_LATE_SECONDS = (1, 10, 60, 300, 1800)


class SimulatedQueue(MemoryCommands):
    """The queue in memory, whose messages come in any order. `late` and `redelivery` are its faults' dice."""

    def __init__(self, clock: HandClock, rng: Random, menu: Menu, late: Dice, lost: Dice) -> None:
        super().__init__(clock, visibility_seconds=VISIBILITY_SECONDS, receive_limit=RECEIVE_LIMIT)
        self.old: list[str] = []
        """Every body that was ever sent."""
        self._rng = rng
        self._late = late
        self._lost = lost
        self._redelivery = menu["redelivery"]

    def send(self, bodies: Sequence[str], delay_seconds: int = 0) -> None:
        if not self._lost():
            self.put(bodies, delay_seconds)

    def put(self, bodies: Sequence[str], delay_seconds: int = 0) -> None:
        """As `send`, and surely."""
        super().send(bodies, delay_seconds)
        self.old += bodies
        if self._late():
            self.hold_back(len(bodies), self._late.rng.choice(_LATE_SECONDS) * 1000)

    def hold_back(self, messages: int, by_ms: int) -> None:
        """Let the messages sent last come that much later than they were to."""
        for stored in list(self._stored.values())[-messages:]:
            stored.visible_at_ms += by_ms
        self.changed()

    def receive(self, limit: int = 10) -> list[Message]:
        """Up to `limit` of the visible messages, whichever."""
        now_ms = self._clock.now_ms()
        visible = [stored.message_id for stored in self._stored.values() if stored.visible_at_ms <= now_ms]
        if len(visible) > 1:
            self._rng.shuffle(visible)
        received = self.receive_these(visible, limit)
        for message in received:
            if self._redelivery():
                # At least once: the queue forgets that somebody has it.
                self._stored[message.message_id].visible_at_ms = now_ms
        return received

    def is_visible(self) -> bool:
        at_ms = self.next_visible_at_ms
        return at_ms is not None and at_ms <= self._clock.now_ms()

    def replay_dead(self, poison: set[str]) -> int:
        """Put the dead letters that can be read back on the queue, as an operator would; how many."""
        readable = [message.body for message in self.dead if message.body not in poison]
        self.dead = [message for message in self.dead if message.body in poison]
        if readable:
            super().send(readable)
        return len(readable)
