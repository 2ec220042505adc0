"""What monitors make of the events of jobs: failures are told in digests, and the same ones never under two ids."""

from __future__ import annotations

import logging
from itertools import count

import pytest

from chalicelib.core.errors import Throttled
from chalicelib.core.monitor.pushed import pushed_after
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.logs import MemoryLogs
from tests.memory.lookout import Lookout
from tests.memory.theatre import Cut

FAILED = {"m": {"description": "The night's imports.", "failed": True}}
SCOPE = "monitor/m/1700000000000/2023-11-14"


def test_a_failure_is_told_ten_seconds_later_with_what_the_job_died_of_and_wrote() -> None:
    lookout = Lookout(FAILED)
    lookout.logs.write("log-a", "one", "two")
    began_ms = lookout.clock.now_ms()
    lookout.happens("a", "RUNNING")
    lookout.happens("a", "FAILED")
    lookout.rest()
    (notice,) = lookout.notices.published
    assert notice.notice_id == f"{SCOPE}/job_failed/1"
    assert (notice.kind, notice.monitor, notice.queue, notice.job_count) == (NoticeKind.JOB_FAILED, "m", "etl", 1)
    assert notice.subject == "m: job job-a failed (application)"
    assert notice.text == "The night's imports."
    (job,) = notice.jobs
    assert (job.job_id, job.exit_code, job.log_stream, job.log_lines) == ("a", 1, "log-a", ("one", "two"))
    assert notice.at_ms == began_ms + 10_000


def test_a_failure_is_told_though_what_the_job_wrote_cannot_be_read() -> None:
    lookout = Lookout(FAILED)

    def unreadable(*_: object) -> None:
        raise RuntimeError("no such stream")

    lookout.logs.tail = unreadable  # type: ignore[method-assign, assignment]
    lookout.happens("a", "FAILED")
    lookout.rest()
    assert lookout.notices.published[0].jobs[0].log_lines == ()


@pytest.mark.parametrize(
    ("monitor", "more", "is_told"),
    [
        ({"failed": True}, {}, True),
        ({"failed": {"classes": ["spot"]}}, {}, False),
        ({"failed": {"classes": ["application"]}}, {}, True),
        ({"failed": True}, {"isTerminated": True}, False),
        ({"failed": True, "names": ["job-b*"]}, {}, False),
        ({"failed": True, "queues": ["etl"], "definitions": ["films"], "kinds": ["foreign", "single"]}, {}, True),
        ({"failed": True, "kinds": ["own"]}, {}, False),
        ({"failure_rate": {"above": 0.5}}, {}, False),
    ],
)
def test_a_failure_is_told_by_the_monitors_that_watch_the_job_and_want_its_class(
    monitor: dict[str, object], more: dict[str, object], is_told: bool
) -> None:
    lookout = Lookout({"m": monitor})
    lookout.happens("a", "FAILED", **more)
    lookout.happens("b", "SUCCEEDED")
    lookout.rest()
    assert bool(lookout.notices.published) is is_told


def test_the_failure_of_an_array_tells_how_many_of_its_jobs_failed() -> None:
    lookout = Lookout(FAILED)
    summary = {"size": 1000, "statusSummary": {"FAILED": 3, "SUCCEEDED": 997}}
    lookout.happens("arr", "FAILED", arrayProperties=summary)
    lookout.rest()
    assert [job.failed_children for job in lookout.notices.published[0].jobs] == [3]


def test_what_goes_wrong_with_a_foreign_job_is_logged_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    lookout = Lookout(FAILED)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    lookout.store.observe_job = broken  # type: ignore[assignment]
    with caplog.at_level(logging.INFO, "chalicelib"), pytest.raises(MessagesLeft):
        lookout.happens("a", "FAILED")
    assert [(record.levelname, getattr(record, "ids", None)) for record in caplog.records] == [
        ("ERROR", {"job_id": "a"})
    ]


