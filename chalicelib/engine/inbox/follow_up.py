"""Work that follows from a message of the commands queue, on its way to the same queue.

Owns the end of long chains (core/chain.py). At the last hop nothing is sent: it is as if the message were lost, and the
sweep makes up for lost messages. What the sweep sends begins a new chain.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.chain import BEGINNING, HOPS_MAXIMUM, Chain
from chalicelib.engine.world.world import World
from chalicelib.ports.services import Commands, Timer

log = logging.getLogger(__name__)


def following(world: World, chain: Chain) -> World:
    """The world in which a message of the commands queue is handled that came by this chain."""
    return replace(world, commands=Onward(world.commands, chain))


class Onward:
    """The commands port, for the handler of one of the queue's own messages."""

    def __init__(self, commands: Commands, chain: Chain) -> None:
        self._commands = commands
        self._chain = chain

    def send(self, bodies: Sequence[str], delay_seconds: int = 0, chain: Chain = BEGINNING) -> None:
        self.send_timers([(body, delay_seconds) for body in bodies], chain)

    def send_timers(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        onward = self._chain.following
        if onward is None:
            log.warning("%d commands are left to the sweep after a chain of %d messages", len(timers), HOPS_MAXIMUM)
            return
        self._commands.send_timers(timers, onward)
