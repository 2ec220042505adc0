"""An SQS queue that keeps no order, delivers some messages twice, and puts what nobody can handle aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from chalicelib.core.chain import BEGINNING, Chain
from chalicelib.ports.services import Timer
from tests.memory.clock import HandClock
from tests.memory.queue import MemoryCommands, Message
from tests.simulation.faults import Dice, Menu
from tests.simulation.invariants import must
from tests.simulation.story import shown

VISIBILITY_SECONDS = 360
RECEIVE_LIMIT = 5
COUNTED_LATE_MS = 60_000
"""How long SQS may take to count a message: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
ROUNDS_MAXIMUM = 15
"""How often work may go from a queue to its function and back. Lambda ends such chains at about 16 rounds."""
_LATE_SECONDS = (1, 10, 60, 300, 1800)


class SimulatedQueue(MemoryCommands):
    """The queue in memory, whose messages come in any order. `late` and `redelivery` are its faults' dice."""

    def __init__(self, clock: HandClock, rng: Random, menu: Menu, late: Dice, lost: Dice) -> None:
        super().__init__(clock, visibility_seconds=VISIBILITY_SECONDS, receive_limit=RECEIVE_LIMIT)
        self.old: list[str] = []
        """Every body that was ever sent."""
        self.longest_chain = 0
        """The most hops that a message came by."""
        self._counted_from_ms: dict[str, int] = {}
        """When SQS counts a message that EventBridge sent, by its id."""
        self._rng = rng
        self._late = late
        self._lost = lost
        self._redelivery = menu["redelivery"]
        self._early = menu["command_early"]
        self.check_timers: Callable[[Sequence[Timer]], None] = lambda timers: None

    def send_timers(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        if not self._lost():
            self.put(timers, chain)

    def put(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        """As `send_timers`, and surely."""
        if self._early():
            timers = [(body, int(self._early.rng.random() * seconds)) for body, seconds in timers]
        super().send_timers(timers, chain)
        must(self.most_rounds <= ROUNDS_MAXIMUM, f"work went round {self.most_rounds} times: {shown(timers[0][0])}")
        self.check_timers(timers)
        self.old += [body for body, _ in timers]
        self.longest_chain = max(self.longest_chain, chain.hops)
        if self._late():
            self.hold_back(len(timers), self._late.rng.choice(_LATE_SECONDS) * 1000)

    def hold_back(self, messages: int, by_ms: int) -> None:
        """Let the messages sent last come that much later than they were to."""
        for stored in list(self._stored.values())[-messages:]:
            stored.visible_at_ms += by_ms
        self.changed()

    def comes_in(self, by_ms: int) -> None:
        """Let the message sent last be one that EventBridge still has, and puts on the queue after so long."""
        if by_ms:
            self.hold_back(1, by_ms)
        self._counted_from_ms[next(reversed(self._stored))] = self._clock.now_ms() + by_ms + COUNTED_LATE_MS

    def waiting(self) -> int:
        """The least that SQS may answer."""
        return len(self.counted)

    @property
    def counted(self) -> list[str]:
        """The bodies of the messages that SQS surely counts by now."""
        now_ms = self._clock.now_ms()
        return [one.body for one in self._stored.values() if self._counted_from_ms.get(one.message_id, 0) <= now_ms]

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
            self.put([(body, 0) for body in readable])
        return len(readable)
