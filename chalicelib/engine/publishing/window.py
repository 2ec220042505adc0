"""Digests: failures that come in a burst are told in one notice, and the same set of them never under two ids.

Owns the order of the writes. An invocation that adds a member to a scope, and then finds its window closed, opens the
next one. The command that it sent before closes the window and takes the scope's lease in one write, counts, and tells.
Of several commands for one window, as of invocations that found it closed at the same time, one gets the lease. What is
counted, and how it is told, is passed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from chalicelib.core.lease import seconds_left
from chalicelib.core.notice.window import Window, next_step, span_seconds
from chalicelib.core.run.commands import TellFailures, encode
from chalicelib.engine.world.world import DONE, NotYet, Outcome, World

log = logging.getLogger(__name__)

LOST_SECONDS = 600
"""After so long beyond its time, the command that was to close a window is taken for lost."""


TellWindow = Callable[[int, int], TellFailures]
"""Makes a scope's command to tell the failures of a window, from its number and when it closes."""


def scope_of(command: TellWindow) -> str:
    """The scope that commands so made are about, whatever the window."""
    return command(1, 0).scope


def see_to_window(world: World, command: TellWindow, opener: str) -> None:
    """See to it that the members of a scope are told, after one was added; `opener` is the one. Safe to repeat."""
    scope = scope_of(command)
    now_ms = world.clock.now_ms()
    window = world.store.window(scope)
    if window is not None and window.is_open:
        if is_overdue(window, now_ms):
            log.warning("nobody closed window %d of %s; it is closed now", window.number, scope)
            world.commands.send([encode(command(window.number, window.closes_ms))])
        return
    number = window.number + 1 if window else 1
    step = next_step(window, now_ms)
    seconds = span_seconds(step)
    closes_ms = now_ms + seconds * 1000
    # The command comes first: a crash in between leaves one that finds nothing to close, and not an open window that
    # nobody closes, behind which all later members would wait.
    world.commands.send([encode(command(number, closes_ms))], delay_seconds=seconds)
    # Where another invocation opens it first, both commands ask for the lease, and the second finds the window settled.
    world.store.open_window(scope, number, opener, closes_ms, step)


def is_overdue(window: Window, now_ms: int) -> bool:
    """Whether the command that was to close an open window is surely lost."""
    return now_ms > window.closes_ms + LOST_SECONDS * 1000


def tell_digest(
    world: World, command: TellFailures, count: Callable[[], int], tell: Callable[[Window, int], None]
) -> Outcome:
    """Close the window, count the scope's members, and tell them if there are more than were told.

    `count` must see every member that was added before it is called; `tell` publishes under an id that the count alone
    decides. Safe to repeat, and beside itself: `NotYet` while another invocation has the lease.
    """
    scope, number = command.scope, command.number
    window = world.store.window(scope)
    if window is None or window.number < number:
        if world.clock.now_ms() < command.closes_ms + world.settings.lease_seconds * 1000:
            # Who sent this may be slow, and not have opened the window yet.
            return NotYet(world.settings.soon_seconds, f"window {number} of {scope} is not open yet")
        return DONE
    if window.number > number or window.is_settled:
        return DONE
    now_ms = world.clock.now_ms()
    # Closed first: an invocation that adds a member which is not counted here finds the window closed, and opens the
    # next one.
    closed = world.store.close_window(scope, number, world.lease(), now_ms)
    if closed is None:
        return NotYet(seconds_left(window.lease, now_ms), f"another invocation tells the failures of {scope}")
    members = count()
    if members > closed.told_count:
        tell(closed, members)
    world.store.settle_window(scope, number, max(members, closed.told_count), world.owner)
    return DONE
