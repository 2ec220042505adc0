"""Schedules and their times as a person sees them: tables that fit the terminal, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from batchwright.terminal.tables import Column
from chalicelib.api import models as m
from chalicelib.core.durations import short
from chalicelib.core.schedule.model import zone, zoned


def schedule_columns(schedules: Sequence[m.Schedule]) -> list[Column]:
    """A row each, in the given order; times are in the schedule's time zone."""
    several = len({one.workflow for one in schedules}) > 1
    return [
        Column("workflow", [one.workflow for one in schedules], goes=None if several else 5),
        Column("schedule", [one.name for one in schedules]),
        Column("state", [_state(one) for one in schedules]),
        Column("expression", [one.expression for one in schedules], goes=7),
        Column("time zone", [one.time_zone for one in schedules], goes=3),
        Column("next", [_or_dash(one.next_at_ms, one.time_zone) for one in schedules], goes=6),
        Column("last", [_or_dash(one.last_at_ms, one.time_zone) for one in schedules], goes=4),
        Column("overlap", [one.overlap for one in schedules], goes=2),
        Column("catch-up", [one.catch_up for one in schedules], goes=1),
    ]


def time_columns(times_ms: Sequence[int], time_zone: str, now_ms: int) -> list[Column]:
    """Times to come, a row each."""
    away = [short(abs(at_ms - now_ms)) for at_ms in times_ms]
    return [
        Column(time_zone, [clock_time(at_ms, time_zone, with_offset=True) for at_ms in times_ms]),
        *([] if time_zone == "UTC" else [Column("UTC", [clock_time(at_ms, "UTC") for at_ms in times_ms], goes=1)]),
        Column("in", [f"{'' if at_ms >= now_ms else '-'}{text}" for at_ms, text in zip(times_ms, away, strict=True)]),
    ]


def backfill_columns(filled: m.Backfilled, time_zone: str) -> list[Column]:
    """The times of a backfill and their runs, a row each."""
    times = [clock_time(at_ms, time_zone, with_offset=True) for at_ms in filled.times_ms]
    return [Column(time_zone, times), Column("run", filled.run_ids)]


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
