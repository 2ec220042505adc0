"""A workflow with one schedule, `often`, in a theatre: what the tests of schedules play their scenes on."""

from __future__ import annotations

from typing import Any

from chalicelib.core.run.commands import ScheduleNext, encode
from chalicelib.core.run.records import Run
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import zone as zone_of
from chalicelib.core.schedule.model import zoned
from chalicelib.core.states import RunState
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.schedules.placement import place_schedules, push_workflow
from tests.memory.theatre import Theatre, plan_of, task

PLAN = plan_of((task("a"), ()), (task("b"), ["a"]))
EVERY_TEN_MINUTES = "*/10 * * * ? *"
"""The theatre's clock begins at 22:13:20."""


class Timetable(Theatre):
    """The theatre of a workflow whose schedule is as given; its first time is 22:20."""

    def __init__(self, **schedule: Any) -> None:
        super().__init__(PLAN, definition=_definition(schedule))
        place_schedules(self.world(), PLAN.workflow)

    def push(self, **schedule: Any) -> None:
        push_workflow(self.world(), PLAN.workflow, _definition(schedule), PLAN)

    def push_without(self) -> None:
        push_workflow(self.world(), PLAN.workflow, {}, PLAN)

    @property
    def schedule(self) -> ScheduleRecord:
        record = self.store.schedule(PLAN.workflow, "often")
        assert record is not None, "it was pushed with the workflow"
        return record

    def pass_time(self, *, minutes: float, told: bool = True) -> None:
        """Let time pass, and EventBridge Scheduler tell of each time; its messages are lost if it is not `told`."""
        until_ms = self.clock.now_ms() + round(minutes * 60_000)
        while (next_ms := self.scheduler.next_ms()) is not None and next_ms <= until_ms:
            self.clock.advance_to(next_ms)
            bodies = self.scheduler.fire(next_ms)
            if told:
                self.commands.send(bodies)
                self.deliver_all()
        self.clock.advance_to(until_ms)

    def deliver_all(self) -> None:
        """Hand every visible command to an invocation of its own."""
        while True:
            try:
                if not self.deliver_commands():
                    return
            except MessagesLeft:
                pass

    def look(self) -> None:
        """Somebody says that there may be something to do."""
        self.commands.send([encode(ScheduleNext(PLAN.workflow, "often"))])
        self.deliver_all()

    def end_runs(self) -> None:
        """Let the jobs of all runs end, and what follows happen, without time passing."""
        for _ in range(1_000):
            self.tell()
            if not self.deliver_events() and not self.commands_are_visible():
                return
            self.deliver_all()
        raise AssertionError("the runs did not end")

    def commands_are_visible(self) -> bool:
        at_ms = self.commands.next_visible_at_ms
        return at_ms is not None and at_ms <= self.clock.now_ms()

    def runs(self, *wanted: RunState) -> list[Run]:
        """The runs in these states, or all, by their scheduled times."""
        runs = self.store.list_runs(PLAN.workflow, 1_000).runs
        return sorted(
            (run for run in runs if not wanted or run.state in wanted), key=lambda run: run.scheduled_at_ms or 0
        )

    def times(self, *wanted: RunState) -> list[str]:
        """The scheduled times of the runs in these states, or of all: `22:20`."""
        return [clock_time(run.scheduled_at_ms or 0) for run in self.runs(*wanted)]


def clock_time(at_ms: int) -> str:
    return zoned(at_ms, zone_of("UTC")).strftime("%H:%M")


def _definition(schedule: dict[str, Any]) -> dict[str, Any]:
    timing = {} if {"cron", "rate", "at"} & set(schedule) else {"cron": EVERY_TEN_MINUTES}
    params = {"day": {"type": "string"}, "films": {"type": "integer"}}
    return {"params": params, "schedules": {"often": {**timing, **schedule}}}
