"""Schedules at their times: one run a time, and what happens when times overlap, are missed, or the schedule pauses."""

import json

import pytest

from chalicelib.core.errors import UnknownSchedule, UserMistake
from chalicelib.core.run.commands import StartScheduled, encode
from chalicelib.core.run.records import Run, Scope
from chalicelib.core.run.requests import RedriveRequest
from chalicelib.core.schedule.decisions import GRACE_MS, NEVER_MS
from chalicelib.core.states import RunState
from chalicelib.engine.control.redrive import redrive_run
from chalicelib.engine.schedules.due_times import backfill, pause_schedule, resume_schedule
from tests.memory.theatre import STAGE, Cut
from tests.memory.timetable import PLAN, Timetable, clock_time


def message(timetable: Timetable, at: str) -> str:
    return encode(StartScheduled(PLAN.workflow, "often", f"2023-11-14T{at}:00Z"))


def told(timetable: Timetable, *at: str) -> None:
    timetable.commands.send([message(timetable, one) for one in at])
    timetable.deliver_all()


def test_a_time_starts_a_run_that_knows_its_schedule_and_time():
    timetable = Timetable(params={"day": "${schedule.date}"})
    timetable.pass_time(minutes=7)
    (run,) = timetable.runs()
    assert (run.schedule, clock_time(run.scheduled_at_ms)) == ("often", "22:20")
    assert run.params == {"day": "2023-11-14", "films": None}
    assert run.run_id == timetable.schedule.run_id(STAGE, run.scheduled_at_ms)


def test_a_time_that_is_told_often_starts_one_run():
    timetable = Timetable(overlap="allow")
    timetable.pass_time(minutes=7)
    told(timetable, "22:20", "22:20")
    timetable.end_runs()
    told(timetable, "22:20")
    assert timetable.times() == ["22:20"]
    assert len(timetable.jobs("a")) == 1


def test_times_told_in_the_wrong_order_start_a_run_each():
    timetable = Timetable(rate="1 minute", overlap="allow")
    timetable.pass_time(minutes=3, told=False)
    told(timetable, "22:16", "22:14", "22:15")
    assert timetable.times() == ["22:14", "22:15", "22:16"]


def test_a_message_of_a_time_that_the_schedule_does_not_have_starts_nothing():
    timetable = Timetable()
    told(timetable, "22:12", "22:17")
    assert timetable.times() == []


def test_a_message_from_far_ahead_starts_nothing_before_its_time():
    timetable = Timetable(overlap="allow", catch_up="all")
    told(timetable, "23:50")
    assert timetable.times() == []


def test_a_message_of_another_schedule_or_workflow_is_done_at_once():
    timetable = Timetable()
    timetable.commands.send([encode(StartScheduled(PLAN.workflow, "seldom", "2023-11-14T22:20:00Z"))])
    timetable.commands.send([encode(StartScheduled("other", "often", "2023-11-14T22:20:00Z"))])
    timetable.deliver_all()
    assert (timetable.times(), timetable.commands.bodies) == ([], [])


# Overlap


def test_allow_starts_a_run_at_each_time():
    timetable = Timetable(overlap="allow")
    timetable.pass_time(minutes=27)
    assert timetable.times(RunState.RUNNING) == ["22:20", "22:30", "22:40"]


def test_skip_starts_none_while_the_run_before_goes_on():
    timetable = Timetable(overlap="skip")
    timetable.pass_time(minutes=27)
    assert timetable.times() == ["22:20"]
    timetable.end_runs()
    timetable.pass_time(minutes=10)
    assert timetable.times() == ["22:20", "22:50"]


def test_queue_starts_the_next_when_the_run_before_has_ended():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=27)
    assert timetable.times() == ["22:20"]
    timetable.end_runs()
    assert timetable.times(RunState.SUCCEEDED) == ["22:20", "22:30", "22:40"]
    first, second, third = timetable.runs()
    assert first.ended_at_ms <= second.created_at_ms <= second.ended_at_ms <= third.created_at_ms


