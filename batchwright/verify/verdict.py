"""What an assumption comes to: the four verdicts, and a judgement with what AWS did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, assert_never

from batchwright.verify.observed import Look, NotHere, Saw, Unseen

T = TypeVar("T")


class Verdict(StrEnum):
    """What a look at an assumption comes to."""

    HOLDS = "holds"
    BROKEN = "does not hold"
    NOT_HERE = "not here"
    """This place cannot answer, such as an emulator. It is no pass."""
    NOT_SEEN = "not seen"
    """Nothing came that would tell, or it could not be looked at."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what AWS did, in words."""

    verdict: Verdict
    told: str


def holds(told: str) -> Judged:
    return Judged(Verdict.HOLDS, told)


def broken(told: str) -> Judged:
    return Judged(Verdict.BROKEN, told)


def not_seen(told: str) -> Judged:
    return Judged(Verdict.NOT_SEEN, told)


def judged(look: Look[T], judge: Callable[[T], Judged]) -> Judged:
    """The judgement of what was seen, or why nothing was."""
    match look:
        case Saw(value):
            return judge(value)
        case NotHere(reason):
            return Judged(Verdict.NOT_HERE, reason)
        case Unseen(reason):
            return not_seen(reason)
    assert_never(look)
