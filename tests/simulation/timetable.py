"""A schedule in a simulated world: its times, who is told of them, and the rules that hold for their runs.

One run a time, none that the schedule wanted is lost, and where runs may not overlap no two go on at once. Which times
may be dropped is judged here from the policies alone, without the engine's decisions. Drawn in some worlds only, from
dice of its own, so that the others play as they would without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.ids import scheduled_run_id
from chalicelib.core.run.records import Run
from chalicelib.core.schedule.decisions import GRACE_MS, ScheduleRecord
from chalicelib.core.schedule.model import CatchUp, Overlap, iso_time
from chalicelib.engine.schedules.due_times import backfill, pause_schedule, resume_schedule
from chalicelib.engine.schedules.placement import place_schedules
from chalicelib.engine.world.world import World
from tests.simulation.actions import Action, Ask, Due
from tests.simulation.faults import derived
from tests.simulation.invariants import Epoch, SimulatedRun, must
from tests.simulation.plans import random_fates, random_plan
from tests.simulation.scope import Scope

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedWorld

SHARE = 0.03
"""Of the worlds that have a schedule: its runs make one cost three times as much."""
NAME = "schedule"
"""What leaves it out of a scope, or gives it another share."""
STAGE, WORKFLOW, OFTEN = "play", "timed", "often"
_FIRST_RUN = 100
_LATE_SECONDS = (20, 890, 910, 3_600)


def timetable_of(world: SimulatedWorld, scope: Scope) -> Timetable | None:
    """The world's schedule, if it has one."""
    if NAME in scope.without or derived(world.seed, NAME).random() >= scope.shares.get(NAME, SHARE):
        return None
    return Timetable(world, scope)


