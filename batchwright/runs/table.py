"""The list of runs as a person sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from batchwright.runs.summary import COLOURS
from batchwright.terminal.tables import Column
from chalicelib.api import models as m
from chalicelib.core.durations import short


def run_columns(runs: Sequence[m.Run], now_ms: int) -> list[Column]:
    """A row each, in the given order. Workflow, schedule and epoch are columns when they are not the same for all."""
    columns = [
        Column("run", [run.run_id for run in runs]),
        # A run's id tells its workflow, too.
        Column("workflow", [run.workflow for run in runs], least=12, goes=1),
        Column("state", [Text(run.state.value, style=COLOURS.get(run.state, "")) for run in runs]),
        Column("started (UTC)", [_when(run.created_at_ms) for run in runs], goes=4),
        Column("duration", [_duration(run, now_ms) for run in runs], goes=3, right=True),
        Column("schedule", [run.schedule or "" for run in runs], goes=1),
        Column("epoch", [str(run.epoch) for run in runs], goes=2, right=True),
    ]
    left_out = set()
    if len({run.workflow for run in runs}) < 2:
        left_out.add("workflow")
    if not any(run.schedule for run in runs):
        left_out.add("schedule")
    if not any(run.epoch for run in runs):
        left_out.add("epoch")
    return [column for column in columns if column.title not in left_out]


def _duration(run: m.Run, now_ms: int) -> str:
    return short((run.ended_at_ms or now_ms) - run.created_at_ms)


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