def test_a_failure_after_a_quiet_time_is_told_soon_and_named_first() -> None:
    lookout = Lookout(FAILED)
    late_seconds, told = [], []
    for number in range(4):
        failed_ms = lookout.clock.now_ms()
        lookout.happens(f"{number}", "FAILED")
        lookout.rest()
        notice = lookout.notices.published[-1]
        late_seconds.append((notice.at_ms - failed_ms) / 1000)
        told.append((notice.subject, notice.jobs[0].name, notice.job_count))
        lookout.clock.advance(seconds=1_800)
    assert late_seconds == [10] * 4
    assert told[0] == ("m: job job-0 failed (application)", "job-0", 1)
    assert told[3] == ("m: job job-3 failed, too (application), 4 in all", "job-3", 4)


def test_of_a_later_notice_the_new_failures_come_first_and_are_counted_apart() -> None:
    lookout = Lookout(FAILED)
    for number in range(12):
        lookout.happens(f"a{number:02}", "FAILED")
        lookout.clock.advance(ms=1)
    lookout.rest()
    for number in range(3):
        lookout.happens(f"b{number}", "FAILED")
        lookout.clock.advance(ms=1)
    lookout.rest()
    _, notice = lookout.notices.published
    assert notice.subject == "m: 3 more jobs failed, 15 in all"
    assert [job.name for job in notice.jobs[:4]] == ["job-b0", "job-b1", "job-b2", "job-a00"]
    assert (notice.text or "").endswith("have failed since this monitor watches for it. 3 of these are new.")


def test_failures_that_go_on_are_told_less_and_less_often() -> None:
    lookout = Lookout(FAILED)
    for number in range(200):
        lookout.happens(f"{number}", "FAILED")
        lookout.clock.advance(seconds=30)
        lookout.deliver_commands()
    assert 8 <= len(lookout.notices.published) <= 10, "within 100 minutes"


def test_a_burst_makes_one_notice_with_an_exact_count_and_ten_names() -> None:
    lookout = Lookout(FAILED)
    for number in range(300):
        lookout.happens(f"{number:03d}", "FAILED")
    lookout.rest()
    (notice,) = lookout.notices.published
    assert (notice.job_count, len(notice.jobs), notice.jobs[0].job_id) == (300, 10, "000")
    assert notice.subject == "m: 300 jobs failed"
    assert notice.text == (
        "The night's imports. Of the jobs that were submitted on 2023-11-14 (UTC), 300 have failed since this monitor "
        "watches for it."
    )
    lookout.happens("late", "FAILED")
    lookout.rest()
    assert lookout.ids == [f"{SCOPE}/job_failed/300", f"{SCOPE}/job_failed/301"]
    assert lookout.notices.published[-1].jobs[0].job_id == "late", "what is new comes first"


def test_a_repeat_a_late_event_and_another_order_tell_nothing_more() -> None:
    lookout = Lookout(FAILED)
    running, failed = lookout.event("a", "RUNNING"), lookout.event("a", "FAILED")
    for body in (failed, running, failed, failed):
        lookout.deliver_event(body)
    lookout.rest()
    lookout.deliver_event(failed)
    lookout.rest()
    assert lookout.ids == [f"{SCOPE}/job_failed/1"]


def test_a_repeat_of_what_was_told_does_not_make_the_next_failure_wait() -> None:
    lookout = Lookout(FAILED)
    failed = lookout.event("a", "FAILED")
    lookout.deliver_event(failed)
    lookout.rest()
    for _ in range(3):
        lookout.clock.advance(seconds=5)
        lookout.deliver_event(failed)
        lookout.rest()
    failed_ms = lookout.clock.now_ms()
    lookout.happens("b", "FAILED")
    lookout.rest()
    assert lookout.ids == [f"{SCOPE}/job_failed/1", f"{SCOPE}/job_failed/2"]
    assert lookout.notices.published[-1].at_ms - failed_ms == 60_000, "as after one failure"


