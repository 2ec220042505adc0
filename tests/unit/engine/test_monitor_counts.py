"""Rates of failure, and times of day by which nothing succeeded: what the looks of monitors tell of them, and when."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import Throttled
from chalicelib.core.monitor.counts import BUCKET_MS
from chalicelib.core.schedule.model import read_moment_ms
from chalicelib.engine.watch.observe import observe_event
from chalicelib.engine.world.world import Settings
from tests.memory.lookout import NOTHING, RATE, Lookout, at, end, look, record_of
from tests.memory.theatre import Cut


def test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again() -> None:
    lookout = Lookout(RATE)
    end(lookout, failed=4, succeeded=0, prefix="a")
    assert look(lookout) == [], "four jobs are too few"
    end(lookout, failed=1, succeeded=0, prefix="b")
    (first,) = look(lookout)
    assert first.startswith("monitor/m/failure_rate/")
    notice = lookout.notices.published[-1]
    assert notice.subject == "m: 5 of 5 jobs failed within 1 hour"
    assert "more than 20 %" in (notice.text or "")
    for _ in range(3):
        assert look(lookout, after_seconds=300) == []
    end(lookout, failed=0, succeeded=20, prefix="c")
    assert look(lookout, after_seconds=300) == []
    assert look(lookout, after_seconds=7_200) == []
    end(lookout, failed=3, succeeded=3, prefix="d")
    second = look(lookout)
    assert len(second) == 1
    assert second != [first]
    assert look(lookout) == []


def test_a_rate_that_rises_again_soon_after_a_push_is_told_under_another_id() -> None:
    lookout = Lookout(RATE)
    end(lookout, failed=5, succeeded=0, prefix="a")
    first = look(lookout)
    end(lookout, failed=0, succeeded=20, prefix="b")
    assert look(lookout, after_seconds=300) == []
    end(lookout, failed=5, succeeded=0, prefix="c")
    second = look(lookout, after_seconds=300)
    assert len(first) == len(second) == 1
    assert first != second, "a consumer drops what it has heard of"


def test_failures_whose_command_was_lost_are_told_by_the_sweep() -> None:
    lookout = Lookout({"m": {"failed": True}})
    lookout.happens("a", "FAILED")
    assert lookout.commands.lose() == 1
    assert look(lookout, after_seconds=600) == [], "the command may come yet"
    assert look(lookout, after_seconds=240) == ["monitor/m/1700000000000/2023-11-14/job_failed/1"]
    assert look(lookout, after_seconds=3_600) == []
    lookout.happens("b", "FAILED")
    lookout.rest()
    assert lookout.ids[-1] == "monitor/m/1700000000000/2023-11-14/job_failed/2"


def test_failures_whose_command_was_lost_after_it_had_closed_their_window_are_told_by_the_sweep() -> None:
    lookout = Lookout({"m": {"failed": True}})
    lookout.happens("a", "FAILED")
    lookout.clock.advance(seconds=10)
    lookout.crash(Cut("close_window", after_effect=True), lookout.deliver_commands)
    assert lookout.commands.lose() == 1
    lookout.clock.advance(seconds=86_000)
    assert look(lookout) == ["monitor/m/1700000000000/2023-11-14/job_failed/1"]
    assert look(lookout, after_seconds=300) == []


def test_a_rate_that_stays_is_told_once_though_few_jobs_end_now_and_then() -> None:
    lookout = Lookout({"m": {"failure_rate": {"above": 0.2, "within_seconds": 3600, "at_least_jobs": 10}}})
    told = []
    for number in range(200):
        lookout.happens(f"{number}", "FAILED")
        # Of an hour there are now more than ten, now fewer.
        told += look(lookout, after_seconds=300 if number // 10 % 2 else 420)
    assert len(told) == 1
    assert look(lookout, after_seconds=7_200) == []
    end(lookout, failed=10, succeeded=0, prefix="again")
    assert len(look(lookout)) == 1, "nothing had ended for so long that the rate had fallen"


def test_a_monitor_that_watches_other_jobs_counts_anew_and_may_tell_of_these() -> None:
    lookout = Lookout({"m": {"names": ["job-a*"], **RATE["m"]}})
    end(lookout, failed=5, succeeded=0, prefix="a")
    assert len(look(lookout)) == 1
    lookout.clock.advance(seconds=60)
    lookout.push_monitors({"m": {"names": ["job-b*"], **RATE["m"]}})
    lookout.clock.advance(seconds=120)
    end(lookout, failed=4, succeeded=0, prefix="b")
    assert look(lookout, after_seconds=60) == [], "the four are too few"
    end(lookout, failed=1, succeeded=0, prefix="bb")
    assert len(look(lookout, after_seconds=60)) == 1
    assert lookout.notices.published[-1].subject == "m: 5 of 5 jobs failed within 1 hour"
    assert look(lookout, after_seconds=60) == []


def test_a_repeated_event_counts_once() -> None:
    lookout = Lookout(RATE)
    event = lookout.event("a", "FAILED")
    for _ in range(5):
        lookout.deliver_event(event)
    now_ms = lookout.clock.now_ms()
    (monitor,) = lookout.store.monitors().monitors
    (bucket,) = lookout.store.buckets(monitor.counts_under, now_ms - BUCKET_MS, now_ms + 1)
    assert (bucket.failed, bucket.succeeded) == (1, 0)


@pytest.mark.parametrize(
    ("pushed", "looked", "date"),
    [
        ("2026-11-01T12:00Z", "2026-11-02T05:02Z", "2026-11-02"),
        # The days of 23 and of 25 hours in Berlin.
        ("2026-03-28T12:00Z", "2026-03-29T04:02Z", "2026-03-29"),
        ("2026-10-24T12:00Z", "2026-10-25T05:02Z", "2026-10-25"),
    ],
)
def test_that_nothing_ran_by_a_time_of_day_is_told_two_minutes_later_and_once(
    pushed: str, looked: str, date: str
) -> None:
    lookout = at(pushed)
    lookout.clock.advance_to(read_moment_ms(looked) - 1)
    assert look(lookout) == []
    assert look(lookout, after_seconds=0.001) == [f"monitor/m/nothing_ran/{date}"]
    assert look(lookout, after_seconds=300) == []
    notice = lookout.notices.published[-1]
    assert (notice.subject, notice.thread) == (f"m: nothing succeeded by 06:00 on {date}", f"m/{date}")


def test_jobs_that_failed_by_a_time_of_day_are_not_said_not_to_have_run() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T04:00Z"))
    end(lookout, failed=5, succeeded=0, prefix="a")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))
    assert look(lookout) == ["monitor/m/nothing_ran/2026-11-02"]
    notice = lookout.notices.published[-1]
    assert notice.subject == "m: nothing succeeded by 06:00 on 2026-11-02, and 5 jobs failed"
    assert (notice.text or "").endswith("(Europe/Berlin), and 5 have failed.")
    assert notice.job_count == 5


def test_nothing_is_said_while_an_event_in_the_queue_may_say_that_something_ran() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T04:59Z"))
    late = lookout.event("a", "SUCCEEDED")
    lookout.events.send([late])
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))
    assert look(lookout) == []
    assert look(lookout, after_seconds=300) == []
    lookout.deliver_events()
    assert look(lookout, after_seconds=300) == []
    assert look(lookout, after_seconds=3_600) == [], "it ran in time"


def test_a_queue_that_is_never_empty_holds_a_notice_back_for_a_quarter_of_an_hour() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.events.send(["{}", "{}"])
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))
    assert look(lookout) == []
    assert look(lookout, after_seconds=899.999) == []
    assert look(lookout, after_seconds=0.001) == ["monitor/m/nothing_ran/2026-11-02"]
    assert (lookout.notices.published[-1].text or "").endswith(
        "none has failed. This may be wrong: about 2 events wait to be handled."
    )


def test_a_look_that_cannot_ask_the_queue_says_nothing_and_the_next_one_does() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))

    def refuse() -> None:
        raise Throttled("GetQueueAttributes")

    lookout.hooks["waiting"] = refuse
    assert look(lookout) == []
    assert look(lookout, after_seconds=300) == ["monitor/m/nothing_ran/2026-11-02"]


def test_nothing_is_said_of_a_time_when_some_may_not_have_known_the_monitor_yet() -> None:
    """A warm process remembers for a minute which monitors there are, and counts for those."""
    for seconds, is_known in ((59, False), (60, True)):
        lookout = at("2026-11-01T12:00Z", {"m": {**NOTHING["m"], "names": ["other"]}})
        lookout.clock.advance_to(read_moment_ms("2026-11-01T23:00Z") - seconds * 1000)
        warm = lookout.world()
        assert len(warm.monitors()) == 1
        lookout.push_monitors(NOTHING)
        lookout.clock.advance(seconds=59)
        observe_event(warm, record_of(lookout, "a", "SUCCEEDED"))
        lookout.clock.advance_to(read_moment_ms("2026-11-02T05:02Z"))
        assert look(lookout) == ["monitor/m/nothing_ran/2026-11-02"] * is_known


def test_nothing_is_said_where_a_job_succeeded_in_time() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T04:59Z"))
    lookout.happens("a", "SUCCEEDED")
    assert look(lookout, after_seconds=600) == []
    lookout.clock.advance_to(read_moment_ms("2026-11-03T05:10Z"))
    assert look(lookout) == ["monitor/m/nothing_ran/2026-11-03"], "the day before does not count"


def test_a_monitor_says_nothing_of_a_time_that_it_did_not_watch_from_the_beginning() -> None:
    lookout = at("2026-11-02T02:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T06:00Z"))
    assert look(lookout) == []
    lookout.clock.advance_to(read_moment_ms("2026-11-03T06:00Z"))
    assert look(lookout) == ["monitor/m/nothing_ran/2026-11-03"]
    lookout.push_monitors({"m": {**NOTHING["m"], "names": ["other"]}})
    lookout.clock.advance_to(read_moment_ms("2026-11-04T04:00Z"))
    lookout.push_monitors({"m": {**NOTHING["m"], "names": ["another"]}})
    lookout.clock.advance_to(read_moment_ms("2026-11-04T06:00Z"))
    assert look(lookout) == []


@pytest.mark.parametrize(
    ("kinds", "observe_all_jobs", "record_own_jobs", "tells"),
    [
        ([], False, False, False),
        ([], False, True, True),
        ([], True, False, True),
        (["foreign"], False, True, False),
        (["own", "single"], True, False, False),
        (["own", "single"], False, True, True),
    ],
)
def test_a_stage_that_records_none_of_the_jobs_does_not_say_that_nothing_ran(
    kinds: list[str], observe_all_jobs: bool, record_own_jobs: bool, tells: bool
) -> None:
    lookout = at("2026-11-01T12:00Z", {"m": {**NOTHING["m"], **({"kinds": kinds} if kinds else {})}})
    lookout.settings = Settings(observe_all_jobs=observe_all_jobs, record_own_jobs=record_own_jobs)
    lookout.clock.advance_to(read_moment_ms("2026-11-02T06:00Z"))
    assert look(lookout) == ["monitor/m/nothing_ran/2026-11-02"] * tells


def test_after_a_pause_of_days_only_the_last_deadline_is_spoken_of() -> None:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-10T20:00Z"))
    assert look(lookout) == ["monitor/m/nothing_ran/2026-11-10"]
