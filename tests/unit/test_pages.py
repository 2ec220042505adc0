"""What pages of docs/ say in passing, and the code or the templates decide."""

from __future__ import annotations

import re
from pathlib import Path

from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.api.models import StartRun
from chalicelib.core.monitor.rules import WAITING

ROOT = Path(PROJECT_FOLDER)


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_the_page_on_deploying_tells_how_many_alarms_there_are_to_pay_for() -> None:
    templates = "".join((ROOT / "infra" / name).read_text() for name in ("foundation.yaml", "observability.yaml"))
    alarms = templates.count("Type: AWS::CloudWatch::Alarm")
    assert templates.count("  MetricName: ") == alarms, "each watches one metric, as the page says"
    assert re.findall(r"(\d+) alarms at ", page("deploy.md")) == [str(alarms)]


def test_the_page_on_the_http_api_tells_all_that_starts_a_run() -> None:
    [fields] = re.findall(r"\| `POST /runs` \| starts a run: `\{(.*?)\}`", page("http-api.md"))
    assert set(re.findall(r'"(\w+)"', fields)) == set(StartRun.model_fields)


def test_the_page_on_monitors_tells_all_states_that_count_as_waiting() -> None:
    [states] = re.findall(r"\*\*`waiting_longer`\*\*: a job waits for capacity \((.*?)\)", page("monitors.md"))
    assert re.findall(r"`(\w+)`", states) == [status.value for status in WAITING]
