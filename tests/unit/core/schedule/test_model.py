"""The times of schedules across daylight saving, against tables made by hand, and what must hold for any zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.definition.check import check_definition, workflow_from
from chalicelib.core.errors import InvalidWorkflow
from chalicelib.core.schedule.model import (
    CatchUp,
    Overlap,
    Schedule,
    Times,
    document_of,
    iso_time,
    local_time_rule,
    moment_in,
    rate_rule,
    read_moment_ms,
    render_params,
    schedule_of,
    time_zone_rule,
    zone,
)

HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return read_moment_ms(text)


def shown(schedule: Schedule, after: str, count: int, since: str = "1970-01-01T00:00Z") -> list[str]:
    """Its first times after a moment, as its zone's clocks show them, with the offset."""
    times = islice(Times(schedule, ms(since)).after(ms(after)), count)
    return [f"{iso_time(at_ms, schedule.time_zone)[5:16]}{iso_time(at_ms, schedule.time_zone)[19:]}" for at_ms in times]


TABLE = [
    # Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
    ("30 2 * * ? *", "Europe/Berlin", "2026-03-27T12:00Z", ["03-28T02:30+01:00", "03-30T02:30+02:00"]),
    ("0 3 * * ? *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T03:00+02:00", "03-30T03:00+02:00"]),
    ("30 2 * * ? *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T02:30+02:00", "10-26T02:30+01:00"]),
    ("0 * * * ? *", "Europe/Berlin", "2026-03-28T23:30Z", ["03-29T01:00+01:00", "03-29T03:00+02:00"]),
    ("0 * * * ? *", "Europe/Berlin", "2026-10-24T23:30Z", ["10-25T02:00+02:00", "10-25T03:00+01:00"]),
    ("59 23 * * ? *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-24T23:59+02:00", "10-25T23:59+01:00"]),
    # New York, 8 March 2026: 02:00 becomes 03:00. 1 November 2026: 02:00 becomes 01:00.
    ("30 2 * * ? *", "America/New_York", "2026-03-07T12:00Z", ["03-09T02:30-04:00", "03-10T02:30-04:00"]),
    ("30 1 * * ? *", "America/New_York", "2026-10-31T12:00Z", ["11-01T01:30-04:00", "11-02T01:30-05:00"]),
    ("0 2 * * ? *", "America/New_York", "2026-10-31T12:00Z", ["11-01T02:00-05:00", "11-02T02:00-05:00"]),
    ("30 1 ? * SUN#1 *", "America/New_York", "2026-10-31T12:00Z", ["11-01T01:30-04:00", "12-06T01:30-05:00"]),
    # Lord Howe, 4 October 2026: 02:00 becomes 02:30. 5 April 2026: 02:00 becomes 01:30.
    ("15 2 * * ? *", "Australia/Lord_Howe", "2026-10-02T12:00Z", ["10-03T02:15+10:30", "10-05T02:15+11:00"]),
    ("30 2 * * ? *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["10-04T02:30+11:00", "10-05T02:30+11:00"]),
    ("45 1 * * ? *", "Australia/Lord_Howe", "2026-04-04T02:00Z", ["04-05T01:45+11:00", "04-06T01:45+10:30"]),
    # Apia had no 30 December 2011: it went over the date line.
    ("0 12 * * ? *", "Pacific/Apia", "2011-12-29T12:00Z", ["12-29T12:00-10:00", "12-31T12:00+14:00"]),
    ("0 12 30 12 ? *", "Pacific/Apia", "2011-01-01T00:00Z", ["12-30T12:00+14:00"]),
    # Kwajalein had no 21 August 1993; Manila two 31 December 1844, which is before any expression.
    ("0 0 * * ? *", "Pacific/Kwajalein", "1993-08-20T00:00Z", ["08-20T00:00-12:00", "08-22T00:00+12:00"]),
    # Kathmandu is at a quarter, Tokyo has no daylight saving, Troll goes two hours, Casablanca back in Ramadan.
    ("0 0 * * ? *", "Asia/Kathmandu", "2026-03-28T12:00Z", ["03-29T00:00+05:45", "03-30T00:00+05:45"]),
    ("0 9 * * ? *", "Asia/Tokyo", "2026-03-28T12:00Z", ["03-29T09:00+09:00", "03-30T09:00+09:00"]),
    ("30 1 * * ? *", "Antarctica/Troll", "2026-03-28T12:00Z", ["03-30T01:30+02:00", "03-31T01:30+02:00"]),
    # Cairo, Havana and Santiago change at midnight: that day begins at one.
    ("0 0 * * ? *", "America/Havana", "2026-03-07T12:00Z", ["03-09T00:00-04:00", "03-10T00:00-04:00"]),
    ("0 0 * * ? *", "America/Santiago", "2026-09-05T12:00Z", ["09-07T00:00-03:00", "09-08T00:00-03:00"]),
    ("30 23 * * ? *", "America/Santiago", "2026-04-04T12:00Z", ["04-04T23:30-03:00", "04-05T23:30-04:00"]),
]