class Timetable:
    """The schedule of one world. `times` are all that it ever has."""

    def __init__(self, world: SimulatedWorld, scope: Scope) -> None:
        rng = derived(world.seed, "timetable")
        self._world = world
        self.overlap = rng.choice(tuple(Overlap))
        self.catch_up = rng.choice(tuple(CatchUp))
        minutes = rng.choice((1, 3, 10, 60))
        first_ms = (world.clock.now_ms() // 60_000 + rng.randint(0, 2 * minutes)) * 60_000
        self.times = [first_ms + number * minutes * 60_000 for number in range(rng.randint(1, 6))]
        self.plan = random_plan(derived(world.seed, "timed plan"), WORKFLOW)
        self.definition = {
            "schedules": {
                OFTEN: {
                    "rate": f"{minutes} minutes",
                    "starts": iso_time(self.times[0])[:19],
                    "ends": iso_time(self.times[-1])[:19],
                    "overlap": self.overlap.value,
                    "catch_up": self.catch_up.value,
                }
            }
        }
        self.runs: dict[int, SimulatedRun] = {}
        self.dropped: set[int] = set()
        self.known_from_ms = 0
        """Up to when times had passed before the schedule came to be."""
        self.filled_until_ms = 0
        """Up to when a backfill was asked for."""
        world.store.push(WORKFLOW, self.definition, self.plan, world.clock.now_ms())
        for number, at_ms in enumerate(self.times):
            fates = random_fates(derived(world.seed, f"timed fates {number}"), self.plan)
            run_id = scheduled_run_id(STAGE, WORKFLOW, OFTEN, at_ms)
            run = SimulatedRun(_FIRST_RUN + number, run_id, [Epoch(self.plan, fates)])
            run.cancel_was_asked = self.overlap is Overlap.CANCEL_PREVIOUS
            self.runs[at_ms] = world.judge.runs[run_id] = run
        self.first = self.runs[self.times[0]]

    def agenda(self) -> list[Due]:
        """Who asks for something, and when."""
        due = []
        for action in (PLACE, PLACE_AGAIN, PAUSE, RESUME, BACKFILL):
            rng = derived(self._world.seed, f"schedule {action.name}")
            wanted, at_step = rng.random() < action.share, rng.randint(1, self._world.conditions.stormy_steps)
            if wanted:
                due.append(Due(1 if action.first else at_step, self._world, Ask(action, self.first)))
        return due

    def fire(self) -> None:
        """Tell of the times that have come, as far as nothing goes wrong."""
        world = self._world
        menu, queue = world.menu, world.commands
        for body in world.scheduler.fire(world.clock.now_ms()):
            if menu["time_lost"]():
                continue
            for _ in range(2 if menu["time_twice"]() else 1):
                queue.put([(body, 0)])
                if menu["time_late"]():
                    queue.hold_back(1, menu["time_late"].rng.choice(_LATE_SECONDS) * 1000)

    @property
    def record(self) -> ScheduleRecord | None:
        return self._world.store.schedule(WORKFLOW, OFTEN)

    def resume_in_the_end(self) -> bool:
        """Let the schedule go on, if nobody did; whether it was paused."""
        paused = self.record is not None and self.record.paused_at_ms is not None
        if paused:
            Ask(RESUME, self.first).make(self._world)
        return paused

    # What must hold at every write

    def check_start(self, run: Run) -> None:
        at_ms = run.scheduled_at_ms
        must(at_ms in self.runs, f"a run was started for {at_ms}, which is no time of the schedule")
        assert at_ms is not None
        may_be = at_ms not in self.dropped or self.filled_until_ms > 0
        must(may_be and (at_ms > self.known_from_ms or self.filled_until_ms > 0), f"{at_ms} was started unwanted")
        if self.overlap is not Overlap.ALLOW:
            going = [other for other, one in self.runs.items() if other != at_ms and self._goes_on(one)]
            must(not going, f"the run of {at_ms} was started while that of {going} went on")

    def check_record(self, before: ScheduleRecord | None, after: ScheduleRecord) -> None:
        if before is None:
            self.known_from_ms = after.decided_ms
            return
        must(after.decided_ms >= before.decided_ms, "what a schedule had decided was opened again")
        held = {*after.pending, *after.backfill, after.active_ms}
        for at_ms in self.times:
            if before.decided_ms < at_ms <= after.decided_ms and at_ms not in held:
                self._check_dropped(at_ms, before, after)
                self.dropped.add(at_ms)
        for at_ms in {*before.pending, *before.backfill} - held:
            newer = any(other is not None and other > at_ms for other in (*after.pending, after.active_ms))
            replaced = self.overlap is Overlap.CANCEL_PREVIOUS and newer
            must(replaced or self._exists(at_ms), f"{at_ms} waited and was forgotten")
            if not self._exists(at_ms):
                self.dropped.add(at_ms)
        if self.overlap is not Overlap.ALLOW and before.active_ms not in (None, after.active_ms):
            assert before.active_ms is not None
            over = self._exists(before.active_ms) and not self._goes_on(self.runs[before.active_ms])
            must(over, f"the turn of {before.active_ms} was over before its run was")

    def _check_dropped(self, at_ms: int, before: ScheduleRecord, after: ScheduleRecord) -> None:
        """That the policies allow a time not to be started."""
        from tests.simulation.world import SKEW_MS

        now_ms = self._world.clock.now_ms()
        resumed = before.paused_at_ms is not None and after.paused_at_ms is None
        must(before.paused_at_ms is None or resumed, f"{at_ms} was decided during a pause")
        may_be_missed = resumed or now_ms - at_ms > GRACE_MS - SKEW_MS
        may_be_on_time = not resumed and now_ms - at_ms <= GRACE_MS + SKEW_MS
        newest_missed_ms = now_ms + SKEW_MS - (0 if resumed else GRACE_MS)
        is_newest = not any(at_ms < other <= newest_missed_ms for other in self.times)
        newer_held = any(other is not None and other > at_ms for other in (*after.pending, after.active_ms))
        allowed = [
            self.overlap is Overlap.CANCEL_PREVIOUS and newer_held,
            self.catch_up is CatchUp.NONE and may_be_missed,
            self.catch_up is CatchUp.LATEST and may_be_missed and not is_newest,
            self.overlap is Overlap.SKIP
            and (self.catch_up is not CatchUp.ALL or may_be_on_time)
            and self._busy(before),
        ]
        must(any(allowed), f"{at_ms} was lost: {self.overlap}, {self.catch_up}, {now_ms - at_ms} ms after it")

    def _busy(self, record: ScheduleRecord) -> bool:
        """Whether a time of before waited, or its run went on when the invocation under way began."""
        if record.pending:
            return True
        if record.active_ms is None or record.active_is_backfill or not self._exists(record.active_ms):
            return False
        judge, run = self._world.judge, self.runs[record.active_ms]
        return self._goes_on(run) or judge.under_way() <= judge.ended_after[run.run_id]

    def _exists(self, at_ms: int) -> bool:
        return self._world.store.run(self.runs[at_ms].run_id) is not None

    def _goes_on(self, run: SimulatedRun) -> bool:
        stored = self._world.store.run(run.run_id)
        return stored is not None and not stored.state.ended and stored.epoch == 0

    # What must have come of it

    def check_end(self) -> list[SimulatedRun]:
        """That no time is lost; the runs that there are."""
        record = self.record
        assert record is not None, "the schedule of every world is placed"
        must(not record.pending and not record.backfill, f"times wait for ever: {record}")
        must(record.decided_ms >= self.times[-1], "the last time was never decided")
        must(record.placed == record.wanted_placing, "EventBridge Scheduler does not have the schedule")
        for at_ms in self.times:
            wanted = at_ms <= self.filled_until_ms or (at_ms > self.known_from_ms and at_ms not in self.dropped)
            must(self._exists(at_ms) or not wanted, f"{at_ms} was never started")
        return [run for at_ms, run in self.runs.items() if self._exists(at_ms)]


def _place(world: World, run: SimulatedRun) -> None:
    place_schedules(world, WORKFLOW)


def _pause(world: World, run: SimulatedRun) -> None:
    pause_schedule(world, WORKFLOW, OFTEN)


def _resume(world: World, run: SimulatedRun) -> None:
    resume_schedule(world, WORKFLOW, OFTEN)


def _backfill(world: World, run: SimulatedRun) -> None:
    backfill(world, WORKFLOW, OFTEN, 0, world.clock.now_ms(), dry_run=False)


def _note_backfill(world: SimulatedWorld, run: SimulatedRun) -> None:
    from tests.simulation.world import SKEW_MS

    assert world.timetable is not None
    world.timetable.filled_until_ms = max(1, world.clock.now_ms() - SKEW_MS)


def _is_there(world: SimulatedWorld, run: SimulatedRun) -> bool:
    return world.timetable is not None and world.timetable.record is not None


def _is_paused(world: SimulatedWorld, run: SimulatedRun) -> bool:
    record = world.timetable.record if world.timetable else None
    return record is not None and record.paused_at_ms is not None


PLACE = Action("place the schedule", 1.0, _place, lambda world, run: True, first=True)
PLACE_AGAIN = Action("place the schedule again", 0.2, _place, lambda world, run: True)
PAUSE = Action("pause the schedule", 0.25, _pause, _is_there)
RESUME = Action("resume the schedule", 0.2, _resume, _is_paused)
BACKFILL = Action("backfill", 0.3, _backfill, _is_there, _note_backfill)
