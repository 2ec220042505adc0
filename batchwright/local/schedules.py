"""EventBridge Scheduler on this machine: puts the message of every schedule on its target's queue when its time comes.

MiniStack keeps the schedules; this fires them, in their time zones and with the time in the message, as the real one
does. It looks at the list every few seconds, for nobody tells of a change, and otherwise sleeps until the next time.
What passed while the machine slept or no worker ran is told once: catching up is the engine's.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.scheduler import SCHEDULED_TIME
from chalicelib.core.schedule.model import Schedule, Times

log = logging.getLogger("local.worker")

LOOK_SECONDS = 3.0
_EXPRESSION = re.compile(r"(cron|rate|at)\((.*)\)")


@dataclass
class Entry:
    """A schedule as it was read. `told_ms`: its times up to then were told."""

    modified: datetime
    times: Times
    from_ms: int
    until_ms: int
    queue: str
    text: str
    told_ms: int

    def next_ms(self) -> int | None:
        at_ms = self.times.next_after(max(self.told_ms, self.from_ms - 1))
        return None if at_ms is None or at_ms > self.until_ms else at_ms

    def take_due(self, now_ms: int) -> int | None:
        """The last time up to now that was not told yet, which counts as told."""
        at_ms = self.times.latest(max(self.told_ms, self.from_ms - 1), min(now_ms, self.until_ms))
        if at_ms is not None:
            self.told_ms = at_ms
        return at_ms


class LocalScheduler:
    """Fires the schedules of one group. `scheduler` and `sqs` are boto3's clients."""

    def __init__(self, scheduler: Any, sqs: Any, group: str) -> None:
        self._scheduler = scheduler
        self._sqs = sqs
        self._group = group
        self._entries: dict[str, Entry] = {}
        self._looked_ms = _now_ms()

    def run(self, ended: threading.Event) -> None:
        """Fire until `ended`."""
        while not ended.wait(self.seconds_to_wait()):
            try:
                self.look()
                self.fire()
            except (BotoCoreError, ClientError) as error:
                if not ended.is_set():
                    log.warning("the schedules could not be looked at: %s", error)

    def seconds_to_wait(self) -> float:
        """Until the next time, or the next look at the list."""
        times = [at_ms for entry in self._entries.values() if (at_ms := entry.next_ms()) is not None]
        left_ms = min(times, default=2**53) - _now_ms()
        return max(0.0, min(LOOK_SECONDS, left_ms / 1000))

    def look(self) -> None:
        """Take up what is new or was changed, and forget what is gone."""
        began_ms = _now_ms()
        there = {summary["Name"]: summary["LastModificationDate"] for summary in self._summaries()}
        for name, modified in there.items():
            known = self._entries.get(name)
            if known is None or known.modified != modified:
                entry = self._read(name)
                if entry is not None:
                    self._entries[name] = entry
        self._entries = {name: entry for name, entry in self._entries.items() if name in there}
        self._looked_ms = began_ms

    def fire(self) -> None:
        """Send the messages of the times that have come."""
        now_ms = _now_ms()
        for entry in self._entries.values():
            at_ms = entry.take_due(now_ms)
            if at_ms is not None:
                at = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                url = self._sqs.get_queue_url(QueueName=entry.queue)["QueueUrl"]
                self._sqs.send_message(QueueUrl=url, MessageBody=entry.text.replace(SCHEDULED_TIME, at))

    def _summaries(self) -> Iterator[Mapping[str, Any]]:
        for page in self._scheduler.get_paginator("list_schedules").paginate(GroupName=self._group):
            yield from page["Schedules"]

    def _read(self, name: str) -> Entry | None:
        try:
            found = self._scheduler.get_schedule(GroupName=self._group, Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return entry_of(found, self._looked_ms)


def entry_of(found: Mapping[str, Any], looked_ms: int) -> Entry | None:
    """What GetSchedule tells; None for a schedule that is not to be fired. Times before it was changed, or before the
    list was looked at last, are not told."""
    match = _EXPRESSION.fullmatch(found["ScheduleExpression"])
    if match is None or found.get("State") == "DISABLED":
        return None
    kind, value = match.groups()
    expression: dict[str, Any] = {kind: value}
    created_ms, modified_ms = _ms(found["CreationDate"]), _ms(found["LastModificationDate"])
    from_ms = _ms(found["StartDate"]) if found.get("StartDate") else 0
    starts = None
    if kind == "rate":
        starts = datetime.fromtimestamp((from_ms or created_ms) // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    zone = "UTC" if kind == "rate" else found.get("ScheduleExpressionTimezone") or "UTC"
    return Entry(
        modified=found["LastModificationDate"],
        times=Times(Schedule(**expression, time_zone=zone, starts=starts)),
        from_ms=from_ms,
        until_ms=_ms(found["EndDate"]) if found.get("EndDate") else 2**53,
        queue=found["Target"]["Arn"].rpartition(":")[2],
        text=found["Target"].get("Input", "{}"),
        told_ms=max(modified_ms, looked_ms),
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