@pytest.mark.parametrize(("cron", "time_zone", "after", "expected"), TABLE)
def test_a_time_that_a_day_lacks_is_skipped_and_one_that_it_has_twice_counts_once(
    cron: str, time_zone: str, after: str, expected: list[str]
) -> None:
    assert shown(Schedule(cron=cron, time_zone=time_zone), after, 2)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("time_zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_daily_time_is_as_far_from_the_next_as_the_day_is_long(time_zone: str, day: str, hours: float) -> None:
    zone = ZoneInfo(time_zone)
    midnight = int(datetime.fromisoformat(day).replace(tzinfo=zone).timestamp() * 1000)
    first, second = islice(Times(Schedule(cron="0 0 * * ? *", time_zone=time_zone)).after(midnight - 1), 2)
    assert (first, second - first) == (midnight, hours * HOUR_MS)


def test_a_rate_is_elapsed_time_and_does_not_know_daylight_saving() -> None:
    schedule = Schedule(rate="1 day", time_zone="Europe/Berlin", starts="2026-03-28T12:00")
    assert shown(schedule, "2026-03-01T00:00Z", 3) == ["03-28T12:00+01:00", "03-29T13:00+02:00", "03-30T13:00+02:00"]


def test_a_rate_without_a_start_begins_one_rate_after_it_came_to_be() -> None:
    schedule = Schedule(rate="6 hours")
    assert shown(schedule, "2026-01-01T00:00Z", 2, since="2026-01-01T00:10Z") == [
        "01-01T06:10+00:00",
        "01-01T12:10+00:00",
    ]


def test_start_and_end_belong_to_a_schedule() -> None:
    schedule = Schedule(
        cron="0 9 * * ? *", time_zone="Europe/Berlin", starts="2026-05-01T09:00", ends="2026-05-02T09:00"
    )
    assert shown(schedule, "2026-01-01T00:00Z", 5) == ["05-01T09:00+02:00", "05-02T09:00+02:00"]
    assert Times(schedule).next_after(ms("2026-05-02T07:00Z")) is None


def test_one_time_is_one_time() -> None:
    schedule = Schedule(at="2026-10-25T02:30", time_zone="Europe/Berlin")
    assert shown(schedule, "2026-01-01T00:00Z", 5) == ["10-25T02:30+02:00"]
    assert Times(schedule).next_after(ms("2026-10-25T00:30Z")) is None


def test_an_expression_whose_years_are_over_has_no_next_time() -> None:
    assert Times(Schedule(cron="0 0 1 1 ? 2020")).next_after(ms("2026-01-01T00:00Z")) is None
    assert Times(Schedule(cron="* * * * ? *")).next_after(2**53) is None


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
CRONS = ["0 * * * ? *", "*/7 2 * * ? *", "30 1,2 ? * SUN *", "0 0 L * ? *", "59 23 29 2 ? *", "0 3 1W * ? *"]
SCHEDULES = st.one_of(
    st.builds(Schedule, cron=st.sampled_from(CRONS), time_zone=st.sampled_from(ZONES)),
    st.builds(Schedule, rate=st.sampled_from(["1 minute", "7 hours", "3 days"]), time_zone=st.sampled_from(ZONES)),
)
MOMENTS_MS = st.integers(ms("2005-01-01T00:00Z"), ms("2035-01-01T00:00Z"))


@settings(deadline=None)
@given(SCHEDULES, MOMENTS_MS)
def test_times_ascend_after_a_moment_and_the_latest_is_the_last_of_them(schedule: Schedule, after_ms: int) -> None:
    times = Times(schedule)
    found = list(islice(times.after(after_ms), 5))
    assert found == sorted(set(found)) and found[0] > after_ms
    for before, at_ms in zip([after_ms, *found], found, strict=False):
        assert times.next_after(before) == at_ms
        assert times.latest(after_ms, at_ms) == at_ms
        assert times.latest(after_ms, at_ms - 1) == (before if before != after_ms else None)


@settings(deadline=None)
@given(st.sampled_from(ZONES), MOMENTS_MS)
def test_a_time_of_day_comes_once_on_each_day_that_has_it(time_zone: str, after_ms: int) -> None:
    zone = ZoneInfo(time_zone)
    found = islice(Times(Schedule(cron="30 2 * * ? *", time_zone=time_zone)).after(after_ms), 30)
    local = [datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone) for at_ms in found]
    assert all((at.hour, at.minute, at.fold) == (2, 30, 0) for at in local)
    days = [at.date() for at in local]
    assert len(set(days)) == len(days)
    every = [days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days + 1)]
    for day in set(every) - set(days):
        moment = datetime(day.year, day.month, day.day, 2, 30, tzinfo=zone)
        assert moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(cron="0  9 ? * mon *"), "cron(0 9 ? * MON *)"),
        (Schedule(rate="1 hours"), "rate(1 hour)"),
        (Schedule(rate="5 minute"), "rate(5 minutes)"),
        (Schedule(at="2026-11-01"), "at(2026-11-01T00:00:00)"),
    ],
)
def test_an_expression_is_written_as_eventbridge_scheduler_takes_it(schedule: Schedule, expected: str) -> None:
    assert schedule.expression == expected