def test_cancel_previous_starts_the_newest_once_the_run_before_is_cancelled():
    timetable = Timetable(overlap="cancel_previous")
    timetable.pass_time(minutes=17)
    assert timetable.times(RunState.CANCELLING) == ["22:20"]
    assert timetable.times(RunState.RUNNING) == []
    timetable.end_runs()
    assert timetable.times(RunState.CANCELLED) == ["22:20"]
    assert timetable.times() == ["22:20", "22:30"]


def test_a_queue_that_is_full_decides_later_what_is_behind_it():
    timetable = Timetable(rate="1 minute", overlap="queue", catch_up="all")
    timetable.pass_time(minutes=120)
    assert len(timetable.schedule.pending) == 100
    timetable.end_runs()
    assert len(timetable.times(RunState.SUCCEEDED)) == 120


# Redrives


def redriven(timetable: Timetable) -> Run:
    """The run of the first time, which ended and runs again because somebody asked."""
    timetable.pass_time(minutes=7)
    timetable.end_runs()
    (run,) = timetable.runs(RunState.SUCCEEDED)
    return redrive_run(timetable.world(), RedriveRequest(run.run_id, scope=Scope.ALL))


def test_a_redriven_run_still_tells_the_time_that_it_was_started_for():
    timetable = Timetable()
    first = redriven(timetable)
    assert (first.schedule, clock_time(first.scheduled_at_ms)) == ("often", "22:20")
    assert timetable.times(RunState.RUNNING) == ["22:20"]


@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "cancel_previous"])
def test_a_redrive_neither_holds_the_next_time_up_nor_is_cancelled_for_it(overlap):
    timetable = Timetable(overlap=overlap)
    redriven(timetable)
    timetable.pass_time(minutes=10)
    assert timetable.times(RunState.RUNNING) == ["22:20", "22:30"]
    timetable.end_runs()
    assert timetable.times(RunState.SUCCEEDED) == ["22:20", "22:30"]


def test_a_run_that_is_redriven_right_before_it_is_cancelled_for_a_later_time_goes_on():
    timetable = Timetable(overlap="cancel_previous")
    timetable.pass_time(minutes=7)

    def redrive() -> None:
        timetable.end_runs()
        redrive_run(timetable.world(), RedriveRequest(timetable.runs()[0].run_id, scope=Scope.ALL))

    # The time of 22:30 is written, and the run is looked at once more to be cancelled.
    timetable.hooks["put_schedule"] = lambda: timetable.hooks.update(run=redrive)
    timetable.pass_time(minutes=10)
    assert timetable.times(RunState.RUNNING) == ["22:20"]
    assert timetable.times(RunState.SUCCEEDED) == ["22:30"]


# Catch-up


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        # 22:50 is ten minutes late, which is on time.
        ("none", ["22:50", "23:00"]),
        ("latest", ["22:40", "22:50", "23:00"]),
        ("all", ["22:20", "22:30", "22:40", "22:50", "23:00"]),
    ],
)
def test_times_that_nobody_told_of_are_caught_up_as_the_schedule_says(catch_up, expected):
    timetable = Timetable(overlap="allow", catch_up=catch_up)
    timetable.pass_time(minutes=45, told=False)
    timetable.pass_time(minutes=2)
    assert timetable.times() == expected


def test_a_message_within_the_grace_is_on_time_and_one_after_it_was_missed():
    for late_ms, expected in ((GRACE_MS, ["22:20"]), (GRACE_MS + 1, [])):
        timetable = Timetable(at="2023-11-14T22:20", catch_up="none")
        timetable.pass_time(minutes=20 / 3, told=False)
        timetable.clock.advance(ms=late_ms)
        told(timetable, "22:20")
        assert timetable.times() == expected