@pytest.mark.parametrize("before", [None, "RUNNING"])
def test_a_failure_is_told_in_full_though_its_record_cannot_be_put_for_longer(before: str | None) -> None:
    lookout = Lookout(FAILED)
    if before:
        lookout.happens("a", before)
    refused = iter([True] * 4)

    def busy(name: str, after_effect: bool) -> None:
        if name == "observe_job" and not after_effect and next(refused, False):
            raise Throttled("PutItem: throttled")

    lookout.gate = busy
    lookout.events.send([lookout.event("a", "FAILED", statusReason="no such film")])
    lookout.rest()
    assert next(refused, None) is None, "it was refused for long enough"
    assert lookout.ids == [f"{SCOPE}/job_failed/1"]
    notice = lookout.notices.published[0]
    assert notice.subject == "m: job job-a failed (application)"
    (job,) = notice.jobs
    assert (job.job_id, job.exit_code, job.reason, job.queue) == ("a", 1, "no such film", "etl")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"names": ["job-a*"], "failed": True}, {"names": ["job-b*"], "failed": True}),
        ({"failed": {"classes": ["application"]}}, {"failed": {"classes": ["spot", "application"]}}),
    ],
)
def test_a_monitor_that_watches_for_other_failures_counts_anew(
    first: dict[str, object], then: dict[str, object]
) -> None:
    lookout = Lookout({"m": first})
    for number in range(5):
        lookout.happens(f"a{number}", "FAILED")
    lookout.rest()
    lookout.push_monitors({"m": then})
    lookout.clock.advance(seconds=60)
    lookout.happens("b", "FAILED")
    lookout.rest()
    _, notice = lookout.notices.published
    assert (notice.subject, notice.job_count) == ("m: job job-b failed (application)", 1)
    assert [job.name for job in notice.jobs] == ["job-b"]
    assert len(set(lookout.ids)) == 2


def test_a_monitor_that_is_pushed_with_another_rule_goes_on_counting_failures() -> None:
    lookout = Lookout(FAILED)
    lookout.happens("a", "FAILED")
    lookout.rest()
    lookout.push_monitors({"m": {**FAILED["m"], "nothing_ran": {"by": "06:00"}, "description": "Others."}})
    lookout.clock.advance(seconds=60)
    lookout.happens("b", "FAILED")
    lookout.rest()
    assert lookout.ids == [f"{SCOPE}/job_failed/1", f"{SCOPE}/job_failed/2"]


def test_each_monitor_tells_in_its_own_thread() -> None:
    lookout = Lookout({"m": FAILED["m"], "n": {"failed": True, "queues": ["e*"]}})
    lookout.happens("a", "FAILED")
    lookout.rest()
    assert sorted((notice.monitor, notice.thread) for notice in lookout.notices.published) == [
        ("m", "m/2023-11-14"),
        ("n", "n/2023-11-14"),
    ]


def test_a_failure_of_another_day_is_in_another_thread_though_it_is_counted_with_those_before() -> None:
    lookout = Lookout(FAILED)
    for name in "ab":
        lookout.happens(name, "RUNNING")
    for name in "ab":
        lookout.clock.advance(seconds=86_400)
        lookout.happens(name, "FAILED")
        lookout.rest()
    assert [notice.thread for notice in lookout.notices.published] == ["m/2023-11-15", "m/2023-11-16"]
    assert lookout.ids == [f"{SCOPE}/job_failed/1", f"{SCOPE}/job_failed/2"]


def test_a_failure_of_a_monitor_that_was_deleted_meanwhile_is_told_nevertheless() -> None:
    lookout = Lookout(FAILED)
    lookout.happens("a", "FAILED")
    lookout.store.put_monitors(pushed_after(lookout.store.monitors(), None, 0))
    lookout.rest()
    assert lookout.ids == [f"{SCOPE}/job_failed/1"]


def test_a_push_is_known_to_a_warm_process_within_a_minute() -> None:
    lookout = Lookout({})
    world = lookout.world()
    assert world.monitors() == ()
    lookout.push_monitors(FAILED)
    lookout.clock.advance(seconds=59)
    assert world.monitors() == ()
    lookout.clock.advance(seconds=1)
    assert [monitor.name for monitor in world.monitors()] == ["m"]


