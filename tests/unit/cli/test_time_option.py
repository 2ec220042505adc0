from __future__ import annotations

import time

import click
import pytest

from batchwright.cli.time_option import TYPED, WHEN
from chalicelib.core.schedule.model import read_moment_ms, zone

HOUR_MS = 3_600_000


@pytest.mark.parametrize(("text", "ago_ms"), [("90m", 1.5 * HOUR_MS), ("2h", 2 * HOUR_MS), ("3d", 72 * HOUR_MS)])
def test_how_long_ago_counts_from_now(text: str, ago_ms: float) -> None:
    assert abs(time.time() * 1000 - ago_ms - WHEN.convert(text, None, None)) < 5_000


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2027-01-15", 1_799_971_200_000),
        ("2027-01-15T12:00", 1_800_014_400_000),
        ("2027-01-15 12:00:00", 1_800_014_400_000),
        ("2027-01-15T12:00:00+02:00", 1_800_007_200_000),
        ("2027-01-15T12:00:00Z", 1_800_014_400_000),
    ],
)
def test_a_time_without_an_offset_is_in_utc(text: str, at_ms: int) -> None:
    assert WHEN.convert(text, None, None) == at_ms


@pytest.mark.parametrize("text", ["", "yesterday", "2h30", "5", "2027-13-01"])
def test_what_is_no_time_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match=f"'{text}' is no time; write 2h, 3d, 2026-11-21"):
        WHEN.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "where", "first", "last"),
    [
        ("2026-11-15", "Europe/Berlin", "2026-11-15T00:00+01:00", "2026-11-15T23:59:59.999+01:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-25T00:00+02:00", "2026-10-25T23:59:59.999+01:00"),
        ("2027-03-14", "America/Havana", "2027-03-14T01:00-04:00", "2027-03-14T23:59:59.999-04:00"),
        ("2027-03-13", "America/Havana", "2027-03-13T00:00-05:00", "2027-03-13T23:59:59.999-05:00"),
        ("2026-11-15T02:30", "Asia/Tokyo", "2026-11-15T02:30+09:00", "2026-11-15T02:30+09:00"),
        ("2026-11-15T02:30Z", "Asia/Tokyo", "2026-11-15T02:30Z", "2026-11-15T02:30Z"),
    ],
)
def test_a_day_is_one_of_the_time_zone_from_its_first_moment_to_its_last(
    text: str, where: str, first: str, last: str
) -> None:
    typed = TYPED.convert(text, None, None)
    assert (typed.first_ms(zone(where)), typed.last_ms(zone(where))) == (read_moment_ms(first), read_moment_ms(last))


@pytest.mark.parametrize("text", ["1969-12-31", "2201-01-01T00:00"])
def test_a_time_whose_moment_no_zone_tells_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="must lie in the years 1970 to 2200"):
        TYPED.convert(text, None, None)
