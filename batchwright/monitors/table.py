"""Monitors as a person sees them: in a table, in words, and what a stage cannot see of what they watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from batchwright.monitors.trial import Trial
from batchwright.terminal.tables import Column, Short
from chalicelib.api import models as m
from chalicelib.core.monitor.monitor import Monitor, monitors_of

SAID_SHOWN = 10


def monitor_columns(monitors: Sequence[Monitor]) -> list[Column]:
    """A row each, in the file's order."""
    return [
        Column("monitor", [monitor.name for monitor in monitors]),
        Column("watches", list(map(watched_words, monitors)), least=20, short=Short.LINES),
        Column("says", ["; ".join(phrases_of(monitor)) for monitor in monitors], least=24, short=Short.LINES),
    ]


def phrases_of(monitor: Monitor) -> list[str]:
    """What a monitor speaks of, a phrase each."""
    return [phrase for rule in monitor.rules for phrase in rule.phrases()]


def watched_words(monitor: Monitor) -> str:
    """Which jobs a monitor watches, in a line."""
    parts = [
        f"{title} {', '.join(values)}"
        for title, values in (
            ("queue", monitor.queues),
            ("name", monitor.names),
            ("definition", monitor.definitions),
        )
        if values
    ]
    kinds = [", ".join(kind.replace("_", " ") for kind in monitor.kinds)] if monitor.kinds else []
    return "; ".join([*kinds, *parts]) or "all jobs"


def trial_lines(trial: Trial, recorded: int, limit: int = SAID_SHOWN) -> list[str]:
    """What a monitor would have said, the first line being about all of it."""
    count = len(trial.said)
    said = "nothing" if not count else f"{count:,} thing{'' if count == 1 else 's'}"
    watched = f"{trial.watched:,} of the {recorded:,} recorded job{'' if recorded == 1 else 's'}"
    lines = [f"{trial.monitor} watches {watched}, and would have said {said}{':' if count else '.'}"]
    lines += [f"  {_when(one.at_ms)}  {one.kind:<12}  {one.text}" for one in trial.said[-limit:]]
    if count > limit:
        lines.insert(1, f"  ... and {count - limit:,} before these")
    if trial.looked_from_ms is not None:
        when = _when(trial.looked_from_ms)
        lines.append(f"  nothing_ran was looked at from {when} (UTC) on: before, this stage knew of no job")
    return lines


def blind_spots(monitors: Sequence[Monitor], page: m.JobPage, *, is_local: bool = False) -> list[str]:
    """What a stage does not see of what is to be watched, a sentence each; `page` is one of its jobs. `is_local`: it is
    that of the local AWS, which is not deployed."""
    found = []
    others = [one.name for one in monitors if one.watches_foreign]
    if others and not page.records_foreign:
        found.append(
            f"No events of others' jobs reach this stage, so {_names(others)} will not see these: "
            "`batchwright deploy --observe-all-jobs` lets them through."
        )
    own = [one.name for one in monitors if one.watches_own]
    if own and not page.records_own:
        found.append(
            f"The jobs of runs are not recorded on this stage, so {_names(own)} will not see these: "
            f"`batchwright {'local up' if is_local else 'deploy'} --record-own-jobs` has them recorded. "
            "A workflow's own `notify` tells of its tasks."
        )
    waiting = [one.name for one in monitors if one.watches_own and one.waiting_longer is not None]
    if waiting and page.records_own and not page.records_all_states:
        found.append(
            f"No events tell this stage that jobs of runs wait for capacity, so {_names(waiting)} will not see these: "
            "`batchwright deploy --parameter ObserveAllStates=true` lets them through."
        )
    return found


def replaced_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a push did to the monitors of before, by name: a line for those that came, that changed and that went."""
    came = [name for name in after if name not in before]
    changed = [name for name in after if name in before and after[name] != before[name]]
    gone = [f"{name} ({watched_words(one)})" for name, one in _by_name(before).items() if name not in after]
    lines = (("new", came), ("changed", changed), ("gone", gone))
    return [f"{how}: {', '.join(names)}" for how, names in lines if names]


def _by_name(given: Mapping[str, Any]) -> dict[str, Monitor]:
    return {one.name: one for one in monitors_of({"monitors": given}, {})}


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
