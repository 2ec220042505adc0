"""What goes wrong on the way of an event: repeated, late, out of order, lost. Pure and seeded.

Owns: how often, and after how many seconds, an event is delivered. Does not own the sending (publisher.py).
What happens to an event follows from the seed and from the event itself (job name, array index, status, number of
attempts, and the how-manieth such event it is), not from the moment it happened: two runs of one workflow with
one seed meet the same faults, however the machine was busy.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# How far apart the two copies of a repeated event, or two events out of order, may be when no delay is asked for.
SHORT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities are between 0 and 1; `delay_seconds` is the longest delay."""

    duplicate: float = 0.0
    delay_seconds: float = 0.0
    reorder: bool = False
    drop: float = 0.0
    seed: int = 0

    @property
    def none_wanted(self) -> bool:
        return not (self.duplicate or self.delay_seconds or self.reorder or self.drop)


class FaultPlan:
    """Turns events into delivery times."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._seen: Counter[str] = Counter()
        self._last_due_seconds = 0.0

    @property
    def none_wanted(self) -> bool:
        return self._faults.none_wanted

    def due_times(self, document: Mapping[str, Any], now_seconds: float) -> list[float]:
        """When to deliver this event: an empty list loses it, two entries repeat it.

        Without `reorder` the first deliveries keep the order of the events.
        """
        faults = self._faults
        if faults.none_wanted:
            return [now_seconds]
        draw = self._dice(document["detail"])
        lost, repeated, delay, second_delay = draw.random(), draw.random(), draw.random(), draw.random()
        if lost < faults.drop:
            return []
        spread = max(faults.delay_seconds, SHORT_SECONDS)
        if faults.reorder:
            due = now_seconds + delay * spread
        else:
            due = max(self._last_due_seconds, now_seconds + delay * faults.delay_seconds)
            self._last_due_seconds = due
        if repeated < faults.duplicate:
            return [due, due + second_delay * spread]
        return [due]

    def _dice(self, detail: Mapping[str, Any]) -> random.Random:
        index = detail.get("arrayProperties", {}).get("index", "")
        what = f"{detail['jobName']}|{index}|{detail['status']}|{len(detail['attempts'])}"
        self._seen[what] += 1
        return random.Random(f"{self._faults.seed}|{what}|{self._seen[what]}")
