"""Chains of messages: how far work may go from a queue to the function it feeds and back to the same queue.

Lambda ends such a chain after about 16 rounds, because it looks like a loop
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html). Each message therefore carries its count, and
the count ends below that. Owns the count, and how long a message waits that cannot be handled yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.limits import QUEUE_DELAY_SECONDS_MAXIMUM, RECEIPTS_MAXIMUM

HOPS_MAXIMUM = 12
"""Maximum number of times that work returns to the queue it came from. Lambda's own limit is about 16."""
COPIED_AT_RECEIPT = RECEIPTS_MAXIMUM - 1
"""From this receipt on, a message that waits is copied. One receipt is left in case that the copy cannot be sent."""
WAIT_SECONDS_MAXIMUM = 21_600
"""Maximum time that a message is hidden at once. SQS allows twelve hours in all for one receipt."""

TIMER_SECONDS_MAXIMUM = QUEUE_DELAY_SECONDS_MAXIMUM + 60
"""Longest wait whose timer is a message from the beginning. Such a message may come a minute early, and is hidden until
its time. The sweep sets the timers of longer waits: the minute is more than clocks differ by."""

_FIRST_LOOKS_SECONDS = (2, 10)
"""Most claims are open for milliseconds, so the first looks come soon. The later ones wait the lease out."""
_GROWTH = 4
"""A message that has waited for so many minutes waits one minute more: an outage of four days takes few receipts."""


@dataclass(frozen=True, slots=True)
class Chain:
    """How a message came to its queue. `hops` counts the rounds from the queue through its function and back.
    `waits_since_ms` is set on copies: when the first of them was received first."""

    hops: int = 0
    waits_since_ms: int | None = None

    @property
    def following(self) -> Chain | None:
        """The chain of new work that follows from the message. None at the last hop."""
        return None if self.hops >= HOPS_MAXIMUM else Chain(self.hops + 1)

    def copied(self, waits_since_ms: int) -> Chain | None:
        """The chain of a copy of the message. None at the last hop."""
        return None if self.hops >= HOPS_MAXIMUM else Chain(self.hops + 1, waits_since_ms)


BEGINNING = Chain()
"""The chain of a message that did not come from its own queue."""

HOPS, WAITS_SINCE_MS = "batchwright_hops", "batchwright_waits_since_ms"
"""The names of a message's attributes that hold its chain."""


def fits_a_message(seconds: int) -> bool:
    """Whether the timer of so long a wait is a message from the beginning."""
    return seconds <= TIMER_SECONDS_MAXIMUM


def wait_seconds(chain: Chain, receipt: int, after_seconds: int, waited_seconds: int, *, exact: bool = False) -> int:
    """How long a message that cannot be handled yet waits for its next receipt.

    `after_seconds` is how long its handler would wait, `waited_seconds` how long the message has waited so far. `exact`
    means that an earlier look cannot help.
    """
    if not exact and chain.hops == 0 and receipt <= len(_FIRST_LOOKS_SECONDS):
        return min(after_seconds, _FIRST_LOOKS_SECONDS[receipt - 1])
    grown_seconds = after_seconds if exact else max(after_seconds, waited_seconds // _GROWTH)
    maximum = QUEUE_DELAY_SECONDS_MAXIMUM if receipt >= COPIED_AT_RECEIPT else WAIT_SECONDS_MAXIMUM
    return min(grown_seconds, maximum)
