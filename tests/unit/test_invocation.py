"""What surrounds every invocation in Lambda, played by the app in a process of its own, with no AWS behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws import scheduler
from chalicelib.aws.emf import EmfFigures
from chalicelib.core.errors import UserMistake
from chalicelib.ports.services import NO_FIGURES
from chalicelib.wiring import VARIABLES, WHERE_FIGURES, figures_of

ROOT = Path(__file__).parents[2]
PROGRAM = """
import app
from batchwright.local.functions import LambdaContext
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.wiring import wired

wired().world.figures.count(Figure.DEAD_LETTERS, source="events")
app.on_events({"Records": []}, LambdaContext("on_events"))
wired().world.figures.count(Figure.RUNS_STARTED, run_id="films-abc")
try:
    app.start({"nothing": "that could be started"}, LambdaContext("start"))
except Exception as error:
    print(json.dumps({"raised": type(error).__name__}))
"""


def lines_of(*, function: str = "batchwright-dev-start", **variables: str) -> list[dict[str, Any]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHWRIGHT_"))},
        **dict.fromkeys(VARIABLES, "https://sqs.test/1/queue"),
        "BATCHWRIGHT_TABLE": "batchwright-dev",
        **{name: f"arn:aws:x:us-east-1:123456789012:{name}" for name in scheduler.VARIABLES.values()},
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        **({"AWS_LAMBDA_FUNCTION_NAME": function} if function else {}),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import json{PROGRAM}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_figures_are_written_at_the_end_of_each_invocation_also_of_one_that_fails() -> None:
    begun, first, second, raised = lines_of()
    assert begun["message"].startswith("a process begins with boto3 ")
    assert (first["dead_letters"], first["source"]) == ([1.0], "events")
    assert (second["runs_started"], second["run_id"]) == ([1.0], "films-abc")
    assert (first["stage"], first["function"]) == ("dev", "batchwright-dev-start")
    assert first["request_id"] != second["request_id"]
    assert raised == {"raised": "UserMistake"}, "the figures come before the failure is told"


def test_nothing_is_written_outside_of_lambda_unless_it_is_asked_for() -> None:
    assert lines_of(function="") == [{"raised": "UserMistake"}]
    assert len(lines_of(function="", **{WHERE_FIGURES: "emf"})) == 3


@pytest.mark.parametrize(("lambdas", "given", "written"), [("f", "", True), ("f", "none", False), ("", "", False)])
def test_who_counts(lambdas: str, given: str, written: bool) -> None:
    figures = figures_of({"AWS_LAMBDA_FUNCTION_NAME": lambdas, WHERE_FIGURES: given}, "dev")
    assert isinstance(figures, EmfFigures) if written else figures is NO_FIGURES


def test_a_place_for_figures_that_is_none_is_refused_with_the_rule_and_the_value() -> None:
    with pytest.raises(UserMistake, match=r"^BATCHWRIGHT_FIGURES must be emf or none, not 'statsd'"):
        figures_of({WHERE_FIGURES: "statsd"}, "dev")


BY_STAGE = """
import app
from batchwright.local.functions import LambdaContext
from chalicelib.wiring import wired

context = LambdaContext("on_events")
context.invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:batchwright-dev-on_events"
app.on_events({"Records": []}, context)
print(wired().world.stage, wired().commands.again._queue_url)
"""


def test_in_lambda_the_stage_and_the_function_s_own_arn_are_enough() -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BATCHWRIGHT_"))},
        "BATCHWRIGHT_STAGE": "dev",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    done = subprocess.run([sys.executable, "-c", BY_STAGE], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == ("dev https://sqs.eu-west-1.amazonaws.com/123456789012/batchwright-dev-commands\n"), (
        done.stderr
    )