def test_a_schedule_becomes_a_document_and_a_schedule_again() -> None:
    schedule = Schedule(rate="1 day", params={"a": [1.0]}, overlap=Overlap.QUEUE, catch_up=CatchUp.ALL, enabled=False)
    assert schedule_of(document_of(schedule)) == schedule


def test_params_may_hold_the_time_in_the_time_zone() -> None:
    params = {"day": "${schedule.date}", "at": "at ${schedule.time}", "n": 3, "list": ["$${x}", "${schedule.time}"]}
    assert render_params(params, ms("2026-03-29T22:30Z"), "Europe/Berlin") == {
        "day": "2026-03-30",
        "at": "at 2026-03-30T00:30:00+02:00",
        "n": 3,
        "list": ["${x}", "2026-03-30T00:30:00+02:00"],
    }


@pytest.mark.parametrize(
    ("rule", "value", "told"),
    [
        (rate_rule, "5 min", "write '5 minutes' or '1 day'"),
        (rate_rule, "0 minutes", "must be a whole number"),
        (rate_rule, "rate(5 minutes)", "write '5 minutes'"),
        (rate_rule, "400 days", "must be a year or less"),
        (time_zone_rule, "europe/berlin", "did you mean 'Europe/Berlin'?"),
        (time_zone_rule, "../../etc/passwd", "must be an IANA time zone"),
        (time_zone_rule, "", "must be an IANA time zone"),
        (local_time_rule, "2026-11-01T09:00Z", "take the offset away"),
        (local_time_rule, "2026-13-01", "must be a date or a time"),
        (local_time_rule, "1969-12-31T23:59", "must lie in the years 1970 to 2200, not '1969-12-31T23:59'"),
        (local_time_rule, "2201-01-01", "must lie in the years 1970 to 2200, not '2201-01-01'"),
    ],
)
def test_what_breaks_a_rule_is_told(rule, value: str, told: str) -> None:
    broken = rule(value)
    assert broken is not None and told in f"{broken.text}; {broken.suggestion}"