def test_a_time_is_on_time_when_the_message_is_lost_and_then_delivered_again_to_somebody_who_died():
    timetable = Timetable(at="2023-11-14T22:20", catch_up="none")
    timetable.pass_time(minutes=20 / 3, told=False)
    timetable.clock.advance(seconds=390 + 360)
    told(timetable, "22:20")
    assert timetable.times() == ["22:20"]


def test_many_missed_times_are_started_in_several_commands():
    timetable = Timetable(rate="1 minute", overlap="allow", catch_up="all")
    timetable.pass_time(minutes=35, told=False)
    timetable.look()
    assert len(timetable.times()) == 35


def test_the_sweep_finds_a_time_that_nobody_told_of():
    timetable = Timetable(catch_up="none")
    timetable.pass_time(minutes=7, told=False)
    assert timetable.sweep(after_seconds=90).schedules == 1
    assert timetable.times() == ["22:20"]
    assert timetable.sweep().schedules == 0


# Pause and resume


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [("none", []), ("latest", ["22:40"]), ("all", ["22:20", "22:30", "22:40"])],
)
def test_times_that_passed_during_a_pause_were_missed_however_short_it_was(catch_up, expected):
    timetable = Timetable(overlap="allow", catch_up=catch_up)
    pause_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.pass_time(minutes=27)
    assert timetable.times() == []
    resume_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.deliver_all()
    assert timetable.times() == expected


def test_what_waits_is_held_by_a_pause():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=17)
    pause_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.end_runs()
    assert timetable.times() == ["22:20"]
    resume_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.deliver_all()
    assert timetable.times() == ["22:20", "22:30"]


def test_pausing_and_resuming_twice_is_doing_it_once():
    timetable = Timetable()
    first = pause_schedule(timetable.world(), PLAN.workflow, "often")
    assert pause_schedule(timetable.world(), PLAN.workflow, "often") == first
    resumed = resume_schedule(timetable.world(), PLAN.workflow, "often")
    assert resume_schedule(timetable.world(), PLAN.workflow, "often") == resumed


def test_an_unknown_schedule_is_refused_with_the_nearest_name():
    timetable = Timetable()
    with pytest.raises(UnknownSchedule, match="did you mean 'often'"):
        pause_schedule(timetable.world(), PLAN.workflow, "oftn")
    with pytest.raises(UnknownSchedule, match="no workflow 'none' was pushed"):
        pause_schedule(timetable.world(), "none", "often")


# Backfill


def fill(timetable: Timetable, minutes: int, *, dry_run: bool = False) -> list[str]:
    now_ms = timetable.clock.now_ms()
    world = timetable.world()
    _, times_ms = backfill(world, PLAN.workflow, "often", now_ms - minutes * 60_000, now_ms, dry_run=dry_run)
    return [clock_time(at_ms) for at_ms in times_ms]


def test_a_backfill_starts_past_times_one_after_another():
    timetable = Timetable(overlap="skip")
    assert fill(timetable, 35) == ["21:40", "21:50", "22:00", "22:10"]
    timetable.deliver_all()
    assert timetable.times() == ["21:40"]
    timetable.end_runs()
    runs = timetable.runs(RunState.SUCCEEDED)
    assert timetable.times(RunState.SUCCEEDED) == ["21:40", "21:50", "22:00", "22:10"]
    assert all(run.ended_at_ms is not None for run in runs)


def test_a_backfill_starts_all_where_runs_may_overlap():
    timetable = Timetable(overlap="allow")
    fill(timetable, 150)
    timetable.deliver_all()
    assert len(timetable.times(RunState.RUNNING)) == 15


def test_a_backfill_that_is_asked_for_twice_starts_each_time_once():
    timetable = Timetable(overlap="queue")
    for _ in range(2):
        fill(timetable, 35)
        timetable.deliver_all()
        timetable.end_runs()
    assert timetable.times() == ["21:40", "21:50", "22:00", "22:10"]
    assert len(timetable.jobs("a")) == 4


