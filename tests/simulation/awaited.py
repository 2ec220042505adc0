"""The events that a deadline of `nothing_ran` waits for, as the judge of simulated worlds knows them.

Owns the rules of the wait. A success that SQS surely counts in the queue when a look begins is not said to be missing,
unless events were awaited for 15 minutes and the notice says that it may be wrong. Nothing else puts a notice off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from chalicelib.core.monitor.records import MonitorLook
from chalicelib.core.notice.model import Notice
from tests.simulation.invariants import must
from tests.simulation.queues import SimulatedQueue
from tests.simulation.watched import Deadline, Ended, deadlines

AWAITED_MS = 900_000
SETTLED_MS = 120_000
_SAYS_SO = "This may be wrong:"
_OUTAGE_MINUTES = (1, 5, 12, 40)
_PAST_A_DEADLINE_MINUTES = (3, 8, 14, 17, 30)
_SOON_MS = 10_800_000


@dataclass(frozen=True, slots=True)
class Queued:
    """The events queue when a look began: the ids of jobs whose success it surely tells, how many messages it held,
    and how many had been sent to it."""

    succeeded: frozenset[str]
    held: int
    sent: int

    def may_have_held_any(self, queue: SimulatedQueue) -> bool:
        """Whether the look may have found messages."""
        return self.held > 0 or queue.sent > self.sent

    def left_in(self, queue: SimulatedQueue) -> frozenset[str]:
        """The ids of these jobs, without those whose success went to the dead letters, where nobody counts it."""
        return self.succeeded - set(_successes(message.body for message in queue.dead))


def queued_in(queue: SimulatedQueue) -> Queued:
    return Queued(frozenset(_successes(queue.counted)), len(queue.bodies), queue.sent)


def _successes(bodies: Iterable[str]) -> Iterable[str]:
    for body in bodies:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            detail = json.loads(body)["detail"]
            if detail["status"] == "SUCCEEDED":
                yield detail["jobId"]


def end_of_an_outage_ms(rng: Random, now_ms: int, monitors: Mapping[str, Any], sweeps_ms: range) -> int:
    """When events are handled again that nobody handles from now on: most often after a deadline, and in half of the
    cases when one of the sweeps begins, so that both are under way at once."""
    ends = [now_ms + minutes * 60_000 for minutes in _OUTAGE_MINUTES]
    for rule in (given["nothing_ran"] for given in monitors.values() if "nothing_ran" in given):
        for one in deadlines(rule, now_ms, now_ms + _SOON_MS):
            ends += [one.at_ms + minutes * 60_000 for minutes in _PAST_A_DEADLINE_MINUTES]
    end_ms = rng.choice(ends)
    return next(at_ms for at_ms in sweeps_ms if at_ms >= end_ms) if rng.random() < 0.5 else end_ms


def check_told(notice: Notice, deadline: Deadline, look: MonitorLook, missed: Sequence[Ended], latest_ms: int) -> None:
    """That a notice of a deadline overlooks no success in the queue, unless it waited: those in time are `missed`."""
    waited = look.awaited_since_ms >= deadline.at_ms and latest_ms - look.awaited_since_ms >= AWAITED_MS
    says_so = _SAYS_SO in (notice.text or "")
    must(waited or not says_so, f"{notice.notice_id} says that it waited, and did not: {look}")
    must(not missed or (waited and says_so), f"{notice.notice_id}, and the queue tells that {missed} succeeded: {look}")


def check_begun(
    before: MonitorLook, look: MonitorLook, known: Sequence[Deadline], earliest_ms: int, latest_ms: int
) -> None:
    """That a wait which a look notes as begun begins with it, and is the first one of a deadline that is past."""
    in_time = earliest_ms <= look.awaited_since_ms <= latest_ms
    must(in_time, f"events are awaited since another time than that of the look: {look}")
    past = [one for one in known if one.at_ms + SETTLED_MS <= latest_ms]
    is_first = any(one.at_ms > before.awaited_since_ms for one in past[-1:])
    must(is_first, f"events are awaited anew: {before}, {look}")


def may_wait(look: MonitorLook, deadline: Deadline, earliest_ms: int) -> bool:
    """Whether a look that began then may have put the notice of a deadline off."""
    return look.awaited_since_ms >= deadline.at_ms and earliest_ms - look.awaited_since_ms < AWAITED_MS
