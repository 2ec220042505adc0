"""Which times of a schedule the next change of clocks skips or repeats, against what is known of some zones."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.schedule.clock_changes import changes, clock_warnings
from chalicelib.core.schedule.model import Schedule, exists, read_moment_ms, zone, zoned

NOW_MS = read_moment_ms("2026-05-01T12:00Z")
HALF_MS = 1_800_000


def told(now: str = "2026-05-01T12:00Z", **given: object) -> list[str]:
    schedule = Schedule(**given)  # type: ignore[arg-type]
    return [one.text for one in clock_warnings({"s": schedule}, read_moment_ms(now))]


def berlin(cron: str, **more: object) -> list[str]:
    return told(cron=cron, time_zone="Europe/Berlin", **more)


def test_a_time_that_clocks_skip_and_repeat_is_told_with_both_dates() -> None:
    assert berlin("30 2 * * ? *") == [
        "02:30 comes twice on 2026-10-25, when clocks in Europe/Berlin go back from 03:00 to 02:00, and a run starts "
        "once",
        "02:30 does not exist on 2027-03-28, when clocks in Europe/Berlin go forward from 02:00 to 03:00, and no run "
        "starts",
    ]


@pytest.mark.parametrize(
    ("cron", "where", "expected"),
    [
        ("0 2 ? * SUN *", "Europe/Berlin", ["02:00 comes twice on 2026-10-25", "02:00 does not exist on 2027-03-28"]),
        ("59 1 * * ? *", "Europe/Berlin", []),
        ("0 3 * * ? *", "Europe/Berlin", []),
        ("30 2 ? * MON *", "Europe/Berlin", []),
        ("30 2 1 * ? *", "Europe/Berlin", []),
        ("30 1 * * ? *", "America/New_York", ["01:30 comes twice on 2026-11-01"]),
        ("30 2 * * ? *", "America/New_York", ["02:30 does not exist on 2027-03-14"]),
        ("0 0 * * ? *", "America/Havana", ["00:00 comes twice on 2026-11-01", "00:00 does not exist on 2027-03-14"]),
        ("15 2 * * ? *", "Australia/Lord_Howe", ["02:15 does not exist on 2026-10-04"]),
        ("0 2,2 * * ? *", "Europe/Berlin", ["02:00 comes twice on 2026-10-25", "02:00 does not exist on 2027-03-28"]),
        ("0/20 2 * * ? *", "Europe/Berlin", ["the times from 02:00 to 03:00 come twice on 2026-10-25",
                                             "the times from 02:00 to 03:00 do not exist on 2027-03-28"]),
        # It goes on right after the hour that is left out; the second of the two hours has no time.
        ("0 * * * ? *", "Europe/Berlin", ["02:00 comes twice on 2026-10-25"]),
        ("0 0/2 * * ? *", "Europe/Berlin", ["02:00 comes twice on 2026-10-25", "02:00 does not exist on 2027-03-28"]),
        ("30 2 * * ? *", "UTC", []),
        ("30 2 * * ? *", "Asia/Tokyo", []),
        ("30 2 * * ? 2026", "Europe/Berlin", ["02:30 comes twice on 2026-10-25"]),
    ],
)  # fmt: skip
def test_what_clocks_skip_or_repeat_is_told_and_nothing_else(cron: str, where: str, expected: list[str]) -> None:
    assert [text.partition(", when")[0] for text in told(cron=cron, time_zone=where)] == expected


def test_only_times_that_the_schedule_has_are_told() -> None:
    assert len(berlin("30 2 * * ? *", ends="2026-12-31")) == 1
    assert len(berlin("30 2 * * ? *", starts="2026-12-31")) == 2
    assert berlin("30 2 * * ? *", starts="2026-06-01", ends="2026-09-01") == []
    assert berlin("30 2 * * ? *", enabled=False) == []
    assert told(rate="1 day", starts="2026-06-01T02:30", time_zone="Europe/Berlin") == []


def test_a_single_time_that_comes_twice_is_told_until_it_is_past() -> None:
    once = {"at": "2026-10-25T02:30", "time_zone": "Europe/Berlin"}
    assert [text[:29] for text in told(**once)] == ["02:30 comes twice on 2026-10-"]
    assert told("2026-10-25T06:00Z", **once) == []


def test_the_way_out_is_offered_at_the_expression() -> None:
    (_, skipped) = clock_warnings({"nightly": Schedule(cron="30 2 * * ? *", time_zone="Europe/Berlin")}, NOW_MS)
    assert skipped.path == ("schedules", "nightly", "cron")
    assert skipped.suggestion == "choose a time outside of 02:00 to 03:00, or time_zone UTC"


ZONES = ["Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 23), st.sampled_from([0, 15, 30, 45]), st.integers(0, 365))
def test_a_daily_time_is_told_exactly_when_some_day_does_not_have_it_once(
    where: str, hour: int, minute: int, days: int
) -> None:
    now_ms = NOW_MS + days * 86_400_000
    found = list(clock_warnings({"s": Schedule(cron=f"{minute} {hour} * * ? *", time_zone=where)}, now_ms))
    first = zoned(now_ms, zone(where)).replace(tzinfo=None, hour=hour, minute=minute) + timedelta(days=1)
    year = [first + timedelta(days=number) for number in range(370)]
    skipped = next((day for day in year if not exists(day, zone(where))), None)
    repeated = next((day for day in year if exists(day, zone(where)) and _is_ambiguous(day, where)), None)
    dates = {text.split(" on ")[1][:10] for one in found if (text := one.text)}
    assert {f"{day:%Y-%m-%d}" for day in (skipped, repeated) if day} <= dates
    assert bool(dates) or (skipped, repeated) == (None, None)


def _is_ambiguous(local: datetime, where: str) -> bool:
    inside = local.replace(tzinfo=zone(where))
    return inside.utcoffset() != inside.replace(fold=1).utcoffset()


def test_the_changes_of_a_zone_are_found_to_the_second() -> None:
    found = [(one.before.isoformat(), one.after.isoformat()) for one in changes("Europe/Berlin", NOW_MS // 1000)][:2]
    assert found == [("2026-10-25T03:00:00", "2026-10-25T02:00:00"), ("2027-03-28T02:00:00", "2027-03-28T03:00:00")]
    assert changes("UTC", NOW_MS // 1000) == ()
