"""docs/event-bus.md says what the code does: its examples are made by it, its tables name what there is."""

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

PAGE = (Path(__file__).parents[2] / "docs" / "event-bus.md").read_text(encoding="utf-8")
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
    for name, change in (("run", OF_RUN), ("task", OF_TASK)):
        assert EXAMPLES[name] == json.dumps(change.document(), indent=2)


def test_every_field_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)
    assert explained == list(OF_TASK.document())


def test_both_kinds_are_told_of_with_the_states_that_they_have() -> None:
    rows = re.findall(r"^\| `(Batchwright [\w ]+)` \| (.*?) \|", PAGE, re.MULTILINE)
    states = {ChangeType(kind): set(re.findall(r"`(\w+)`", text)) for kind, text in rows}
    assert states[ChangeType.RUN] == set(RunState)
    assert states[ChangeType.TASK] == {"running", "waiting", "succeeded", "failed", "cancelled"} <= set(TaskState)


def test_the_pattern_lets_through_what_it_says_and_no_more() -> None:
    rule = EventPattern.load(EXAMPLES["pattern"])
    for change in (OF_RUN, OF_TASK):
        assert rule.matches_event(event(change))
        others = ({"stage": "dev"}, {"workflow": "other"}, {"state": "succeeded"})
        assert not any(rule.matches_event(event(replace(change, **other))) for other in others)
    assert not rule.matches_event({**event(OF_RUN), "source": "aws.batch"})


def test_a_change_of_pace_has_the_id_that_is_told() -> None:
    told = run_change(RUN, STAGE, RunState.PAUSED, AT_MS, switches=1)
    assert told.change_id.replace(RUN_ID, "RUN") in PAGE