def test_a_dry_run_only_tells_the_times():
    timetable = Timetable()
    assert fill(timetable, 35, dry_run=True) == ["21:40", "21:50", "22:00", "22:10"]
    assert (timetable.commands.bodies, timetable.schedule.backfill) == ([], ())


def test_a_time_that_comes_during_a_backfill_waits_for_its_turn_and_goes_first():
    for overlap in ("skip", "queue", "cancel_previous"):
        timetable = Timetable(overlap=overlap)
        fill(timetable, 35)
        timetable.deliver_all()
        timetable.pass_time(minutes=7)
        assert timetable.times() == ["21:40"]
        (first,) = timetable.runs()
        assert first.state is RunState.RUNNING
        assert clock_time(timetable.schedule.pending[0]) == "22:20"
        timetable.end_runs()
        assert timetable.times(RunState.SUCCEEDED) == ["21:40", "21:50", "22:00", "22:10", "22:20"]


def test_a_backfill_of_too_many_times_is_refused():
    timetable = Timetable()
    with pytest.raises(UserMistake, match="more than 1,000 times"):
        fill(timetable, 60 * 24 * 30)


# What goes wrong


def test_a_run_that_cannot_be_started_is_told_and_does_not_stop_the_next_ones():
    timetable = Timetable(params={"films": "${schedule.date}"})
    timetable.pass_time(minutes=7)
    assert (timetable.times(), timetable.commands.bodies) == ([], [])
    assert clock_time(timetable.schedule.failed_ms) == "22:20"
    assert "param 'films' must be an integer" in timetable.schedule.failure
    timetable.push(params={"films": 3})
    timetable.pass_time(minutes=10)
    assert timetable.times() == ["22:30"]


def test_a_run_that_ends_before_its_time_was_put_in_the_queue_is_noticed():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=7)
    # The run ends right before the time of 22:30 is written, and for whoever looks what is next it is 22:29:58.
    timetable.clock.advance(seconds=578)
    timetable.hooks["put_schedule"] = timetable.end_runs
    told(timetable, "22:30")
    assert timetable.times() == ["22:20", "22:30"]


def test_a_lost_message_of_the_end_of_a_run_is_made_up_for_by_the_sweep():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=17)
    timetable.tell()
    while timetable.deliver_events():
        timetable.tell()
    assert [json.loads(body)["kind"] for body in timetable.commands.bodies] == ["schedule_next"]
    timetable.commands.lose()
    timetable.sweep(after_seconds=240)
    assert timetable.times() == ["22:20", "22:30"]


@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "cancel_previous"])
@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("call", range(12))
def test_an_invocation_that_dies_anywhere_is_made_up_for_by_the_redelivery(overlap, call, after_effect):
    timetable = Timetable(overlap=overlap)
    timetable.pass_time(minutes=7)
    if overlap in ("skip",):
        timetable.end_runs()
    timetable.pass_time(minutes=9.5, told=False)
    timetable.clock.advance(seconds=30)
    timetable.commands.send([message(timetable, "22:30")])
    timetable.crash(Cut(call, after_effect), timetable.deliver_commands)
    timetable.clock.advance(seconds=360)
    timetable.deliver_all()
    timetable.play_on()
    assert timetable.times() == ["22:20", "22:30"]
    assert timetable.schedule.pending == ()
    first, second = timetable.runs()
    assert first.state is (RunState.CANCELLED if overlap == "cancel_previous" else RunState.SUCCEEDED)
    assert second.state is RunState.SUCCEEDED
    if overlap in ("queue", "cancel_previous"):
        assert second.created_at_ms >= first.ended_at_ms


def test_a_schedule_without_a_next_time_is_looked_at_no_more():
    timetable = Timetable(at="2023-11-14T22:20")
    timetable.pass_time(minutes=7)
    timetable.sweep(after_seconds=240)
    assert timetable.times() == ["22:20"]
    assert timetable.schedule.sweep_at_ms == NEVER_MS
    assert timetable.schedule.next_ms is None
