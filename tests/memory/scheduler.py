"""EventBridge Scheduler in memory: keeps what was placed, and tells the times that it would fire at."""

from __future__ import annotations

from chalicelib.core.run.commands import StartScheduled, encode
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule, Times, iso_time


class MemoryScheduler:
    """`placed` is what is there, by workflow and name: the times, and those after which moment."""

    def __init__(self) -> None:
        self.placed: dict[tuple[str, str], tuple[Times, int]] = {}

    def place(self, record: ScheduleRecord, schedule: Schedule, now_ms: int) -> None:
        key = record.workflow, record.name
        times = Times(schedule, record.since_ms)
        if times.next_after(now_ms) is None:
            self.placed.pop(key, None)
        else:
            self.placed[key] = times, now_ms

    def remove(self, workflow: str, name: str) -> None:
        self.placed.pop((workflow, name), None)

    def next_ms(self) -> int | None:
        """When it would fire next."""
        following = (times.next_after(after_ms) for times, after_ms in self.placed.values())
        return min((at_ms for at_ms in following if at_ms is not None), default=None)

    def fire(self, now_ms: int) -> list[str]:
        """The messages of the times up to now, each told once."""
        bodies = []
        for (workflow, name), (times, after_ms) in sorted(self.placed.items()):
            while (at_ms := times.next_after(after_ms)) is not None and at_ms <= now_ms:
                text = iso_time(at_ms).replace("+00:00", "Z")
                bodies.append(encode(StartScheduled(workflow, name, text)))
                after_ms = at_ms
                self.placed[workflow, name] = times, after_ms
        return bodies
