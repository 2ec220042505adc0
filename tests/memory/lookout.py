"""A stage with monitors in memory, one event at a time: what the tests of monitors play their scenes on.

Jobs are foreign ones; nothing runs. As in theatre.py, an invocation may die at any call of a port.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.monitor.check import check_monitors
from chalicelib.core.monitor.pushed import pushed_after
from chalicelib.core.schedule.model import iso_time, read_moment_ms
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import Settings
from tests.job_events import read_record
from tests.memory.clock import HandClock
from tests.memory.theatre import Theatre, plan_of, task

RATE = {"m": {"failure_rate": {"above": 0.2, "within_seconds": 3600, "at_least_jobs": 5}}}
NOTHING = {"m": {"nothing_ran": {"by": "06:00", "time_zone": "Europe/Berlin"}}}
ARN = "arn:aws:batch:eu-west-1:111122223333"


class Lookout(Theatre):
    """A stage with these monitors."""

    def __init__(self, monitors: Mapping[str, Any], **more: Any) -> None:
        super().__init__(plan_of((task("a"), ())), **{"settings": Settings(observe_all_jobs=True), **more})
        self.push_monitors(monitors)
        self._details: dict[str, dict[str, Any]] = {}

    def push_monitors(self, monitors: Mapping[str, Any]) -> None:
        definition = check_monitors({"monitors": monitors})
        assert self.store.put_monitors(pushed_after(self.store.monitors(), definition, self.clock.now_ms()))

    def event(self, job_id: str, status: str, **more: Any) -> str:
        """The event that a foreign job is in this status now; keys of its detail are given or as they were."""
        now_ms = self.clock.now_ms()
        detail = self._details.setdefault(
            job_id,
            {
                "jobId": job_id,
                "jobName": f"job-{job_id}",
                "jobQueue": f"{ARN}:job-queue/etl",
                "jobDefinition": f"{ARN}:job-definition/films:3",
                "createdAt": now_ms,
                "attempts": [],
                "container": {},
            },
        )
        detail.update({"status": status, **more})
        if status == "RUNNING":
            detail["startedAt"] = now_ms
        if status in ("SUCCEEDED", "FAILED"):
            container = {"exitCode": 0 if status == "SUCCEEDED" else 1, "logStreamName": f"log-{job_id}"}
            detail |= {"stoppedAt": now_ms, "attempts": [{"container": container}], "container": container}
        envelope = {"source": "aws.batch", "detail-type": "Batch Job State Change", "time": iso_time(now_ms)}
        return json.dumps({**envelope, "detail": detail})

    def detail(self, job_id: str) -> dict[str, Any]:
        """What Batch tells of a foreign job, as of its latest event."""
        return dict(self._details[job_id])

    def happens(self, job_id: str, status: str, **more: Any) -> None:
        """A foreign job is in this status now, and its event is handled."""
        self.deliver_event(self.event(job_id, status, **more))

    def rest(self, act: Callable[[Callable[[], int]], int] = lambda deliver: deliver()) -> None:
        """Deliver what is on the queues, and let time pass until nothing is."""
        for _ in range(200):
            busy = 0
            for deliver in (self.deliver_events, self.deliver_commands):
                try:
                    busy += act(deliver)
                except MessagesLeft:
                    busy += 1
            if not busy:
                later = [at for q in (self.events, self.commands) if (at := q.next_visible_at_ms) is not None]
                if not later:
                    return
                self.clock.advance_to(max(min(later), self.clock.now_ms()))
        raise AssertionError("the queues did not come to rest")

    @property
    def ids(self) -> list[str]:
        """The ids of what was told, each once, in order."""
        return list(dict.fromkeys(self.notices.ids))


def look(lookout: Lookout, *, after_seconds: float = 0) -> list[str]:
    """The ids of what a look tells."""
    before = len(lookout.notices.published)
    lookout.sweep(after_seconds=after_seconds)
    return [notice.notice_id for notice in lookout.notices.published[before:]]


def end(lookout: Lookout, failed: int, succeeded: int, prefix: str) -> None:
    """So many jobs end, those that fail first."""
    for number in range(failed + succeeded):
        lookout.happens(f"{prefix}{number}", "FAILED" if number < failed else "SUCCEEDED")


def at(moment: str, monitors: dict[str, Any] = NOTHING) -> Lookout:
    """A stage at that moment, whose monitors were pushed just then."""
    lookout = Lookout({"other": {"failed": True}})
    lookout.clock = HandClock(read_moment_ms(moment))
    lookout.events._clock = lookout.commands._clock = lookout.clock
    lookout.push_monitors(monitors)
    return lookout


def record_of(lookout: Lookout, job_id: str, status: str) -> JobRecord:
    """What a job's event of now makes of its record."""
    record = read_record(json.loads(lookout.event(job_id, status)))
    assert record is not None
    return replace(record, seen_at_ms=lookout.clock.now_ms())
