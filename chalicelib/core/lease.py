"""Leases: the right to publish what a record says is to be published, held by one invocation for a short time.

A lease is taken by a conditional write before the publication, and ended by the write that notes the publication. An
invocation that finds a lease held publishes nothing. Once a lease has expired its owner is surely dead, and the next
invocation takes it and publishes again, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose it is, and until when nobody else may take it over."""

    owner: str
    until_ms: int


class NoticeClaim(StrEnum):
    """What came of the attempt to take a lease on a single notice."""

    TAKEN = "taken"
    HELD = "held"
    """Another invocation is publishing it."""
    TOLD = "told"
    """It was published."""


def is_free(lease: Lease | None, owner: str, now_ms: int) -> bool:
    """Whether that owner may take the lease now: nobody has it, it has expired, or it is the owner's already."""
    return lease is None or lease.owner == owner or lease.until_ms <= now_ms


def seconds_left(lease: Lease | None, now_ms: int) -> int:
    """After how many seconds, at least one, a lease that is held has surely expired."""
    return 1 if lease is None else max(1, -(-(lease.until_ms - now_ms) // 1000))
