from __future__ import annotations

import time

import click
import pytest

from batchwright.cli.when import WHEN

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
