"""What the sweep's looks find for monitors, and that each thing is told once, whatever becomes of an invocation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.core.errors import TryAgain
from chalicelib.core.monitor.counts import Counted
from chalicelib.core.monitor.run_times import step_of
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.schedule.model import iso_time, read_moment_ms
from chalicelib.engine.watch import monitor_looks
from chalicelib.engine.watch.monitor_looks import look_at_monitors
from tests.memory.lookout import RATE, Lookout, at, end, look, record_of
from tests.memory.theatre import Cut

RUNNING = {"m": {"running_longer": {"than_seconds": 600}}}
WAITING = {"m": {"waiting_longer": {"than_seconds": 600}}}


def test_a_job_that_runs_for_too_long_is_told_once() -> None:
    lookout = Lookout(RUNNING)
    lookout.happens("a", "RUNNING")
    lookout.happens("b", "SUBMITTED")
    assert look(lookout, after_seconds=599) == []
    assert look(lookout, after_seconds=1) == ["monitor/m/job_running/a"]
    for _ in range(5):
        assert look(lookout, after_seconds=300) == []
    (notice,) = lookout.notices.published
    assert (notice.kind, notice.monitor, notice.thread, notice.queue) == (
        NoticeKind.JOB_RUNNING,
        "m",
        "m/2023-11-14",
        "etl",
    )
    assert notice.subject == "m: job job-a runs for 10 minutes"
    assert notice.text == "It should not run for longer than 10 minutes."
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
    assert lookout.notices.published[0].subject == "m: job job-a waits for 10 minutes"


def array(**counts: int) -> dict[str, Any]:
    return {"size": sum(counts.values()), "statusSummary": counts}


def test_an_array_waits_until_one_of_its_jobs_runs_and_runs_from_then_on() -> None:
    lookout = Lookout({"m": {"waiting_longer": {"than_seconds": 600}, "running_longer": {"than_seconds": 3_600}}})
    lookout.happens("a", "PENDING", arrayProperties=array(RUNNABLE=10_000))
    lookout.happens("b", "PENDING", arrayProperties=array(PENDING=10_000))
    lookout.happens("c", "PENDING", arrayProperties=array(RUNNABLE=9_000, STARTING=999, RUNNING=1))
    for job_id in "ab":
        lookout.batch.others[job_id] = lookout.detail(job_id)
    assert look(lookout, after_seconds=599) == []
    assert look(lookout, after_seconds=1) == ["monitor/m/job_waiting/a"]
    assert lookout.notices.published[-1].subject == "m: job job-a waits for 10 minutes"
    assert look(lookout, after_seconds=3_000) == ["monitor/m/job_running/c"]
    assert look(lookout, after_seconds=36_000) == [], "neither of the others runs"


def test_batch_is_asked_whether_an_array_still_waits_for_it_does_not_tell_when_its_jobs_begin() -> None:
    lookout = Lookout({"m": {"waiting_longer": {"than_seconds": 600}, "running_longer": {"than_seconds": 3_600}}})
    lookout.happens("a", "PENDING", arrayProperties=array(RUNNABLE=10))
    lookout.happens("b", "PENDING", arrayProperties=array(RUNNABLE=10))
    lookout.clock.advance(seconds=60)
    lookout.event("a", "PENDING", arrayProperties=array(RUNNING=10) | {"statusSummaryLastUpdatedAt": now_ms(lookout)})
    lookout.batch.others["a"] = lookout.detail("a")
    lookout.event("b", "SUCCEEDED", arrayProperties=array(SUCCEEDED=10))
    lookout.batch.others["b"] = lookout.detail("b")
    assert look(lookout, after_seconds=600) == []
    asked = len(lookout.batch.described)
    assert look(lookout, after_seconds=3_000) == ["monitor/m/job_running/a"]
    assert len(lookout.batch.described) == asked, "what is known is not asked"
    record = lookout.store.job("b")
    assert record is not None
    assert record.status == "SUCCEEDED"


def test_no_array_is_told_that_batch_cannot_be_asked_about() -> None:
    lookout = Lookout(WAITING)
    for number in range(150):
        lookout.happens(f"{number:03d}", "PENDING", arrayProperties=array(RUNNABLE=2))
        lookout.batch.others[f"{number:03d}"] = lookout.detail(f"{number:03d}")
    lookout.happens("single", "RUNNABLE")

    def busy(name: str, after_effect: bool) -> None:
        if name == "describe":
            raise TryAgain("told to fail")

    lookout.gate = busy
    assert look(lookout, after_seconds=600) == ["monitor/m/job_waiting/single"]
    lookout.gate = lambda name, after_effect: None
    for _ in range(12):
        look(lookout, after_seconds=300)
    assert sum(notice.job_count for notice in lookout.notices.published) == 151, "no array is left out for ever"
    assert max(map(len, lookout.batch.described)) == 100


def now_ms(lookout: Lookout) -> int:
    return lookout.clock.now_ms()


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


def test_what_a_look_reads_does_not_grow_with_what_was_told_before() -> None:
    lookout = Lookout(WAITING)
    asked: list[str] = []
    jobs_told = lookout.store.jobs_told

    def asking(monitor: str, kind: NoticeKind, job_ids: Sequence[str]) -> set[str]:
        asked.extend(job_ids)
        return jobs_told(monitor, kind, job_ids)

    lookout.store.jobs_told = asking  # type: ignore[method-assign]
    for number in range(30):
        for name in "abc":
            lookout.happens(f"{name}{number}", "RUNNABLE")
        assert len(look(lookout, after_seconds=600)) == 1
        for name in "abc":
            lookout.happens(f"{name}{number}", "SUCCEEDED")
        lookout.happens(f"stays{number}", "RUNNABLE")
        lookout.clock.advance(seconds=600)
        asked.clear()
        assert look(lookout) == [f"monitor/m/job_waiting/stays{number}"]
        assert len(asked) <= number + 1, "at most the jobs that wait too long now"
    telling = lookout.store.telling("m", NoticeKind.JOB_WAITING)
    assert telling is not None
    assert telling.job_ids == ()


def test_a_warm_process_does_not_ask_again_whether_a_job_was_told() -> None:
    lookout = Lookout(WAITING)
    lookout.happens("a", "RUNNABLE")
    lookout.clock.advance(seconds=600)
    world = lookout.world()
    look_at_monitors(world, 1 << 60)
    assert lookout.ids == ["monitor/m/job_waiting/a"]
    asked = len(lookout.calls)
    look_at_monitors(world, 1 << 60)
    assert "jobs_told" not in lookout.calls[asked:]
    look_at_monitors(lookout.world(), 1 << 60)
    assert "jobs_told" in lookout.calls
    assert len(lookout.ids) == 1


def test_a_look_that_has_no_time_to_ask_for_all_that_was_told_tells_of_the_others_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitor_looks, "ASKED_AT_A_TIME", 5)
    lookout = Lookout(WAITING)
    for number in range(23):
        lookout.happens(f"{number}", "RUNNABLE")
    lookout.clock.advance(seconds=600)
    lookout.gate = lambda name, after_effect: lookout.clock.advance(ms=100) if name == "jobs_told" else None
    counts = []
    for _ in range(40):
        told = len(lookout.notices.published)
        look_at_monitors(lookout.world(), lookout.clock.now_ms() + 150)
        counts += [notice.job_count for notice in lookout.notices.published[told:]]
        lookout.clock.advance(seconds=lookout.settings.sweep_seconds)
    assert sum(counts) == 23, "each once"
    assert max(counts) <= 10


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
            look(lookout, after_seconds=lookout.settings.lease_seconds)
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


@pytest.mark.parametrize("call", ["put_telling", "put_look", "mark_jobs_told", "buckets", "publish", "close_telling"])
@pytest.mark.parametrize("scene", SCENES)
def test_of_two_looks_at_the_same_time_one_tells(scene: Any, call: str) -> None:
    """The second look goes through from its beginning to its end right before a call of the first."""
    lookout = scene()
    lookout.hooks[call] = lambda: look_at_monitors(lookout.world(), 1 << 60) and None
    look(lookout)
    look(lookout, after_seconds=lookout.settings.lease_seconds)
    assert len(lookout.notices.published) == len(lookout.ids) == SCENES[scene]


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
    lookout.sweep(after_seconds=lookout.settings.lease_seconds)
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
