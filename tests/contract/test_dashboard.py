"""The dashboard and the alarms, held to the engine's figures: what is shown is counted; what is counted is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.telemetry.metrics import ABOUT, NAMESPACE, STAGE, VALUES, Dimension, Figure, Unit
from tests.contract.test_templates import resources, said

Shown = tuple[Figure, dict[str, str], str]
"""A figure, the values of its dimensions (`*` for all that there are), and the statistic."""

SEARCH = re.compile(
    r"""SEARCH\('\{(?P<names>[^}]+)\} MetricName="(?P<figure>\w+)" stage="dev"', '(?P<stat>\w+)', 300\)"""
)


def widgets() -> list[dict[str, Any]]:
    [dashboard] = resources("observability", "AWS::CloudWatch::Dashboard")
    found: list[dict[str, Any]] = json.loads(said(dashboard["DashboardBody"]))["widgets"]
    return found


def on_the_dashboard() -> Iterator[Shown]:
    for widget in widgets():
        properties = widget["properties"]
        for metric in properties["metrics"]:
            options = metric[-1] if isinstance(metric[-1], dict) else {}
            if metric[0] == NAMESPACE:
                pairs = [part for part in metric[2:] if isinstance(part, str)]
                told_by = dict(zip(pairs[::2], pairs[1::2], strict=True))
                yield Figure(metric[1]), told_by, options.get("stat", properties["stat"])
            elif "SEARCH" in options.get("expression", ""):
                found = SEARCH.fullmatch(options["expression"])
                assert found, options["expression"]
                namespace, *names = found["names"].split(",")
                assert namespace == NAMESPACE
                yield Figure(found["figure"]), {name: "dev" if name == STAGE else "*" for name in names}, found["stat"]


def alarms() -> Iterator[Shown]:
    for alarm in resources("observability", "AWS::CloudWatch::Alarm"):
        if alarm.get("Namespace") == NAMESPACE:
            told_by = {
                one["Name"]: "dev" if one["Value"] == {"!Ref": "Stage"} else one["Value"] for one in alarm["Dimensions"]
            }
            yield Figure(alarm["MetricName"]), told_by, alarm.get("Statistic") or alarm["ExtendedStatistic"]


@pytest.mark.parametrize("shown", [*on_the_dashboard(), *alarms()], ids=str)
def test_what_is_shown_or_watched_is_a_metric_that_the_engine_makes(shown: Shown) -> None:
    figure, told_by, statistic = shown
    assert told_by.pop(STAGE) == "dev"
    assert set(told_by) in [set(combination) for combination in ABOUT[figure].told_by]
    for name, value in told_by.items():
        assert value == "*" or value in VALUES[figure, Dimension(name)]
    times = statistic.startswith("p") or statistic in ("Maximum", "SampleCount")
    assert times == (ABOUT[figure].unit is Unit.SECONDS), "counts are summed, times are not"


def test_every_figure_is_on_the_dashboard_with_every_value_it_has() -> None:
    shown: dict[tuple[Figure, str], set[str]] = {}
    for figure, told_by, _ in on_the_dashboard():
        for name, value in told_by.items():
            shown.setdefault((figure, name), set()).add(value)
    assert {figure for figure, _ in shown} == set(Figure)
    for (figure, dimension), values in VALUES.items():
        assert shown.get((figure, dimension)) in ({"*"}, set(values)), figure


def test_lost_events_a_slow_queue_second_jobs_and_lost_notices_raise_an_alarm() -> None:
    assert {figure for figure, _, _ in alarms()} == {
        Figure.SWEEP_FINDS,
        Figure.EVENT_LAG_SECONDS,
        Figure.SECOND_JOBS,
        Figure.TELLINGS_REFUSED,
    }


def test_no_widget_lies_over_another() -> None:
    places = [(one["x"], one["y"], one["width"], one["height"]) for one in widgets()]
    assert len(set(places)) == len(places)
    assert {(width, height) for _, _, width, height in places} == {(8, 6)}
    assert all(x % 8 == 0 and x < 24 and y % 6 == 0 for x, y, _, _ in places)


def test_ids_in_expressions_are_of_metrics_beside_them() -> None:
    for widget in widgets():
        metrics = widget["properties"]["metrics"]
        known = {one[-1]["id"] for one in metrics if isinstance(one[-1], dict) and "id" in one[-1]}
        for metric in metrics:
            expression = metric[-1].get("expression", "") if isinstance(metric[-1], dict) else ""
            assert set(re.findall(r"FILL\((\w+), 0\)", expression)) <= known
