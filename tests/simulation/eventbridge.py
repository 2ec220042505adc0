"""A simulated EventBridge: Batch's events on their way to the events queue, and those that are none of ours.

Owns the documents, the rule's choice of statuses, and how events are repeated, late, out of order or lost.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from chalicelib.core.schedule.model import iso_time
from tests.simulation.faults import LOST_EVENTS, Menu
from tests.simulation.queues import SimulatedQueue
from tests.simulation.story import Story

OBSERVED = frozenset({"PENDING", "RUNNING", "SUCCEEDED", "FAILED"})
"""The statuses that the rule of infra/foundation.yaml lets through."""
OBSERVED_ALL = OBSERVED | {"RUNNABLE", "STARTING"}
_HOUR_MS = 3_600_000
_LATER_MS = (0, 1_000, 5_000, 60_000, 600_000)


def document(detail: dict[str, Any], detail_type: str = "Batch Job State Change", at_ms: int | None = None) -> str:
    """An event; with its time, which has whole seconds, if that is given."""
    time = {} if at_ms is None else {"time": iso_time(at_ms // 1000 * 1000)}
    return json.dumps({"source": "aws.batch", "detail-type": detail_type, **time, "detail": detail})


class EventBridge:
    """Puts events on the queue: each once, if nothing goes wrong."""

    def __init__(self, queue: SimulatedQueue, rng: Random, menu: Menu, story: Story, *, every_state: bool) -> None:
        self.poison: set[str] = set()
        """The messages that nobody can read; each must come to lie in the dead letters."""
        self._queue = queue
        self._rng = rng
        self._menu = menu
        self._story = story
        self._lets_through = OBSERVED_ALL if every_state else OBSERVED

    def tell(self, detail: dict[str, Any], *, at_ms: int | None = None) -> bool:
        """Tell of a job's change of status; whether it will be heard. Of a job of others, which is told in every state,
        with its time."""
        if detail["status"] not in (self._lets_through if at_ms is None else OBSERVED_ALL):
            return False
        if self._menu[LOST_EVENTS]():
            self._story.add(f"   the event {detail['status']} of {_short(detail)} is lost")
            return False
        body = document(detail, at_ms=at_ms)
        menu = self._menu
        late_ms = 0
        if menu["event_late"]():
            late_ms = menu["event_late"].rng.choice(_LATER_MS)
        elif menu["event_hours_late"]():
            late_ms = menu["event_hours_late"].rng.randint(1, 30) * _HOUR_MS // 2
        elif detail["status"] not in ("SUCCEEDED", "FAILED") and menu["event_out_of_order"]():
            late_ms = menu["event_out_of_order"].rng.randint(1, 5_000)
        self._put(body, late_ms)
        if menu["event_twice"]():
            self._put(body, late_ms)
        if menu["event_again"]():
            self._put(body, late_ms + menu["event_again"].rng.choice(_LATER_MS))
        if self._story.is_told:
            self._story.add(f"   event {detail['status']} of {_short(detail)}" + f", {late_ms} ms late" * bool(late_ms))
        return True

    def repeat_an_old_one(self, rng: Random) -> None:
        if self._queue.old:
            body = rng.choice(self._queue.old)
            if body not in self.poison:
                self._put(body, 0)

    def send_foreign(self, rng: Random, ours: dict[str, Any]) -> None:
        """An event that must change nothing; `ours` is the detail of a job of ours, which it may resemble."""
        parameters = ours["parameters"]
        status = rng.choice(("RUNNING", "SUCCEEDED", "FAILED"))
        foreign = {**ours, "jobId": f"foreign-{rng.getrandbits(32):08x}", "status": status}
        kind = rng.randrange(7)
        if kind == 0:
            body = document({**foreign, "parameters": {"theirs": "1"}})
        elif kind == 1:
            body = document({**foreign, "jobName": "my-copy"})
        elif kind == 2:
            body = document(
                {**foreign, "jobId": f"{ours['jobId']}:{rng.randint(0, 3)}", "arrayProperties": {"index": 0}}
            )
        elif kind == 3:
            body = document({**ours, "status": status}, "Batch Job Queue Blocked")
        elif kind == 4:
            body = document({**ours, "status": "HIBERNATING"})
        elif kind == 5:
            body = document({**foreign, "parameters": {**parameters, "batchwright_run": "gone-aaaaaaaaaaaa"}})
        else:
            body = document({**foreign, "parameters": {**parameters, "batchwright_task": "999999"}})
        self._story.add(f"   foreign event: {body}")
        self._put(body, 0)

    def send_malformed(self, rng: Random, queue: SimulatedQueue, ours: dict[str, Any]) -> None:
        """A message that nobody can read."""
        marked = {"mark": rng.getrandbits(48)}
        bodies = (
            f"not JSON {marked}",
            json.dumps([marked]),
            json.dumps({"kind": "no_such_command", "source": "aws.batch", **_TYPE, "detail": "text", **marked}),
            json.dumps(
                {"kind": ["submit_tasks"], "source": "aws.batch", **_TYPE, "detail": {**ours, "status": 7, **marked}}
            ),
            json.dumps(
                {"kind": "retry_task", "source": "aws.batch", **_TYPE, "detail": {**ours, "jobId": 5, **marked}}
            ),
            "[" * 5_000 + str(marked["mark"]),
        )
        body = rng.choice(bodies)
        self.poison.add(body)
        self._story.add(f"   malformed message: {body[:120]}")
        queue.put([(body, 0)])

    def _put(self, body: str, late_ms: int) -> None:
        self._queue.put([(body, 0)])
        self._queue.comes_in(late_ms)


_TYPE = {"detail-type": "Batch Job State Change"}


def _short(detail: dict[str, Any]) -> str:
    number = detail["jobId"].removeprefix("00000000-0000-4000-8000-")
    return f"job {int(number) if number.isdigit() else number} ({detail['jobName']})"
