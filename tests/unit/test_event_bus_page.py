"""The how-to on the event bus shows what the code makes, and the reference names the states that there are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from moto.events.models import EventPattern

from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.run.bus_events import SOURCE, Change, ChangeType, run_change, task_change
from chalicelib.core.states import RunState, TaskState
from tests.notices import AT_MS, OUT_OF_MEMORY, RUN, RUN_ID, STAGE

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "follow-runs-from-a-program.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "notices.md").read_text(encoding="utf-8").partition("## Event bus\n")[2]
EXAMPLES = dict(re.findall(r"<!-- (\w+) -->\n```json\n(.*?)\n```", PAGE, re.DOTALL))
RESULT = JobResult("", succeeded=False, exit_code=137, failure=FailureClass.OUT_OF_MEMORY)
OF_RUN = run_change(RUN, STAGE, RunState.FAILED, AT_MS)
OF_TASK = task_change(
    RUN.workflow,
    STAGE,
    Attempt(RUN_ID, 0, 4, 2),
    "import_part_3",
    TaskState.FAILED,
    AT_MS - 12_000,
    OUT_OF_MEMORY.job_id,
    RESULT,
)


def event(change: Change) -> dict[str, Any]:
    return {"source": SOURCE, "detail-type": change.change_type.value, "detail": change.document()}


def test_the_examples_are_what_the_code_makes() -> None:
    assert EXAMPLES["task"] == json.dumps(OF_TASK.document(), indent=2)


def test_both_kinds_are_named_with_the_states_that_they_have() -> None:
    [of_runs] = re.findall(r"A run is (.*?);", REFERENCE)
    [of_tasks] = re.findall(r"a task is (.*?)\.", REFERENCE)
    assert all(f"`{kind}`" in REFERENCE for kind in ChangeType)
    assert set(re.findall(r"`(\w+)`", of_runs)) == set(RunState)
    states = set(re.findall(r"`(\w+)`", of_tasks))
    assert states == {"running", "waiting", "succeeded", "failed", "cancelled"} <= set(TaskState)


def test_the_pattern_lets_through_what_it_says_and_no_more() -> None:
    rule = EventPattern.load(EXAMPLES["pattern"])
    for change in (OF_RUN, OF_TASK):
        assert rule.matches_event(event(change))
        others = ({"stage": "dev"}, {"workflow": "other"}, {"state": "succeeded"})
        assert not any(rule.matches_event(event(replace(change, **other))) for other in others)
    assert not rule.matches_event({**event(OF_RUN), "source": "aws.batch"})


def test_a_change_of_pace_has_the_id_that_is_told() -> None:
    told = run_change(RUN, STAGE, RunState.PAUSED, AT_MS, switches=1)
    assert told.change_id.replace(RUN_ID, "RUN") in REFERENCE
