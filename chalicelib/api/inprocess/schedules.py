"""The API in process: schedules."""

from __future__ import annotations

from itertools import islice

from chalicelib.api import models as m
from chalicelib.api.inprocess.base import Part, check_limit
from chalicelib.api.to_models import schedule_model
from chalicelib.core.schedule.decisions import NEVER_MS, ScheduleRecord
from chalicelib.engine.schedules.due_times import backfill, known_schedule, pause_schedule, resume_schedule

SCHEDULES_MAXIMUM = 1_000
"""Of how many the list of all is made; what is behind them is found by its workflow."""
TIMES_MAXIMUM = 100


class DirectSchedules(Part):
    """What the protocol says of schedules."""

    def schedules(self, workflow: str | None = None) -> list[m.Schedule]:
        if workflow is not None:
            if self._ground.store.workflow(workflow) is None:
                raise self._ground.unknown_workflow(workflow)
            return self._models(self._ground.store.schedules(workflow))
        there = sorted(self._ground.store.due_schedules(NEVER_MS, SCHEDULES_MAXIMUM))
        of = dict.fromkeys(name for name, _ in there)
        return [model for name in of for model in self._models(self._ground.store.schedules(name))]

    def next_times(self, workflow: str, schedule: str, *, count: int = 10, after_ms: int | None = None) -> list[int]:
        check_limit(count, TIMES_MAXIMUM)
        times = known_schedule(self._ground.world, workflow, schedule).times
        if times is None:
            return []
        after_ms = self._ground.world.clock.now_ms() if after_ms is None else after_ms
        return list(islice(times.after(max(0, after_ms)), count))

    def pause_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        return self._model(pause_schedule(self._ground.world, workflow, schedule))

    def resume_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        return self._model(resume_schedule(self._ground.world, workflow, schedule))

    def backfill(self, workflow: str, schedule: str, request: m.Backfill) -> m.Backfilled:
        record, times_ms = backfill(
            self._ground.world, workflow, schedule, request.from_ms, request.to_ms, dry_run=request.dry_run
        )
        stage = self._ground.world.stage
        return m.Backfilled(times_ms=times_ms, run_ids=[record.run_id(stage, at_ms) for at_ms in times_ms])

    def _models(self, records: list[ScheduleRecord]) -> list[m.Schedule]:
        stage = self._ground.world.stage
        return [schedule_model(stage, record, record.schedule) for record in records if record.schedule is not None]

    def _model(self, record: ScheduleRecord) -> m.Schedule:
        (model,) = self._models([record])
        return model
