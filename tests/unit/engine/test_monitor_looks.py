"""What the sweep's looks find for monitors, and that each thing is told once, whatever becomes of an invocation."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.core.errors import TryAgain
from chalicelib.core.monitoring import BUCKET_MS, Counted
from chalicelib.core.notices import NoticeKind
from chalicelib.core.observed import read_job
from chalicelib.core.runtimes import step_of
from chalicelib.core.schedule import iso_time, read_moment_ms
from chalicelib.engine import monitor_looks
from chalicelib.engine.monitor_looks import look_at_monitors
from chalicelib.engine.world import Settings
from tests.memory.clock import HandClock
from tests.memory.lookout import Lookout
from tests.memory.theatre import Cut

RUNNING = {"m": {"running_longer": {"than_seconds": 600}}}
WAITING = {"m": {"waiting_longer": {"than_seconds": 600}}}
RATE = {"m": {"failure_rate": {"above": 0.2, "within_seconds": 3600, "at_least_jobs": 5}}}
NOTHING = {"m": {"nothing_ran": {"by": "06:00", "time_zone": "Europe/Berlin"}}}


def look(lookout: Lookout, *, after_seconds: float = 0) -> list[str]:
    """The ids of what a look tells."""
    before = len(lookout.notices.published)
    lookout.sweep(after_seconds=after_seconds)
    return [notice.notice_id for notice in lookout.notices.published[before:]]


def test_a_job_that_runs_for_too_long_is_told_once() -> None:
    lookout = Lookout(RUNNING)
    lookout.happens("a", "RUNNING")
    lookout.happens("b", "SUBMITTED")
    assert look(lookout, after_seconds=599) == []
    assert look(lookout, after_seconds=1) == ["monitor/m/job_running/a"]
    for _ in range(5):
        assert look(lookout, after_seconds=300) == []
    (notice,) = lookout.notices.published
    assert (notice.kind, notice.monitor, notice.thread, notice.queue) == (NoticeKind.JOB_RUNNING, "m", "m", "etl")
    assert notice.subject == "m: job job-a runs for 10 min"
    assert notice.text == "It may run for 10 min."
    assert [job.name for job in notice.jobs] == ["job-a"]


def test_a_job_that_ended_in_time_is_not_told() -> None:
    lookout = Lookout(RUNNING)
    lookout.happens("a", "RUNNING")
    lookout.clock.advance(seconds=500)
    lookout.happens("a", "SUCCEEDED")
    assert look(lookout, after_seconds=10_000) == []


def test_a_job_whose_event_comes_long_after_its_time_is_told_nevertheless() -> None:
    lookout = Lookout(RUNNING)
    event = lookout.event("a", "RUNNING")
    assert look(lookout, after_seconds=3_600) == []
    lookout.deliver_event(event)
    assert look(lookout) == ["monitor/m/job_running/a"]


def test_a_monitor_that_allows_less_from_now_on_tells_of_jobs_that_are_over_it_already() -> None:
    lookout = Lookout(RUNNING)
    lookout.happens("a", "RUNNING")
    assert look(lookout, after_seconds=500) == []
    lookout.push_monitors({"m": {"running_longer": {"than_seconds": 60}}})
    assert look(lookout) == ["monitor/m/job_running/a"]
    lookout.push_monitors(RUNNING)
    assert look(lookout, after_seconds=300) == []


def test_a_job_that_waits_for_too_long_is_told_once_and_one_that_others_hold_back_is_not() -> None:
    lookout = Lookout(WAITING)
    lookout.happens("a", "RUNNABLE")
    lookout.happens("b", "PENDING")
    assert look(lookout, after_seconds=600) == ["monitor/m/job_waiting/a"]
    lookout.happens("a", "STARTING")
    assert look(lookout, after_seconds=900) == []
    assert lookout.notices.published[0].subject == "m: job job-a waits for 10 min"


def test_five_thousand_jobs_that_wait_too_long_make_one_notice_that_names_ten() -> None:
    lookout = Lookout(WAITING)
    for number in range(5_000):
        lookout.clock.advance(ms=1)
        lookout.store.observe_job(record_of(lookout, f"{number:05d}", "RUNNABLE"), 0)
    assert look(lookout, after_seconds=600) == ["monitor/m/job_waiting/00000"]
    (notice,) = lookout.notices.published
    assert notice.job_count == 5_000
    assert [job.job_id for job in notice.jobs] == [f"{number:05d}" for number in range(10)]
    assert notice.subject == "m: 5,000 jobs wait for too long"
    lookout.store.observe_job(record_of(lookout, "late", "RUNNABLE"), 0)
    assert look(lookout, after_seconds=599) == []
    assert look(lookout, after_seconds=1) == ["monitor/m/job_waiting/late"]


def record_of(lookout: Lookout, job_id: str, status: str) -> Any:
    record = read_job(json.loads(lookout.event(job_id, status)))
    assert record is not None
    return replace(record, seen_at_ms=lookout.clock.now_ms())


def test_more_jobs_than_one_notice_holds_wait_for_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_looks, "TOLD_TOGETHER_MAXIMUM", 3)
    monkeypatch.setattr(monitor_looks, "JOBS_AT_A_TIME", 2)
    lookout = Lookout(WAITING)
    for name in "abcde":
        lookout.clock.advance(ms=1)
        lookout.happens(name, "RUNNABLE")
    assert look(lookout, after_seconds=700) == ["monitor/m/job_waiting/a"]
    assert look(lookout) == ["monitor/m/job_waiting/d"]
    assert look(lookout) == []
    assert [notice.job_count for notice in lookout.notices.published] == [3, 2]


def test_a_job_runs_for_too_long_by_what_others_of_its_definition_took() -> None:
    lookout = Lookout({"m": {"running_longer": {"than_p95_times": 2, "at_least_seconds": 60}}})
    lookout.happens("a", "RUNNING")
    took = Counted(lookout.clock.now_ms(), True, run_time=("films", step_of(300_000)))
    for _ in range(19):
        lookout.store.count(took)
    assert look(lookout, after_seconds=3_600) == [], "nineteen say nothing"
    lookout.store.count(took)
    assert look(lookout) == ["monitor/m/job_running/a"]
    lookout.happens("b", "RUNNING")
    assert look(lookout, after_seconds=540) == []
    assert look(lookout, after_seconds=120) == ["monitor/m/job_running/b"]
    lookout.happens("c", "RUNNING", jobDefinition="other:1")
    assert look(lookout, after_seconds=3_600) == []


def slow_run_times(lookout: Lookout, seconds: float) -> list[str]:
    """The definitions whose run times were asked for, which takes so long each time."""
    asked: list[str] = []
    known = lookout.store.run_times

    def slow(definition: str, month: str) -> dict[int, int]:
        asked.append(definition)
        lookout.clock.advance(seconds=seconds)
        return known(definition, month)

    lookout.store.run_times = slow  # type: ignore[method-assign]
    return asked


def test_what_is_usual_is_asked_only_of_jobs_that_are_old_enough_to_be_told() -> None:
    lookout = Lookout({"m": {"running_longer": {"than_p95_times": 2, "at_least_seconds": 600, "than_seconds": 3_600}}})
    asked = slow_run_times(lookout, 0)
    lookout.happens("a", "RUNNING", jobDefinition="old:1")
    lookout.clock.advance(seconds=300)
    lookout.happens("b", "RUNNING", jobDefinition="young:1", createdAt=0)
    look(lookout, after_seconds=300)
    assert set(asked) == {"old"}


def test_run_times_that_are_slow_to_read_leave_the_time_to_the_runs_and_none_is_left_out_for_ever() -> None:
    lookout = Lookout({"m": {"running_longer": {"than_p95_times": 2}}})
    budget_seconds = lookout.settings.sweep_budget_seconds
    for number in range(60):
        lookout.happens(f"{number}", "RUNNING", jobDefinition=f"d{number}:1")
    lookout.clock.advance(seconds=600)
    asked = slow_run_times(lookout, budget_seconds / 20)
    for _ in range(100):
        began_ms = lookout.clock.now_ms()
        look(lookout)
        assert lookout.clock.now_ms() - began_ms <= budget_seconds * 1000 * 0.35
        lookout.clock.advance(seconds=300)
    assert len(set(asked)) == 60


def test_the_jobs_that_are_known_the_longest_are_looked_at_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitor_looks, "JOBS_MAXIMUM", 3)
    monkeypatch.setattr(monitor_looks, "JOBS_AT_A_TIME", 2)
    lookout = Lookout(RUNNING)
    for name in "abcdef":
        lookout.happens(name, "RUNNING")
        lookout.clock.advance(ms=1)
    look(lookout, after_seconds=600)
    assert [job.name for job in lookout.notices.published[0].jobs] == ["job-a", "job-b", "job-c", "job-d"]


def test_what_successful_jobs_took_is_counted_from_their_events() -> None:
    lookout = Lookout({"m": {"running_longer": {"than_p95_times": 1, "at_least_seconds": 0}}})
    for number in range(20):
        lookout.happens(f"{number}", "RUNNING")
        lookout.clock.advance(seconds=60)
        lookout.happens(f"{number}", "SUCCEEDED" if number else "FAILED")
        lookout.happens(f"{number}", "SUCCEEDED" if number else "FAILED")
    month = iso_time(lookout.clock.now_ms())[:7]
    assert lookout.store.run_times("films", month) == {step_of(60_000): 19}


def end(lookout: Lookout, failed: int, succeeded: int, prefix: str) -> None:
    for number in range(failed + succeeded):
        lookout.happens(f"{prefix}{number}", "FAILED" if number < failed else "SUCCEEDED")


def test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again() -> None:
    lookout = Lookout(RATE)
    end(lookout, failed=4, succeeded=0, prefix="a")
    assert look(lookout) == [], "four jobs are too few"
    end(lookout, failed=1, succeeded=0, prefix="b")
    (first,) = look(lookout)
    assert first.startswith("monitor/m/failure_rate/")
    notice = lookout.notices.published[-1]
    assert notice.subject == "m: 5 of 5 jobs failed within 60 min"
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
    assert look(lookout, after_seconds=240) == ["monitor/m/2023-11-14/job_failed/1"]
    assert look(lookout, after_seconds=3_600) == []
    lookout.happens("b", "FAILED")
    lookout.rest()
    assert lookout.ids[-1] == "monitor/m/2023-11-14/job_failed/2"


def test_failures_whose_command_was_lost_after_it_had_closed_their_window_are_told_by_the_sweep() -> None:
    lookout = Lookout({"m": {"failed": True}})
    lookout.happens("a", "FAILED")
    lookout.clock.advance(seconds=10)
    lookout.crash(Cut("close_window", after_effect=True), lookout.deliver_commands)
    assert lookout.commands.lose() == 1
    lookout.clock.advance(seconds=86_000)
    assert look(lookout) == ["monitor/m/2023-11-14/job_failed/1"]
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
    assert lookout.notices.published[-1].subject == "m: 5 of 5 jobs failed within 60 min"
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


def at(moment: str, monitors: dict[str, Any] = NOTHING) -> Lookout:
    lookout = Lookout({"other": {"failed": True}})
    lookout.clock = HandClock(read_moment_ms(moment))
    lookout.events._clock = lookout.commands._clock = lookout.clock
    lookout.push_monitors(monitors)
    return lookout


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
    lookout.happens("a", "FAILED")
    lookout.clock.advance_to(read_moment_ms(looked) - 1)
    assert look(lookout) == []
    assert look(lookout, after_seconds=0.001) == [f"monitor/m/nothing_ran/{date}"]
    assert look(lookout, after_seconds=300) == []
    assert lookout.notices.published[-1].subject == f"m: nothing ran by 06:00 on {date}"


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


def scene_jobs() -> Lookout:
    lookout = Lookout({"m": {"running_longer": {"than_seconds": 600}, "waiting_longer": {"than_seconds": 600}}})
    for name in "abc":
        lookout.happens(name, "RUNNING")
        lookout.happens(f"w{name}", "RUNNABLE")
        lookout.clock.advance(ms=1)
    lookout.clock.advance(seconds=600)
    return lookout


def scene_rate() -> Lookout:
    lookout = Lookout(RATE)
    end(lookout, failed=5, succeeded=0, prefix="a")
    return lookout


def scene_nothing() -> Lookout:
    lookout = at("2026-11-01T12:00Z")
    lookout.clock.advance_to(read_moment_ms("2026-11-02T05:10Z"))
    return lookout


SCENES = {scene_jobs: 2, scene_rate: 1, scene_nothing: 1}


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_a_crash_at_any_call_of_a_look_tells_the_same_things_once_each(scene: Any, after_effect: bool) -> None:
    """Each call of the look is cut once; meanwhile the world changes, and the next looks tell what was left."""
    cuts = 0
    for call in count():
        lookout = scene()
        if not lookout.crash(Cut(call, after_effect), partial(look_at_monitors, lookout.world(), 1 << 60)):
            break
        cuts += 1
        told_before = list(lookout.ids)
        change_the_world(lookout)
        for _ in range(3):
            look(lookout, after_seconds=1)
        assert len(lookout.ids) == len({kind_of(one) for one in lookout.ids}) == SCENES[scene], (call, lookout.ids)
        assert set(told_before) <= set(lookout.ids)
        jobs = [job.job_id for notice in unique(lookout) for job in notice.jobs]
        assert len(jobs) == len(set(jobs)), (call, "no job is told twice under two ids")
    assert cuts >= 5
    assert len(lookout.ids) == SCENES[scene]


def change_the_world(lookout: Lookout) -> None:
    """What was the first thing to tell ends, and new things happen."""
    if lookout.store.job("a") is not None:
        lookout.happens("a", "SUCCEEDED")
        lookout.happens("wa", "RUNNING")


def kind_of(notice_id: str) -> str:
    return notice_id.split("/")[2]


def unique(lookout: Lookout) -> list[Any]:
    return list({notice.notice_id: notice for notice in lookout.notices.published}.values())


def test_of_two_looks_at_the_same_time_one_writes_and_both_tell_the_same() -> None:
    lookout = scene_jobs()
    lookout.hooks["put_telling"] = lambda: look_at_monitors(lookout.world(), 1 << 60) and None
    look(lookout)
    assert sorted(lookout.ids) == ["monitor/m/job_running/a", "monitor/m/job_waiting/wa"]
    lookout = scene_rate()
    lookout.hooks["put_look"] = lambda: look_at_monitors(lookout.world(), 1 << 60) and None
    look(lookout)
    assert len(lookout.ids) == 1


def test_a_monitor_that_cannot_look_does_not_keep_the_others_from_it() -> None:
    lookout = Lookout(dict.fromkeys("abc", RUNNING["m"]))
    lookout.happens("j", "RUNNING")
    lookout.clock.advance(seconds=600)
    fails = iter([True])

    def publish_fails(name: str, after_effect: bool) -> None:
        if name == "publish" and next(fails, False):
            raise TryAgain("told to fail")

    lookout.gate = publish_fails
    look(lookout)
    assert len(lookout.ids) == 2
    lookout.sweep(after_seconds=1)
    assert sorted(lookout.ids) == [f"monitor/{name}/job_running/j" for name in "abc"]


def test_a_look_stops_when_its_time_is_over_and_the_next_begins_elsewhere() -> None:
    lookout = Lookout({f"m{number}": RUNNING["m"] for number in range(6)})
    lookout.happens("j", "RUNNING")
    lookout.clock.advance(seconds=600)
    lookout.gate = lambda name, after_effect: lookout.clock.advance(ms=100) if name == "close_telling" else None
    for looks in range(1, 4):
        assert look_at_monitors(lookout.world(), lookout.clock.now_ms() + 150) == 1
        assert len(lookout.ids) == looks
        lookout.clock.advance(seconds=lookout.settings.sweep_seconds)


def test_without_monitors_a_look_reads_them_once_a_minute_and_nothing_else() -> None:
    lookout = Lookout({})
    world = lookout.world()
    for _ in range(3):
        assert look_at_monitors(world, 1 << 60) == 0
        lookout.clock.advance(seconds=20)
    assert lookout.calls == ["monitors"]
