"""Bringing schedules to EventBridge Scheduler: by a push, by a deletion, and after whatever went wrong on the way."""

import secrets

import pytest

from chalicelib.api.inprocess.base import Ground
from chalicelib.api.inprocess.workflows import DirectWorkflows
from chalicelib.core.errors import SchedulesNotPlaced, TryAgain, UserMistake
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import CatchUp, Schedule
from chalicelib.core.states import RunState
from chalicelib.engine.schedules.due_times import pause_schedule, resume_schedule
from chalicelib.engine.schedules.placement import push_workflow, remove_schedules
from tests.memory.logs import MemoryLogs
from tests.memory.theatre import Cut
from tests.memory.timetable import PLAN, Timetable, clock_time
from tests.memory.tokens import MemoryTokens

KEY = (PLAN.workflow, "often")


def placed(timetable: Timetable) -> str | None:
    there = timetable.scheduler.placed.get(KEY)
    return there[0].schedule.expression if there else None


def test_a_pushed_schedule_is_placed_and_its_record_says_so():
    timetable = Timetable()
    assert placed(timetable) == "cron(*/10 * * * ? *)"
    assert timetable.schedule.placed == timetable.schedule.wanted_placing


def test_pushing_the_same_again_changes_no_record():
    timetable = Timetable()
    before = timetable.schedule
    timetable.push()
    assert timetable.schedule == before


def test_pushing_again_puts_back_what_somebody_removed_by_hand():
    timetable = Timetable()
    timetable.scheduler.placed.clear()
    timetable.push()
    assert placed(timetable) == "cron(*/10 * * * ? *)"


def test_a_changed_schedule_takes_the_place_of_the_old_one_and_misses_nothing_before():
    timetable = Timetable(overlap="allow", catch_up="all")
    timetable.pass_time(minutes=17)
    timetable.push(rate="5 minutes", overlap="allow", catch_up="all")
    assert placed(timetable) == "rate(5 minutes)"
    timetable.pass_time(minutes=6)
    assert timetable.times() == ["22:20", "22:30", "22:35"]


def test_a_time_of_the_old_schedule_that_was_not_told_yet_is_not_lost_by_the_change():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=8, told=False)
    timetable.push(rate="1 day", overlap="queue")
    timetable.look()
    assert timetable.times() == ["22:20"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cron": "5/10 * * * ? *"}, ["22:15", "22:25", "22:35"]),
        # It counts from 22:13, when the schedule came to be.
        ({"rate": "8 minutes"}, ["22:21", "22:29", "22:37"]),
    ],
)
def test_a_change_during_a_pause_loses_nothing_that_is_to_be_caught_up(change, expected):
    timetable = Timetable(overlap="allow", catch_up="all")
    pause_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.pass_time(minutes=17)
    timetable.push(**change, overlap="allow", catch_up="all")
    timetable.pass_time(minutes=8)
    assert timetable.times() == []
    resume_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.deliver_all()
    assert timetable.times() == expected


def test_a_change_during_a_pause_in_which_no_time_came_begins_anew():
    timetable = Timetable(overlap="allow", catch_up="all")
    pause_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.pass_time(minutes=4)
    timetable.push(cron="* * * * ? *", overlap="allow", catch_up="all")
    resume_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.deliver_all()
    assert timetable.times() == []


def test_a_change_loses_nothing_of_what_a_full_queue_had_no_room_for():
    timetable = Timetable(rate="1 minute", overlap="queue", catch_up="all")
    timetable.pass_time(minutes=120)
    assert len(timetable.schedule.pending) == 100
    timetable.push(rate="2 minutes", overlap="queue", catch_up="all")
    timetable.end_runs()
    # Those of the first 101 minutes, and every second one of the other 19.
    assert len(timetable.times(RunState.SUCCEEDED)) == 101 + 10


def test_a_change_of_something_else_keeps_what_was_decided_and_what_waits():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=17)
    timetable.push(overlap="queue", catch_up="all", params={"films": 3})
    assert [clock_time(at_ms) for at_ms in timetable.schedule.pending] == ["22:30"]
    assert timetable.schedule.schedule.catch_up is CatchUp.ALL
    timetable.end_runs()
    assert [run.params["films"] for run in timetable.runs()] == [None, 3]


def test_a_schedule_that_is_gone_from_the_workflow_is_removed_and_its_late_messages_start_nothing():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=17)
    timetable.push_without()
    assert placed(timetable) is None
    assert timetable.schedule.is_gone
    timetable.look()
    timetable.end_runs()
    assert timetable.times() == ["22:20"]


def test_a_schedule_that_comes_back_begins_anew():
    timetable = Timetable(catch_up="all")
    timetable.push_without()
    timetable.pass_time(minutes=27)
    timetable.push(catch_up="all")
    timetable.pass_time(minutes=10)
    assert timetable.times() == ["22:50"]


def test_a_schedule_that_is_not_enabled_is_nowhere():
    timetable = Timetable(enabled=False)
    assert placed(timetable) is None
    timetable.pass_time(minutes=17)
    timetable.look()
    timetable.push(enabled=True, catch_up="all")
    timetable.pass_time(minutes=10)
    assert timetable.times() == ["22:40"]


