"""Trigger rules: what becomes of a task, judged by how its parents ended.

Every verdict but `WAIT` and `UNREAD` is final: more endings never change it. That is what lets several handlers of
events, each with its own view of the tallies, come to the same end in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from chalicelib.core.states import TriggerRule


class Verdict(Enum):
    """What a task's trigger rule says."""

    READY = auto()
    """It may start."""
    SKIP = auto()
    """It never will, and no failure is the cause."""
    DOOM = auto()
    """It never will, because of a failure before it."""
    WAIT = auto()
    """It depends on a parent that has not ended; that parent's event will ask again."""
    UNREAD = auto()
    """It depends on tallies that have not been read."""


@dataclass(frozen=True, slots=True)
class ParentCounts:
    """How many parents of a task ended how. `waiting` have not ended; of `unread` it is not known yet."""

    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    upstream_failed: int = 0
    cancelled: int = 0
    waiting: int = 0
    unread: int = 0

    @property
    def bad(self) -> int:
        return self.failed + self.upstream_failed


def verdict(rule: TriggerRule, parents: ParentCounts) -> Verdict:
    """What `rule` says of a task with these parents.

    A task with a cancelled parent waits: the cancelling of the run ends it.
    """
    early, late = _RULES[rule]
    decided = early(parents)
    if decided is not None:
        return decided
    if parents.waiting or parents.cancelled:
        return Verdict.WAIT
    if parents.unread:
        return Verdict.UNREAD
    return late(parents)


def _never(_: ParentCounts) -> None:
    return None


def _doom_if_bad(parents: ParentCounts) -> Verdict | None:
    return Verdict.DOOM if parents.bad else None


def _ready(_: ParentCounts) -> Verdict:
    return Verdict.READY


_Early = Callable[[ParentCounts], Verdict | None]
_Late = Callable[[ParentCounts], Verdict]

# Of each rule: what some of the parents can decide alone, and what is true once all have ended.
_RULES: dict[TriggerRule, tuple[_Early, _Late]] = {
    TriggerRule.ALL_SUCCESS: (_doom_if_bad, lambda p: Verdict.SKIP if p.skipped else Verdict.READY),
    TriggerRule.ALL_DONE: (_never, _ready),
    TriggerRule.ALL_FAILED: (lambda p: Verdict.SKIP if p.succeeded or p.skipped else None, _ready),
    TriggerRule.ONE_SUCCESS: (
        lambda p: Verdict.READY if p.succeeded else None,
        lambda p: Verdict.DOOM if p.bad else Verdict.SKIP,
    ),
    TriggerRule.ONE_FAILED: (lambda p: Verdict.READY if p.bad else None, lambda _: Verdict.SKIP),
    TriggerRule.NONE_FAILED: (_doom_if_bad, _ready),
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: (
        _doom_if_bad,
        lambda p: Verdict.READY if p.succeeded else Verdict.SKIP,
    ),
}
