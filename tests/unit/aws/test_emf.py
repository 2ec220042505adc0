"""The lines of which CloudWatch makes metrics, held to the rules of its embedded metric format."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chalicelib.aws.emf import EmfFigures
from chalicelib.core.failure import FailureClass
from chalicelib.core.telemetry.metrics import ABOUT, NAMESPACE, VALUES, Dimension, Figure, Unit

UNITS = {"Seconds", "Milliseconds", "Bytes", "Count", "Percent", "Count/Second", "None"}
"""Of those that CloudWatch knows, the ones that could be ours:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""


@pytest.fixture
def figures() -> EmfFigures:
    return EmfFigures("dev", "batchwright-dev-on_events")


def flushed(figures: EmfFigures, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines that a flush prints, each held to the format."""
    figures.flush("request-1")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        check(line)
    return lines


def check(line: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert directive["Namespace"] == NAMESPACE
    assert 1 <= len(NAMESPACE) <= 1024
    assert not NAMESPACE.startswith("AWS/")
    assert 1 <= len(directive["Metrics"]) <= 100
    for dimensions in directive["Dimensions"]:
        assert len(dimensions) <= 30
        for name in dimensions:
            assert 1 <= len(name) <= 250
            assert isinstance(line[name], str)
            assert 1 <= len(line[name]) <= 1024
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        values = line[metric["Name"]]
        assert 1 <= len(values) <= 100
        assert all(isinstance(value, float) for value in values)
    assert len(json.dumps(line).encode()) < 256 * 1024, "a log event takes no more"


def dimensions_of(line: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    return found


def test_every_figure_with_every_value_makes_lines_of_the_format(figures, capsys):
    told = 0
    for figure, about in ABOUT.items():
        note = figures.count if about.unit is Unit.COUNT else figures.time
        for dimension in about.dimensions or {None}:
            for value in VALUES.get((figure, dimension), ("a-queue",)):
                note(figure, 1, **({dimension: value} if dimension else {}))
                told += 1
    lines = flushed(figures, capsys)
    names = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names == set(Figure)
    assert sum(len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for line in lines) == told


def test_figures_of_the_same_dimensions_share_a_line(figures, capsys):
    figures.count(Figure.RUNS_STARTED)
    figures.count(Figure.JOBS_SUBMITTED, 4)
    figures.count(Figure.JOBS_SUBMITTED)
    figures.time(Figure.EVENT_LAG_SECONDS, 1_500)
    figures.time(Figure.EVENT_LAG_SECONDS, 500)
    [line] = flushed(figures, capsys)
    assert (line["runs_started"], line["jobs_submitted"], line["event_lag_seconds"]) == ([1.0], [5.0], [1.5, 0.5])
    assert (line["stage"], dimensions_of(line)) == ("dev", [["stage"]])


def test_a_wait_is_kept_for_the_stage_and_for_its_queue(figures, capsys):
    figures.time(Figure.JOB_WAIT_SECONDS, 3_000, queue="spot")
    [line] = flushed(figures, capsys)
    assert dimensions_of(line) == [["stage"], ["stage", "queue"]]
    assert (line["queue"], line["job_wait_seconds"]) == ("spot", [3.0])


def test_each_class_of_failure_has_a_line_of_its_own(figures, capsys):
    figures.count(Figure.JOBS_FAILED, failure=FailureClass.SPOT)
    figures.count(Figure.JOBS_FAILED, 2, failure=FailureClass.OUT_OF_MEMORY)
    lines = flushed(figures, capsys)
    assert {line["failure"]: line["jobs_failed"] for line in lines} == {"spot": [1.0], "out_of_memory": [2.0]}


def test_ids_are_properties_and_never_dimensions(figures, capsys):
    figures.count(Figure.RUNS_STARTED, run_id="films-abc")
    [line] = flushed(figures, capsys)
    assert (line["run_id"], line["request_id"], line["function"]) == (
        "films-abc",
        "request-1",
        "batchwright-dev-on_events",
    )
    assert dimensions_of(line) == [["stage"]]
    figures.count(Figure.RUNS_STARTED, run_id="films-abc")
    figures.count(Figure.RUNS_STARTED, run_id="films-def")
    assert "run_id" not in flushed(figures, capsys)[0], "the line is of two runs"


@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_more_values_than_a_line_may_hold_make_several_lines(figures, capsys, count):
    for number in range(count):
        figures.time(Figure.JOB_RUN_SECONDS, number * 1000, queue="spot", run_id="films-abc")
    lines = flushed(figures, capsys)
    assert [value for line in lines for value in line["job_run_seconds"]] == [float(number) for number in range(count)]
    assert all(line["run_id"] == "films-abc" for line in lines)


def test_a_time_that_clocks_make_negative_is_nothing(figures, capsys):
    figures.time(Figure.EVENT_LAG_SECONDS, -700)
    assert flushed(figures, capsys)[0]["event_lag_seconds"] == [0.0]


def test_what_was_flushed_is_not_flushed_again_and_nothing_makes_no_line(figures, capsys):
    figures.count(Figure.RUNS_STARTED)
    assert len(flushed(figures, capsys)) == 1
    assert flushed(figures, capsys) == []


def test_a_figure_that_cannot_be_written_fails_nobody(figures, capsys, caplog):
    figures.count(Figure.JOBS_FAILED, **{Dimension.STATE: "not what it is told by"})
    with caplog.at_level(logging.ERROR):
        figures.flush("request-1")
    assert "figures could not be written" in caplog.text
    assert capsys.readouterr().out == ""
