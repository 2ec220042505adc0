"""The list of runs as a person sees it: a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from batchwright.summary import COLOURS
from chalicelib.api import models as m
from chalicelib.core.durations import short

_GAP = 2
_FIRST_TO_GO = ("workflow", "epoch", "duration", "started (UTC)")
"""The columns that give way when the terminal is narrow: a run's id tells its workflow, too."""


def runs_table(runs: Sequence[m.Run], now_ms: int, width: int) -> Table:
    """A line each, in the given order, at most `width` characters wide. Workflow and epoch are columns when they are
    not the same for all."""
    columns = {
        "run": [Text(run.run_id) for run in runs],
        "workflow": [Text(run.workflow) for run in runs],
        "state": [Text(run.state.value, style=COLOURS.get(run.state, "")) for run in runs],
        "started (UTC)": [Text(_when(run.created_at_ms)) for run in runs],
        "duration": [Text(short((run.ended_at_ms or now_ms) - run.created_at_ms)) for run in runs],
        "epoch": [Text(str(run.epoch)) for run in runs],
    }
    if len({run.workflow for run in runs}) < 2:
        del columns["workflow"]
    if not any(run.epoch for run in runs):
        del columns["epoch"]
    for title in _FIRST_TO_GO:
        widths = [max(len(name), *map(len, cells)) for name, cells in columns.items()]
        if sum(widths) + _GAP * len(widths) > width:
            columns.pop(title, None)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, no_wrap=True, justify="right" if title in ("duration", "epoch") else "left")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
