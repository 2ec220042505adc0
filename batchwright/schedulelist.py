"""Schedules and their times as a person sees them: tables that fit the terminal, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from chalicelib.api import models as m
from chalicelib.core.durations import short
from chalicelib.core.schedule import zone, zoned

_GAP = 2
_FIRST_TO_GO = ("catch-up", "overlap", "time zone", "last", "workflow")
"""The columns that give way when the terminal is narrow."""


def schedules_table(schedules: Sequence[m.Schedule], width: int) -> Table:
    """A line each, in the given order, at most about `width` characters wide; times are in the schedule's time zone."""
    columns = {
        "workflow": [Text(one.workflow) for one in schedules],
        "schedule": [Text(one.name) for one in schedules],
        "state": [_state(one) for one in schedules],
        "expression": [Text(one.expression) for one in schedules],
        "time zone": [Text(one.time_zone) for one in schedules],
        "next": [Text(_or_dash(one.next_at_ms, one.time_zone)) for one in schedules],
        "last": [Text(_or_dash(one.last_at_ms, one.time_zone)) for one in schedules],
        "overlap": [Text(one.overlap) for one in schedules],
        "catch-up": [Text(one.catch_up) for one in schedules],
    }
    for title in _FIRST_TO_GO:
        widths = [max(len(name), *map(len, cells)) for name, cells in columns.items()]
        if sum(widths) + _GAP * len(widths) > width and not (title == "workflow" and _has_many(schedules)):
            columns.pop(title, None)
    return _table(columns)


def times_table(times_ms: Sequence[int], time_zone: str, now_ms: int) -> Table:
    """Times to come, a line each."""
    away = [short(abs(at_ms - now_ms)) for at_ms in times_ms]
    return _table(
        {
            time_zone: [Text(clock_time(at_ms, time_zone, with_offset=True)) for at_ms in times_ms],
            "UTC": [Text(clock_time(at_ms, "UTC")) for at_ms in times_ms],
            "in": [Text(text if at_ms >= now_ms else f"-{text}") for at_ms, text in zip(times_ms, away, strict=True)],
        }
    )


def backfill_table(filled: m.Backfilled, time_zone: str) -> Table:
    """The times of a backfill and their runs, a line each."""
    return _table(
        {
            time_zone: [Text(clock_time(at_ms, time_zone, with_offset=True)) for at_ms in filled.times_ms],
            "run": [Text(run_id) for run_id in filled.run_ids],
        }
    )


def complaints(schedules: Sequence[m.Schedule]) -> list[str]:
    """What somebody should see to, a sentence each."""
    told = []
    for one in schedules:
        name = f"Schedule {one.name} of {one.workflow}"
        if one.failure is not None and one.failed_at_ms is not None:
            at = clock_time(one.failed_at_ms, one.time_zone)
            told.append(f"{name}: the run of {at} could not be started: {' '.join(one.failure.split())}")
        if not one.placed:
            told.append(f"{name} is not in EventBridge Scheduler as it is here; push {one.workflow} again.")
    return told


def clock_time(at_ms: int, time_zone: str, *, with_offset: bool = False) -> str:
    """A moment as the clocks of a time zone show it, to the minute, or to the second if it has seconds."""
    at = zoned(at_ms, zone(time_zone))
    text = at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")
    return f"{text} {at.isoformat()[-6:]}" if with_offset else text


def _state(schedule: m.Schedule) -> Text:
    if schedule.paused:
        return Text("paused", style="yellow")
    if not schedule.enabled:
        return Text("disabled", style="dim")
    if schedule.next_at_ms is None and not schedule.waiting:
        return Text("over", style="dim")
    waiting = f", {schedule.waiting} waiting" if schedule.waiting else ""
    return Text(f"on{waiting}")


def _or_dash(at_ms: int | None, time_zone: str) -> str:
    return "-" if at_ms is None else clock_time(at_ms, time_zone)


def _has_many(schedules: Sequence[m.Schedule]) -> bool:
    return len({one.workflow for one in schedules}) > 1


def _table(columns: dict[str, list[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, no_wrap=True, justify="right" if title == "in" else "left")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table
