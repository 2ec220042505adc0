"""What monitors watch and when something is due to be said, against tables made by hand and the plain way to count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.failure import FailureClass
from chalicelib.core.monitor.counts import BUCKET_MS, Bucket, bucket_ms
from chalicelib.core.monitor.failure_rate import FailureRate
from chalicelib.core.monitor.job_times import running_since_ms, waiting_since_ms
from chalicelib.core.monitor.monitor import Monitor, monitors_of, watched_alike
from chalicelib.core.monitor.nothing_ran import (
    BACKLOG_MS,
    AwaitEvents,
    Deadline,
    NothingRan,
    NothingSucceeded,
    SomethingRan,
    clock_time_rule,
    days_rule,
    ended_in_time,
    judge_deadline,
    last_deadline,
)
from chalicelib.core.monitor.too_long import RunningLonger
from chalicelib.core.schedule.model import iso_time, moment_ms, read_moment_ms
from chalicelib.core.states import JobStatus

JOB = JobRecord("id", "import-films", "etl", "films:3", JobStatus.RUNNING, created_at_ms=1_000, seen_at_ms=5_000)
OWN = replace(JOB, managed_by=ManagedBy.BATCHWRIGHT, run_id="r", task="t", attempt=1)
STEPS = replace(JOB, managed_by=ManagedBy.STEP_FUNCTIONS)
ARRAY = replace(JOB, array_size=10, status=JobStatus.PENDING, children={"RUNNABLE": 9, "RUNNING": 1})


def monitor(**given: Any) -> Monitor:
    (found,) = monitors_of({"monitors": {"m": given}}, {})
    return found


@pytest.mark.parametrize(
    ("given", "job", "watched"),
    [
        ({}, JOB, True),
        ({"queues": ["etl"]}, JOB, True),
        ({"queues": ["ETL", "etl-*"]}, JOB, False),
        ({"queues": ["e?l"]}, JOB, True),
        ({"names": ["import-*"], "queues": ["other"]}, JOB, False),
        ({"definitions": ["films"]}, JOB, True),
        ({"definitions": ["films:3"]}, JOB, True),
        ({"definitions": ["films:4"]}, JOB, False),
        ({"kinds": ["foreign"]}, JOB, True),
        ({"kinds": ["foreign"]}, STEPS, True),
        ({"kinds": ["foreign"]}, OWN, False),
        ({"kinds": ["own"]}, OWN, True),
        ({"kinds": ["step_functions"]}, JOB, False),
        ({"kinds": ["own", "step_functions"]}, STEPS, True),
        ({"kinds": ["array"]}, JOB, False),
        ({"kinds": ["array", "foreign"]}, ARRAY, True),
        ({"kinds": ["array", "own"]}, ARRAY, False),
        ({"kinds": ["single", "multi_node"]}, replace(JOB, nodes=4), True),
    ],
)
def test_a_monitor_watches_what_fits_each_of_its_lists(given: dict[str, Any], job: JobRecord, watched: bool) -> None:
    assert monitor(**given).watches(job) is watched


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        (True, set(FailureClass) - {FailureClass.CANCELLED}),
        (False, set()),
        (None, set()),
        ({}, set(FailureClass) - {FailureClass.CANCELLED}),
        ({"classes": ["spot", "cancelled"]}, {FailureClass.SPOT, FailureClass.CANCELLED}),
        ({"excluding": ["spot"]}, set(FailureClass) - {FailureClass.SPOT}),
    ],
)
def test_a_monitor_tells_of_the_failures_of_its_classes(failed: Any, told: set[FailureClass]) -> None:
    watching = monitor(failed=failed)
    for failure in FailureClass:
        assert watching.reports_failure(replace(JOB, status=JobStatus.FAILED, failure=failure)) is (failure in told)
    assert not watching.reports_failure(replace(JOB, status=JobStatus.SUCCEEDED))


def test_what_somebody_cancelled_counts_neither_as_failed_nor_as_succeeded() -> None:
    watching = monitor(failure_rate={"above": 0.2})
    assert watching.counts(replace(JOB, status=JobStatus.SUCCEEDED))
    assert watching.counts(replace(JOB, status=JobStatus.FAILED, failure=FailureClass.SPOT))
    assert not watching.counts(replace(JOB, status=JobStatus.FAILED, failure=FailureClass.CANCELLED))
    assert not watching.counts(JOB)
    assert not monitor(failed=True).counts(replace(JOB, status=JobStatus.SUCCEEDED))


def test_an_array_runs_from_its_submission_on_and_a_job_from_its_start() -> None:
    assert running_since_ms(JOB) == 5_000
    assert running_since_ms(replace(JOB, started_at_ms=4_000)) == 4_000
    assert running_since_ms(ARRAY) == 1_000
    assert running_since_ms(replace(JOB, status=JobStatus.PENDING)) is None
    assert running_since_ms(replace(JOB, status=JobStatus.SUCCEEDED)) is None


def test_a_job_waits_from_the_last_change_on_and_not_while_others_hold_it_back() -> None:
    for status in (JobStatus.SUBMITTED, JobStatus.RUNNABLE, JobStatus.STARTING):
        assert waiting_since_ms(replace(JOB, status=status)) == 5_000
    for status in (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED):
        assert waiting_since_ms(replace(JOB, status=status)) is None


@pytest.mark.parametrize(
    ("children", "waits", "runs"),
    [
        ({}, False, False),
        ({"PENDING": 10}, False, False),
        ({"PENDING": 9, "RUNNABLE": 1}, True, False),
        ({"RUNNABLE": 9, "STARTING": 1}, True, False),
        ({"RUNNABLE": 9, "RUNNING": 1}, False, True),
        ({"RUNNABLE": 9, "SUCCEEDED": 1}, False, True),
        ({"RUNNABLE": 9, "FAILED": 1}, False, True),
    ],
)
def test_an_array_waits_while_some_of_its_jobs_do_and_none_has_begun(
    children: dict[str, int], waits: bool, runs: bool
) -> None:
    array = replace(ARRAY, children=children)
    assert (waiting_since_ms(array) is not None, running_since_ms(array) is not None) == (waits, runs)


LONG_MS = 10**12
"""A job that has run for so long, no rule takes for too young."""


@pytest.mark.parametrize(
    ("rule", "p95_ms", "after_ms"),
    [
        (RunningLonger(than_seconds=60), 1_000, 60_000),
        (RunningLonger(than_p95_times=2), None, None),
        (RunningLonger(than_p95_times=2), 1_000_000, 2_000_000),
        (RunningLonger(than_p95_times=2), 1_000, 300_000),
        (RunningLonger(than_p95_times=1.5, at_least_seconds=0), 1_000, 1_500),
        (RunningLonger(than_seconds=60, than_p95_times=1, at_least_seconds=0), 50_000, 50_000),
        (RunningLonger(than_seconds=60, than_p95_times=1, at_least_seconds=0), 70_000, 60_000),
        (RunningLonger(than_seconds=60, than_p95_times=1), None, 60_000),
    ],
)
def test_a_job_runs_too_long_after_the_sooner_of_the_two_times(
    rule: RunningLonger, p95_ms: int | None, after_ms: int | None
) -> None:
    assert rule.limit_ms(JOB, LONG_MS, lambda _: p95_ms) == after_ms


def test_what_jobs_of_a_definition_take_says_nothing_of_an_array() -> None:
    assert RunningLonger(than_p95_times=1).limit_ms(ARRAY, LONG_MS, lambda _: 1_000) is None
    assert RunningLonger(60, than_p95_times=1).limit_ms(ARRAY, LONG_MS, lambda _: 1_000) == 60_000


endings = st.lists(st.tuples(st.integers(0, 40_000_000), st.booleans()), max_size=80)


@settings(deadline=None)
@given(endings, st.integers(5_000_000, 40_000_000), st.integers(300, 7_200), st.sampled_from([0, 0.2, 0.5, 0.99]))
def test_a_rate_is_that_of_the_endings_since_the_first_five_minutes_it_is_about(
    ended: list[tuple[int, bool]], now_ms: int, within_seconds: int, above: float
) -> None:
    rule = FailureRate(above, within_seconds=within_seconds, at_least_jobs=3)
    counts: dict[int, Bucket] = {}
    for at_ms, succeeded in ended:
        start = bucket_ms(at_ms)
        one = counts.get(start, Bucket(start))
        counts[start] = Bucket(start, one.succeeded + succeeded, one.failed + (not succeeded))
    from_ms = rule.from_ms(now_ms)
    within = [ok for at_ms, ok in ended if bucket_ms(at_ms) >= from_ms]
    expected = len(within) >= 3 and within.count(False) / len(within) > above
    assert rule.is_above([one for one in counts.values() if one.start_ms >= from_ms], was_above=False) is expected
    assert 0 <= now_ms - within_seconds * 1000 - from_ms < BUCKET_MS


def deadline_times(rule: NothingRan, now: str) -> tuple[str, str, str] | None:
    found = last_deadline(rule, read_moment_ms(now))
    if found is None:
        return None
    return found.date, iso_time(found.from_ms, rule.time_zone), iso_time(found.at_ms, rule.time_zone)


@pytest.mark.parametrize(
    ("rule", "now", "expected"),
    [
        (
            NothingRan("06:00", time_zone="Europe/Berlin"),
            "2026-11-02T05:00:00Z",
            ("2026-11-02", "2026-11-02T00:00:00+01:00", "2026-11-02T06:00:00+01:00"),
        ),
        (
            NothingRan("06:00", time_zone="Europe/Berlin"),
            "2026-11-02T04:59:59Z",
            ("2026-11-01", "2026-11-01T00:00:00+01:00", "2026-11-01T06:00:00+01:00"),
        ),
        # The day of 23 hours: 06:00 comes five hours after midnight.
        (
            NothingRan("06:00", time_zone="Europe/Berlin"),
            "2026-03-29T04:00:00Z",
            ("2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-29T06:00:00+02:00"),
        ),
        # And the one of 25.
        (
            NothingRan("06:00", time_zone="Europe/Berlin"),
            "2026-10-25T04:59:59Z",
            ("2026-10-24", "2026-10-24T00:00:00+02:00", "2026-10-24T06:00:00+02:00"),
        ),
        (
            NothingRan("06:00", time_zone="Europe/Berlin"),
            "2026-10-25T05:00:00Z",
            ("2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-25T06:00:00+01:00"),
        ),
        # 02:30 does not exist on that day; no day goes without its deadline.
        (
            NothingRan("02:30", time_zone="Europe/Berlin"),
            "2026-03-29T01:30:00Z",
            ("2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-29T03:30:00+02:00"),
        ),
        # On this one it exists twice; the first time counts.
        (
            NothingRan("02:30", time_zone="Europe/Berlin"),
            "2026-10-25T00:30:00Z",
            ("2026-10-25", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ),
        (
            NothingRan("06:00", after="22:00", time_zone="America/New_York", days="MON-FRI"),
            "2026-11-22T20:00:00Z",
            ("2026-11-20", "2026-11-19T22:00:00-05:00", "2026-11-20T06:00:00-05:00"),
        ),
        (
            NothingRan("06:00", after="06:00"),
            "2026-11-22T07:00:00Z",
            ("2026-11-22", "2026-11-21T06:00:00+00:00", "2026-11-22T06:00:00+00:00"),
        ),
        (
            NothingRan("00:00"),
            "2026-11-22T07:00:00Z",
            ("2026-11-22", "2026-11-21T00:00:00+00:00", "2026-11-22T00:00:00+00:00"),
        ),
    ],
)
def test_a_deadline_is_a_time_of_day_in_its_time_zone(
    rule: NothingRan, now: str, expected: tuple[str, str, str]
) -> None:
    assert deadline_times(rule, now) == expected


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]


@settings(deadline=None, max_examples=150)
@given(
    st.integers(read_moment_ms("2025-01-01T00:00Z"), read_moment_ms("2028-01-01T00:00Z")),
    st.integers(0, 287),
    st.sampled_from(ZONES),
    st.sampled_from(["*", "MON-FRI", "SUN", "2#1"]),
)
def test_the_last_deadline_is_the_latest_of_all_days_that_are_meant(
    now_ms: int, place: int, time_zone: str, days: str
) -> None:
    where = ZoneInfo(time_zone)
    by = time(place // 12, place % 12 * 5)
    today = datetime.fromtimestamp(now_ms / 1000, where).date()
    meant = [day for day in (today + timedelta(days=n) for n in range(-40, 3)) if is_meant(day, days)]
    moments = [moment_ms(datetime.combine(day, by), where) for day in meant]
    expected = max(one for one in moments if one <= now_ms)
    found = last_deadline(NothingRan(by.strftime("%H:%M"), time_zone=time_zone, days=days), now_ms)
    assert found is not None
    assert found.at_ms == expected
    assert 0 < found.at_ms - found.from_ms <= 25 * 3_600_000


def is_meant(day: date, days: str) -> bool:
    match days:
        case "MON-FRI":
            return day.weekday() < 5
        case "SUN":
            return day.weekday() == 6
        case "2#1":
            return day.weekday() == 0 and day.day <= 7
    return True


@pytest.mark.parametrize(
    ("after", "by", "from_", "at"),
    [
        # On this day Berlin has no time from 02:00 to 03:00.
        ("02:30", "03:00", "00:30", "01:00"),
        ("02:00", "03:00", "00:00", "01:00"),
        ("02:55", "03:30", "00:55", "01:30"),
        ("02:00", "04:00", "01:00", "02:00"),
        ("02:00", "02:30", "01:00", "01:30"),
    ],
)
def test_a_time_that_the_clocks_leave_out_does_not_turn_the_time_to_run_in_round(
    after: str, by: str, from_: str, at: str
) -> None:
    deadline = last_deadline(NothingRan(by, after, "Europe/Berlin"), read_moment_ms("2026-03-29T05:00Z"))
    assert deadline is not None
    found = [iso_time(ms)[:16] for ms in (deadline.from_ms, deadline.at_ms)]
    assert found == [f"2026-03-29T{from_}", f"2026-03-29T{at}"]


def test_what_succeeded_before_or_after_the_time_does_not_count() -> None:
    deadline = last_deadline(NothingRan("06:00", after="02:00"), read_moment_ms("2026-11-22T07:00Z"))
    assert deadline is not None
    for at, counts in (("01:55", False), ("02:00", True), ("05:55", True), ("06:00", False)):
        bucket = bucket_ms(read_moment_ms(f"2026-11-22T{at}Z"))
        assert ended_in_time([Bucket(bucket, succeeded=2, failed=1)], deadline) == ((2, 1) if counts else (0, 0))


SIX = Deadline("2026-11-22", 21_600_000, 0)


@pytest.mark.parametrize(
    ("succeeded", "queued", "awaited_since_ms", "waited_ms", "expected"),
    [
        (1, 0, 0, 0, SomethingRan()),
        (1, 9, SIX.at_ms, BACKLOG_MS, SomethingRan()),
        (0, 0, 0, 0, NothingSucceeded(2, 0)),
        (0, 9, 0, 0, AwaitEvents(SIX.at_ms)),
        (0, 9, SIX.at_ms - 1, BACKLOG_MS, AwaitEvents(SIX.at_ms + BACKLOG_MS)),
        (0, 9, SIX.at_ms, BACKLOG_MS - 1, AwaitEvents(SIX.at_ms)),
        # Another invocation's clock was ahead.
        (0, 9, SIX.at_ms + 5, 0, AwaitEvents(SIX.at_ms + 5)),
        (0, 0, SIX.at_ms, 1, NothingSucceeded(2, 0)),
        (0, 9, SIX.at_ms, BACKLOG_MS, NothingSucceeded(2, 9)),
    ],
)
def test_a_deadline_is_judged_by_what_is_counted_and_by_what_is_still_in_the_queue(
    succeeded: int, queued: int, awaited_since_ms: int, waited_ms: int, expected: object
) -> None:
    buckets = [Bucket(0, succeeded, 2)]
    assert judge_deadline(SIX, buckets, queued, awaited_since_ms, SIX.at_ms + waited_ms) == expected


def test_a_monitor_watches_anew_once_it_watches_other_jobs_or_another_time() -> None:
    given = {"queues": ["a"], "nothing_ran": {"by": "06:00"}, "description": "x"}
    assert watched_alike(given, {**given, "description": "y", "failed": True}, "nothing_ran")
    assert not watched_alike(given, {**given, "queues": ["b"]}, "nothing_ran")
    assert not watched_alike(given, {**given, "nothing_ran": {"by": "07:00"}}, "nothing_ran")
    assert watched_alike(given, {**given, "nothing_ran": {"by": "07:00"}}, "failed")
    assert not watched_alike(given, {**given, "failed": True}, "failed")


@pytest.mark.parametrize("text", ["6:00", "24:00", "06:60", "06:00:00", "06", ""])
def test_a_time_of_day_is_written_with_hours_and_minutes(text: str) -> None:
    broken = clock_time_rule(text)
    assert broken is not None
    assert "00:00 to 23:55" in broken.text


def test_a_time_of_day_is_a_multiple_of_five_minutes() -> None:
    assert clock_time_rule("06:05") is None
    broken = clock_time_rule("06:33")
    assert broken is not None
    assert (broken.text, broken.suggestion) == ("must be a multiple of five minutes, not '06:33'", "write '06:30'")


@pytest.mark.parametrize(
    ("text", "is_right"), [("MON-FRI", True), ("*", True), ("2#1", True), ("?", False), ("1 2", False)]
)
def test_days_are_those_of_a_cron_expression(text: str, is_right: bool) -> None:
    assert (days_rule(text) is None) is is_right


def test_where_a_day_has_no_midnight_its_window_begins_with_its_first_moment() -> None:
    rule = NothingRan(by="06:00", after="00:00", time_zone="America/Havana")
    found = last_deadline(rule, read_moment_ms("2027-03-14T12:00-04:00"))
    assert found == Deadline(
        "2027-03-14", read_moment_ms("2027-03-14T06:00-04:00"), read_moment_ms("2027-03-14T01:00-04:00")
    )


def test_a_rate_with_a_lower_threshold_is_over_only_once_it_has_fallen_to_that() -> None:
    rule = FailureRate(above=0.2, over_at=0.1)
    seen = {failed: counts(failed, 100) for failed in (21, 20, 11, 10)}
    shares = {
        failed: (rule.is_above(buckets, was_above=False), not rule.is_above(buckets, was_above=True))
        for failed, buckets in seen.items()
    }
    assert shares == {21: (True, False), 20: (False, False), 11: (False, False), 10: (False, True)}
    assert [not FailureRate(above=0.2).is_above(counts(failed, 100), was_above=True) for failed in (21, 20)] == [
        False,
        True,
    ]


def counts(failed: int, ended: int) -> list[Bucket]:
    return [Bucket(0, succeeded=ended - failed, failed=failed)]
