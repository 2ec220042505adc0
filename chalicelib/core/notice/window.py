"""Digests: of a burst of failures, one notice. Owns the windows in which they are gathered, and their names.

A *scope* is something whose failed members form a set that only grows: the failed tasks of an epoch of a run, or the
failed jobs that a monitor saw on one day. A *window* is a stretch of time, at whose end the members are counted and
told, if there are more than were told before. The count names the set, so the same set has one id, whoever tells it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.lease import Lease

_SPANS_SECONDS = (10, 60, 300, 900)
QUIET_MS = _SPANS_SECONDS[-1] * 1000
"""A scope whose last window closed so long ago begins with the shortest span again; no notices come oftener by it than
by the longest span."""
KEPT_SECONDS = 30 * 86_400
"""How long a scope is remembered after its last window."""
NAMED_MAXIMUM = 10
"""How many members a notice names; the count tells of the others."""


@dataclass(frozen=True, slots=True)
class Window:
    """The latest window of a scope. `number` counts from 1; `opener` is the member that opened it, which its notice
    names first. `told_count` is the highest count that surely was told, by this window or an earlier one. `step` counts
    the windows since the scope was quiet, from 1; it decides the span. `is_settled`: all that the window gathered was
    told. `lease` is the right to tell the scope's members, in this window or an earlier one."""

    number: int
    is_open: bool
    closes_ms: int
    opener: str
    told_count: int = 0
    step: int = 1
    is_settled: bool = False
    lease: Lease | None = None


def next_step(before: Window | None, now_ms: int) -> int:
    """The step of the window that is opened now, after that one."""
    return 1 if before is None or now_ms - before.closes_ms >= QUIET_MS else before.step + 1


def span_seconds(step: int) -> int:
    """How long a scope's window of that step gathers: the first is short, for the first failure, and the first after a
    quiet time, is the one that people want to hear of soon."""
    return _SPANS_SECONDS[min(step, len(_SPANS_SECONDS)) - 1]


def digest_id(scope: str, kind: str, count: int) -> str:
    """The id of the notice that tells the scope's first `count` members."""
    return f"{scope}/{kind}/{count}"


def run_scope(run_id: str, epoch: int) -> str:
    """The scope of the failed tasks of an epoch of a run."""
    return f"{run_id}/{epoch}"


def monitor_scope(monitor: str, since_ms: int, day: str) -> str:
    """The scope of the failed jobs that a monitor saw, of those that were created on a day (`2026-11-21`, UTC).
    `since_ms`: since when it watches for these failures; the ones that it watched for before are of another scope."""
    return f"monitor/{monitor}/{since_ms}/{day}"