def test_a_deleted_workflow_has_no_schedules():
    timetable = Timetable()
    remove_schedules(timetable.world(), PLAN.workflow)
    timetable.store.delete_workflow(PLAN.workflow, 1)
    assert placed(timetable) is None
    assert timetable.schedule.is_gone
    timetable.push()
    assert placed(timetable) == "cron(*/10 * * * ? *)"


def test_a_push_of_the_same_amid_a_deletion_leaves_no_schedule_of_a_deleted_workflow():
    timetable = Timetable()
    timetable.hooks["delete_workflow"] = timetable.push
    ground = Ground(timetable.world(), MemoryLogs(), MemoryTokens(), secrets.token_bytes)
    DirectWorkflows(ground).delete_workflow(PLAN.workflow)
    assert timetable.store.workflow(PLAN.workflow) is None
    assert placed(timetable) is None
    assert timetable.schedule.is_gone


def test_a_push_whose_schedules_are_not_placed_says_so_and_is_mended_by_the_sweep(monkeypatch):
    timetable = Timetable()

    def fail(*_: object) -> None:
        raise TryAgain("EventBridge Scheduler does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(timetable.scheduler, "place", fail)
        with pytest.raises(
            SchedulesNotPlaced, match=r"is pushed as version 2, .* does not answer; the sweep tries again"
        ):
            timetable.push(rate="5 minutes")
    assert placed(timetable) == "cron(*/10 * * * ? *)"
    timetable.sweep(after_seconds=240)
    assert placed(timetable) == "rate(5 minutes)"


def test_a_schedule_that_is_refused_keeps_no_other_from_its_place(monkeypatch):
    timetable = Timetable()
    place = timetable.scheduler.place

    def refuse(record: ScheduleRecord, schedule: Schedule, now_ms: int) -> None:
        if record.name in ("b", "d"):
            raise UserMistake(f"there is no room for {record.name}")
        place(record, schedule, now_ms)

    every = {name: {"rate": "5 minutes"} for name in "abcd"}
    with monkeypatch.context() as limited:
        limited.setattr(timetable.scheduler, "place", refuse)
        with pytest.raises(SchedulesNotPlaced) as told:
            # `often` comes behind the two that are refused, and is there no more.
            push_workflow(timetable.world(), PLAN.workflow, {"schedules": every}, PLAN)
        assert "is pushed as version 2, but" in str(told.value)
        assert "schedule 'b': there is no room for b; schedule 'd': there is no room for d" in str(told.value)
        assert "'a'" not in str(told.value) and "'c'" not in str(told.value)
        assert sorted(name for _, name in timetable.scheduler.placed) == ["a", "c"]
        assert timetable.schedule.is_gone
        assert timetable.sweep(after_seconds=240).schedules == 2
    timetable.sweep(after_seconds=240)
    assert sorted(name for _, name in timetable.scheduler.placed) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("call", range(14))
@pytest.mark.parametrize("change", [{"rate": "5 minutes"}, None])
def test_a_push_that_dies_anywhere_is_mended_by_the_next(change, call, after_effect):
    timetable = Timetable(overlap="allow")

    def push() -> None:
        if change is None:
            timetable.push_without()
        else:
            timetable.push(**change)

    timetable.pass_time(minutes=17)
    timetable.crash(Cut(call, after_effect), push)
    push()
    assert placed(timetable) == (None if change is None else "rate(5 minutes)")
    assert timetable.schedule.placed == timetable.schedule.wanted_placing
    timetable.end_runs()
    assert timetable.times(RunState.SUCCEEDED) == ["22:20", "22:30"]


def test_schedules_that_are_slow_leave_half_of_the_sweeps_time_to_the_runs(monkeypatch):
    timetable = Timetable()
    place, slow_seconds = timetable.scheduler.place, timetable.settings.sweep_budget_seconds / 4

    def take_long(record: ScheduleRecord, schedule: Schedule, now_ms: int) -> None:
        timetable.clock.advance(seconds=slow_seconds)
        raise TryAgain("EventBridge Scheduler does not answer")

    every = {name: {"rate": "1 day"} for name in "abcdef"}
    monkeypatch.setattr(timetable.scheduler, "place", take_long)
    with pytest.raises(SchedulesNotPlaced):
        push_workflow(timetable.world(), PLAN.workflow, {"schedules": every}, PLAN)
    run = timetable.start()
    timetable.clock.advance(seconds=240)
    began_ms = timetable.clock.now_ms()
    swept = timetable.sweep()
    assert (swept.schedules, swept.runs, swept.unfinished) == (2, 1, 0), run
    assert timetable.clock.now_ms() - began_ms == 2_000 * slow_seconds
    monkeypatch.setattr(timetable.scheduler, "place", place)
    timetable.sweep()
    # The two whose look failed are looked at behind the others.
    assert sorted(name for _, name in timetable.scheduler.placed) == ["c", "d", "e", "f"]


def test_of_two_pushes_at_once_the_later_version_wins_in_the_end():
    timetable = Timetable()
    # The other one pushes between our writing of the record and our call of EventBridge Scheduler.
    timetable.hooks["place"] = lambda: timetable.push(rate="7 minutes")
    timetable.push(rate="5 minutes")
    assert placed(timetable) == "rate(7 minutes)"
    assert timetable.schedule.schedule.rate == "7 minutes"
    assert timetable.schedule.placed == timetable.schedule.wanted_placing
