"""Schedules as a person sees them: what fits a terminal, and what is said of those that need somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from batchwright.schedules.table import backfill_columns, clock_time, complaints, schedule_columns, time_columns
from batchwright.terminal.tables import Column, table_lines
from chalicelib.api import models as m
from chalicelib.core.schedule.model import CatchUp, Overlap, read_moment_ms

MARCH_MS = read_moment_ms("2026-03-28T01:30:00+00:00")


def schedule(name: str = "every-night", **more: Any) -> m.Schedule:
    given: dict[str, Any] = {
        "workflow": "nightly",
        "name": name,
        "expression": "cron(30 2 * * ? *)",
        "time_zone": "Europe/Berlin",
        "overlap": Overlap.QUEUE,
        "catch_up": CatchUp.ALL,
        "paused": False,
        "next_at_ms": MARCH_MS,
    }
    return m.Schedule(**{**given, **more})


def printed(columns: Sequence[Column], width: int = 200) -> list[str]:
    return [line.plain for line in table_lines(columns, width)]


SCHEDULES = [
    schedule(waiting=2, last_at_ms=MARCH_MS - 86_400_000),
    schedule("held", paused=True, next_at_ms=None),
    schedule("off", enabled=False, next_at_ms=None),
    schedule("once", expression="at(2026-01-01T00:00:00)", next_at_ms=None),
]


def test_a_schedule_tells_its_state_and_its_times_by_its_own_clocks() -> None:
    header, *lines = printed(schedule_columns(SCHEDULES))
    assert header.split("  ")[0] == "workflow"
    assert [line.split()[1:3] for line in lines] == [["every-night", "on,"], ["held", "paused"], ["off", "disabled"],
                                                     ["once", "over"]]  # fmt: skip
    assert "on, 2 waiting" in lines[0] and "2026-03-28 02:30" in lines[0] and "2026-03-27 02:30" in lines[0]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_list_fits_the_terminal(width: int) -> None:
    lines = printed(schedule_columns([schedule()]), width)
    assert max(map(len, lines[:2])) <= width
    assert "every-night" in lines[1] and "cron(30 2 * * ? *)" in lines[1] and "2026-03-28 02:30" in lines[1]


def test_the_workflow_stays_in_the_list_of_several() -> None:
    lines = printed(schedule_columns([schedule(), schedule(workflow="weekly")]), 60)
    assert "nightly" in lines[1] and "weekly" in lines[2]


def test_times_are_told_by_both_clocks() -> None:
    lines = printed(time_columns([MARCH_MS, MARCH_MS + 47 * 3_600_000], "Europe/Berlin", MARCH_MS - 60_000))
    assert lines[1].startswith("2026-03-28 02:30 +01:00  2026-03-28 01:30 ")
    assert lines[2].startswith("2026-03-30 02:30 +02:00  2026-03-30 00:30 ")


def test_a_backfill_tells_each_time_and_its_run() -> None:
    lines = printed(backfill_columns(m.Backfilled(times_ms=[MARCH_MS], run_ids=["nightly-abc"]), "UTC"))
    assert lines[1] == "2026-03-28 01:30 +00:00  nightly-abc"


def test_what_needs_somebody_is_said_in_a_sentence() -> None:
    failing = schedule(failed_at_ms=MARCH_MS, failure="param 'day' is required;\ngive it a string", placed=False)
    assert complaints([schedule(), failing]) == [
        "Schedule every-night of nightly: the run of 2026-03-28 02:30 could not be started: param 'day' is required; "
        "give it a string",
        "Schedule every-night of nightly is not in EventBridge Scheduler as it is here; push nightly again.",
    ]


def test_seconds_are_told_where_there_are_any() -> None:
    assert clock_time(MARCH_MS + 5_000, "UTC") == "2026-03-28 01:30:05"