@pytest.mark.parametrize("created", [0, 10**15, -5, None])
def test_a_job_with_an_odd_time_of_creation_is_told_too(created: object) -> None:
    lookout = Lookout({"m": {"failed": True, "failure_rate": {"above": 0.5}, "running_longer": {"than_p95_times": 1}}})
    lookout.happens("a", "FAILED", createdAt=created)
    lookout.happens("b", "SUCCEEDED", createdAt=created)
    lookout.rest()
    lookout.sweep(after_seconds=300)
    assert len(lookout.ids) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_crash_at_any_call_of_any_invocation_tells_each_failure_once(after_effect: bool) -> None:
    """Three jobs fail, one of them late; every call of every invocation is cut once, each in a stage of its own."""
    cuts = 0
    for invocation in count(1):
        for call in count():
            lookout = Lookout({"m": {"failed": True, "failure_rate": {"above": 0.5}}})
            crashed = play_with_one_crash(lookout, invocation, Cut(call, after_effect))
            counts = [notice.job_count for notice in lookout.notices.published]
            assert len(set(lookout.notices.ids)) == len(set(counts)), "the same set has one id"
            assert max(counts, default=0) == 3, "every failure is told"
            assert ended_by_counts(lookout) == (0, 3), "every ending is counted once"
            assert set(lookout.ids) <= {f"{SCOPE}/job_failed/{number}" for number in (1, 2, 3)}
            if not crashed:
                break
            cuts += 1
        if call == 0:
            break
    assert cuts > 20


def play_with_one_crash(lookout: Lookout, invocation: int, cut: Cut) -> bool:
    crashed = False
    number = 0

    def act(deliver) -> int:  # type: ignore[no-untyped-def]
        nonlocal crashed, number
        number += 1
        if number == invocation:
            crashed = lookout.crash(cut, deliver)
            return 1
        try:
            return int(deliver() or 0)
        except MessagesLeft:
            return 1

    lookout.events.send([lookout.event("a", "FAILED")])
    lookout.events.send([lookout.event("b", "FAILED")])
    act(lookout.deliver_events)
    lookout.clock.advance(seconds=60)
    act(lookout.deliver_commands)
    lookout.events.send([lookout.event("c", "FAILED")])
    lookout.rest(act)
    return crashed


def ended_by_counts(lookout: Lookout) -> tuple[int, int]:
    """How many jobs succeeded and failed by what monitor m counted."""
    (monitor,) = lookout.store.monitors().monitors
    found = lookout.store.buckets(monitor.counts_under, 0, 1 << 60)
    return sum(one.succeeded for one in found), sum(one.failed for one in found)


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_crash_at_any_call_counts_an_ending_once_however_often_it_is_told(after_effect: bool) -> None:
    for call in count():
        lookout = Lookout({"m": {"nothing_ran": {"by": "06:00"}, "running_longer": {"than_p95_times": 2}}})
        lookout.happens("a", "RUNNING")
        ended = lookout.event("a", "SUCCEEDED")
        crashed = lookout.crash(
            Cut(call, after_effect), lambda lookout=lookout, ended=ended: lookout.deliver_event(ended)
        )
        lookout.events.send([ended, ended])
        lookout.rest()
        assert ended_by_counts(lookout) == (1, 0)
        assert sum(lookout.store.run_times("films", "2023-11").values()) == 1
        if not crashed:
            break
    assert call >= 2


def test_a_job_that_no_monitor_counts_is_put_alone() -> None:
    lookout = Lookout({"m": {"failed": True, "names": ["other"], "failure_rate": {"above": 0.5}}})
    counted = []
    lookout.store.count = counted.append  # type: ignore[method-assign]
    lookout.happens("a", "FAILED")
    assert counted == []


def test_the_logs_of_a_stage_are_those_that_notices_read() -> None:
    assert isinstance(Lookout({}).logs, MemoryLogs)
