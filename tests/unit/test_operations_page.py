"""docs/how-to/operate-a-stage.md: its numbers are those of the code, and its queries find what they promise."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.aws.emf import EmfFigures
from chalicelib.core.telemetry.metrics import Figure, metrics_maximum
from chalicelib.journal import OURS, JsonLines
from tests.memory.theatre import Theatre, plan_of, task

PAGE = Path(PROJECT_FOLDER) / "docs" / "how-to" / "operate-a-stage.md"
Line = dict[str, Any]


def test_the_page_tells_how_many_metrics_there_are_at_most() -> None:
    text = " ".join(PAGE.read_text().split())
    assert f"one with a single queue at most {metrics_maximum(1)}, and 2 more for each other queue" in text
    assert metrics_maximum(2) - metrics_maximum(1) == 2


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[list[Line]]:
    """What two runs write in Lambda, figures and all, in the order in which two functions might have been read."""
    written, ours = StringIO(), logging.getLogger(OURS)
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines("batchwright-dev-on_events"))
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel("INFO")
    for key in ("one", "two"):
        theatre = Theatre(plan_of((task("a", attempts=2), ()), (task("b"), ["a"])), [("a", 1), ("b", 1)])
        figures = EmfFigures("dev", "batchwright-dev-on_events")
        theatre.figures = figures  # type: ignore[assignment]
        theatre.start(key)
        theatre.play_on()
        figures.flush(key)
    ours.removeHandler(handler)
    ours.setLevel(level)
    text = written.getvalue() + capsys.readouterr().out
    yield [json.loads(line) for line in reversed(text.splitlines())]


def queries() -> list[str]:
    return re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)


def answer(query: str, lines: list[Line]) -> list[Line]:
    """As much of CloudWatch Logs Insights as the first query needs."""
    wanted: list[str] = []
    for step in query.split("\n| "):
        word, _, rest = step.strip().partition(" ")
        if word == "fields":
            wanted = rest.split(", ")
        elif word == "filter":
            for test in rest.split(" and "):
                if present := re.fullmatch(r"ispresent\((\w+)\)", test):
                    lines = [line for line in lines if present[1] in line]
                else:
                    [(name, value)] = re.findall(r'^(\w+) = "([^"]*)"$', test)
                    lines = [line for line in lines if line.get(name) == value]
        elif word == "sort":
            assert rest.endswith(" asc")
            lines = sorted(lines, key=lambda line: line[rest.removesuffix(" asc")])
        else:
            assert (word, int(rest) > 0) == ("limit", True)
    return [{name: line.get(name) for name in wanted} for line in lines]


def test_the_first_query_tells_the_story_of_one_run_from_its_beginning(lines: list[Line]) -> None:
    run_ids = {line["run_id"] for line in lines if "run_id" in line}
    assert len(run_ids) == 2
    for run_id in run_ids:
        story = answer(queries()[0].replace("RUN", run_id), lines)
        assert story[0]["message"] == "run started"
        told = {(one["message"], one["task"], one["attempt"]) for one in story}
        assert told == {
            ("run started", None, None),
            ("job submitted", "a", 1),
            ("job retried", "a", 1),
            ("job submitted", "a", 2),
            ("job succeeded", "a", 2),
            ("job submitted", "b", 1),
            ("job failed", "b", 1),
            ("run failed", None, None),
        }
        assert {(one["failure"], one["exit_code"]) for one in story if one["message"] == "job failed"} == {
            ("application", 1)
        }


def test_the_second_query_names_messages_and_fields_that_lines_have(lines: list[Line]) -> None:
    named = re.findall(r'"([^"]+)"', queries()[1])
    found = [line for line in lines if line.get("message") in named]
    assert {line["message"] for line in found} == set(named)
    assert all({"workflow", "failure"} <= line.keys() for line in found)


def test_a_run_that_goes_well_makes_as_many_metrics_as_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    figures = EmfFigures("dev", "f")
    theatre.figures = figures  # type: ignore[assignment]
    theatre.start()
    theatre.play_on()
    figures.count(Figure.NOTICES_PUBLISHED, kind="run_succeeded")
    figures.flush("request")
    metrics = set()
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        [directive] = line["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                metrics.add((metric["Name"], *((name, line[name]) for name in names)))
    assert f"nothing goes wrong has {len(metrics)}," in " ".join(PAGE.read_text().split())