@pytest.mark.parametrize("field", ["at", "starts", "ends"])
@pytest.mark.parametrize(
    ("value", "where"),
    [("9999-12-31T23:59", "America/New_York"), ("0001-01-01", "Europe/Berlin"), ("9999-12-31", "UTC")],
)
def test_a_time_at_the_edge_of_the_calendar_is_refused_with_its_place(field: str, value: str, where: str) -> None:
    timing = {} if field == "at" else {"rate": "1 day"}
    task = {"job_definition": "d", "queue": "q", "command": ["true"]}
    schedules = {"one": {**timing, field: value, "time_zone": where}}
    with pytest.raises(InvalidWorkflow) as told:
        workflow_from({"name": "films", "tasks": {"a": task}, "schedules": schedules})
    (mistake,) = told.value.mistakes
    assert mistake.path == ("schedules", "one", field)
    assert f"must lie in the years 1970 to 2200, not '{value}'" in mistake.text


@pytest.mark.parametrize("value", ["1970-01-01", "2200-12-31T23:59"])
@pytest.mark.parametrize("where", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_day_of_those_years_are_good_for_a_time(value: str, where: str) -> None:
    assert local_time_rule(value) is None
    schedule = Schedule(rate="1 day", starts=value, ends=value, time_zone=where)
    assert list(Times(schedule).after(-100_000_000)) == [schedule.starts_at_ms]


def test_an_unknown_time_zone_is_told_the_nearest_one_however_many_were_asked_about_before() -> None:
    found = {time_zone_rule(f"Europe/Berlin{number}") for number in range(20)}
    assert {broken.suggestion for broken in found if broken} == {"did you mean 'Europe/Berlin'?"}


def mistakes_of(schedule: dict[str, str]) -> list[str]:
    task = {"job_definition": "d", "queue": "q"}
    definition = {"name": "films", "tasks": {"a": task}, "schedules": {"one": schedule}}
    return [mistake.message() for mistake in check_definition(definition).mistakes]


@pytest.mark.parametrize(
    ("where", "day", "first"),
    [
        ("America/Havana", "2027-03-14", "2027-03-14T01:00:00-04:00"),
        ("Africa/Cairo", "2027-04-30", "2027-04-30T01:00:00+03:00"),
        ("Asia/Beirut", "2027-03-28", "2027-03-28T01:00:00+03:00"),
        ("America/Santiago", "2027-09-05", "2027-09-05T01:00:00-03:00"),
        ("Atlantic/Azores", "2027-03-28", "2027-03-28T01:00:00+00:00"),
        ("Asia/Kathmandu", "1986-01-01", "1986-01-01T00:15:00+05:45"),
        ("Antarctica/Casey", "2016-10-22", "2016-10-22T03:00:00+11:00"),
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30:00-04:00"),
        ("Europe/Berlin", "2027-03-28", "2027-03-28T00:00:00+01:00"),
    ],
)
def test_a_day_stands_for_its_first_moment_though_it_has_no_midnight(where: str, day: str, first: str) -> None:
    starting = Schedule(rate="1 day", time_zone=where, starts=day, ends=day)
    once = Schedule(at=day, time_zone=where)
    assert iso_time(moment_in(day, zone(where)), where) == first
    assert starting.starts_at_ms == starting.ends_at_ms == ms(first)
    assert once.expression == f"at({first[:19]})"
    assert list(Times(once).after(-(10**13))) == [ms(first)]
    if day > "1970":
        for field in ("starts", "ends"):
            assert mistakes_of({"rate": "1 day", "time_zone": where, field: day}) == []
        assert mistakes_of({"at": day, "time_zone": where}) == []


@pytest.mark.parametrize("value", ["2027-03-14T00:00", "2027-03-14T00:30", "2027-03-14 00:59:59"])
def test_a_time_that_no_clock_shows_is_refused_all_the_same(value: str) -> None:
    (told,) = mistakes_of({"rate": "1 day", "time_zone": "America/Havana", "starts": value})
    assert "does not exist in America/Havana, whose clocks go forward over it" in told


def test_a_day_that_a_zone_never_had_is_refused() -> None:
    (told,) = mistakes_of({"rate": "1 day", "time_zone": "Pacific/Apia", "starts": "2011-12-30"})
    assert "starts '2011-12-30' does not exist in Pacific/Apia" in told
