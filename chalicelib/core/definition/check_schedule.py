"""Everything that is wrong with the schedules of a workflow's definition and takes more than one value to judge.

Works on plain data, as `check.py` does; whatever has the wrong shape is left to the models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.core.limits import SCHEDULES_MAXIMUM
from chalicelib.core.mistakes import Mistake, Path
from chalicelib.core.params import Declaration, check_params
from chalicelib.core.schedule.model import (
    CatchUp,
    Overlap,
    exists,
    local_time,
    local_time_rule,
    moment_in,
    render_params,
    shown_time,
    time_zone_rule,
    zone,
)
from chalicelib.core.suggest import Names, shown
from chalicelib.core.template import TemplateMistake

KINDS = ("cron", "rate", "at")
_SAMPLE_MS = 1_800_000_000_000
"""Any moment: params are rendered for it, to see that they fit."""


def schedule_mistakes(schedules: Any, declared: Mapping[str, Declaration | None]) -> Iterator[Mistake]:
    """The mistakes of `schedules`. `declared` are the workflow's params, None for one that is wrong itself."""
    if not isinstance(schedules, dict):
        return
    if len(schedules) > SCHEDULES_MAXIMUM:
        yield Mistake(("schedules",), f"schedules must be {SCHEDULES_MAXIMUM} or less, not {len(schedules):,}")
        return
    for name, schedule in schedules.items():
        if isinstance(schedule, dict):
            path: Path = ("schedules", name)
            yield from _kind_mistakes(path, schedule)
            yield from _time_mistakes(path, schedule)
            yield from _param_mistakes(path, schedule, declared)


def _kind_mistakes(path: Path, schedule: Mapping[str, Any]) -> Iterator[Mistake]:
    given = [kind for kind in KINDS if schedule.get(kind) is not None]
    if not given:
        nearest = Names(KINDS).nearest(next(iter(schedule), ""))
        hint = f"did you mean '{nearest}'?" if nearest and nearest not in schedule else "such as cron: 0 9 * * ? *"
        yield Mistake(path, "one of cron, rate and at is missing", hint, at_key=True)
    for kind in given[1:]:
        yield Mistake(
            (*path, kind), f"{kind} stands beside {given[0]}", "a schedule has one of them; make two schedules"
        )


def _time_mistakes(path: Path, schedule: Mapping[str, Any]) -> Iterator[Mistake]:
    time_zone = schedule.get("time_zone", "UTC")
    if not isinstance(time_zone, str) or time_zone_rule(time_zone):
        return
    where = zone(time_zone)
    moments: dict[str, int] = {}
    for field in ("at", "starts", "ends"):
        text = schedule.get(field)
        if not isinstance(text, str) or local_time_rule(text):
            continue
        if shown_time(text, where) is not None:
            moments[field] = moment_in(text, where)
            continue
        local = local_time(text)
        later = next(after for hours in range(1, 49) if exists(after := local + timedelta(hours=hours), where))
        yield Mistake(
            (*path, field),
            f"{field} {shown(text)} does not exist in {time_zone}, whose clocks go forward over it",
            f"such as '{later.isoformat()}'",
        )
    if moments.get("ends", 0) < moments.get("starts", 0) and "ends" in moments:
        yield Mistake((*path, "ends"), f"ends {shown(schedule['ends'])} is before starts {shown(schedule['starts'])}")
    if schedule.get("overlap") == Overlap.CANCEL_PREVIOUS and schedule.get("catch_up") == CatchUp.ALL:
        text = "catch_up all is of no use with overlap cancel_previous, where the newest time replaces those before"
        yield Mistake((*path, "catch_up"), text, "write catch_up: latest")
    for field in ("starts", "ends"):
        if schedule.get("at") is not None and schedule.get(field) is not None:
            yield Mistake((*path, field), f"{field} is of no use beside at, which is one time", "take it out")


def _param_mistakes(
    path: Path, schedule: Mapping[str, Any], declared: Mapping[str, Declaration | None]
) -> Iterator[Mistake]:
    params = schedule.get("params", {})
    if not isinstance(params, dict) or not all(isinstance(name, str) for name in params):
        return
    rendered: dict[str, Any] = {}
    for name, value in params.items():
        try:
            rendered |= render_params({name: value}, _SAMPLE_MS, "UTC")
        except TemplateMistake as mistake:
            yield Mistake((*path, "params", name), f"params.{name} holds {mistake.found}", mistake.suggestion)
    sound = {name: declaration for name, declaration in declared.items() if declaration is not None}
    if len(sound) < len(declared):
        return  # what is wrong with the declarations is told first
    wrong = {name for name in params if name not in rendered}
    for name, problem in check_params(sound, rendered)[1].items():
        if name in rendered:
            text, _, hint = problem.partition("; ")
            yield Mistake((*path, "params", name), text, hint or None, at_key=name not in declared)
        elif name not in wrong:
            yield Mistake((*path, "params"), problem, at_key=True)
