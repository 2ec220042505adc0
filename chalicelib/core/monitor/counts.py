"""How many jobs ended, and how, by five minutes: what rates and times of day are judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BUCKET_MS = 300_000
"""Endings are counted by five minutes, and a time of day that a monitor names is a multiple of them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a job's ending at `at_ms` is counted as: under each of these names (`Monitor.counts_under`), as a success or
    a failure; and among the run times of a definition, as one of that step (core/monitor/run_times.py). One of the two
    is there, or both."""

    at_ms: int
    succeeded: bool
    under: tuple[str, ...] = ()
    run_time: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many of a monitor's jobs ended how within the five minutes from `start_ms` on."""

    start_ms: int
    succeeded: int = 0
    failed: int = 0


def bucket_ms(at_ms: int) -> int:
    """Where the five minutes of a moment begin."""
    return at_ms - at_ms % BUCKET_MS


def totals(buckets: Iterable[Bucket]) -> tuple[int, int]:
    """How many failed, and how many ended."""
    failed, ended = 0, 0
    for one in buckets:
        failed += one.failed
        ended += one.failed + one.succeeded
    return failed, ended
