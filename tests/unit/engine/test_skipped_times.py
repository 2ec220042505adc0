"""Every time of a schedule is accounted for: it started a run, waits for its turn, failed to start, or was skipped."""

from itertools import product

import pytest

from chalicelib.core.schedule.decisions import SKIPPED_MAXIMUM
from chalicelib.core.schedule.model import Times
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.engine.schedules.due_times import pause_schedule, resume_schedule
from tests.memory.timetable import PLAN, Timetable

SKIPPED, FAILED = Figure.SCHEDULED_TIMES_SKIPPED, Figure.SCHEDULED_STARTS_FAILED
CATCH_UPS = ["none", "latest", "all"]


def test_a_time_that_comes_while_the_run_before_goes_on_is_counted_as_skipped():
    timetable = Timetable(overlap="skip")
    timetable.pass_time(minutes=27)
    assert timetable.times() == ["22:20"]
    assert timetable.figures.of(SKIPPED) == 2
    timetable.end_runs()
    timetable.pass_time(minutes=10)
    assert (timetable.times(), timetable.figures.of(SKIPPED)) == (["22:20", "22:50"], 2)


def test_a_time_that_a_later_one_replaced_before_it_began_is_counted_as_skipped():
    timetable = Timetable(overlap="cancel_previous")
    timetable.pass_time(minutes=27)
    # The run of 22:20 is being cancelled; 22:30 waited for that, and 22:40 took its place.
    timetable.end_runs()
    assert timetable.times() == ["22:20", "22:40"]
    assert timetable.figures.of(SKIPPED) == 1


def test_what_waits_its_turn_is_not_skipped():
    timetable = Timetable(overlap="queue")
    timetable.pass_time(minutes=27)
    assert len(timetable.schedule.pending) == 2
    assert timetable.figures.of(SKIPPED) == 0


@pytest.mark.parametrize(("catch_up", "skipped"), [("none", 3), ("latest", 2), ("all", 0)])
def test_times_that_are_missed_and_not_caught_up_are_counted_as_skipped(catch_up, skipped):
    timetable = Timetable(overlap="allow", catch_up=catch_up)
    timetable.pass_time(minutes=45, told=False)
    timetable.pass_time(minutes=2)
    assert timetable.figures.of(SKIPPED) == skipped


def test_a_time_whose_run_cannot_be_started_is_counted_as_failed(caplog):
    timetable = Timetable(overlap="allow", params={"films": "many"})
    timetable.pass_time(minutes=17)
    assert (timetable.times(), timetable.figures.of(FAILED), timetable.figures.of(SKIPPED)) == ([], 2, 0)
    assert "the run of schedule often at 2023-11-14T22:20:00+00:00 could not be started: param 'films'" in caplog.text


def test_a_long_pause_skips_no_more_than_are_counted():
    timetable = Timetable(rate="1 minute", catch_up="none")
    pause_schedule(timetable.world(), PLAN.workflow, "often")
    timetable.pass_time(minutes=60 * 24 * 3, told=False)
    resume_schedule(timetable.world(), PLAN.workflow, "often")
    assert timetable.figures.of(SKIPPED) == SKIPPED_MAXIMUM


@pytest.mark.parametrize(
    ("overlap", "catch_up"),
    [*product(["allow", "skip", "queue"], CATCH_UPS), *product(["cancel_previous"], CATCH_UPS[:2])],
)
@pytest.mark.parametrize("ends", [True, False])
def test_every_time_is_accounted_for(overlap, catch_up, ends):
    timetable = Timetable(overlap=overlap, catch_up=catch_up)
    first_ms = timetable.schedule.decided_ms
    for minutes, told in ((27, True), (40, False), (1, True), (31, True), (90, False), (20, True)):
        timetable.pass_time(minutes=minutes, told=told)
        if ends:
            timetable.end_runs()
    timetable.look()
    record = timetable.schedule
    assert record.schedule is not None
    times = list(_until(Times(record.schedule, record.since_ms), first_ms, record.decided_ms))
    accounted = len(timetable.runs()) + len(record.pending) + timetable.figures.of(SKIPPED)
    assert accounted == len(times) > 15


def _until(times, after_ms, until_ms):
    for at_ms in times.after(after_ms):
        if at_ms > until_ms:
            return
        yield at_ms
