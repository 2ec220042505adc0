"""A run's own queue and the event bus, in MiniStack: nobody who follows a run has to ask."""

from __future__ import annotations

import json

import pytest

from batchwright.local.isolation import LocalSession
from chalicelib.aws.clients import clients
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.run.bus_events import Change, ChangeType
from chalicelib.wiring import EVENT_BUS, wire
from tests.functional.notices.conftest import Queue, Stage
from tests.notices import NOTICES

pytestmark = pytest.mark.long

NAME = "batchwright-notices-of-a-run"


def test_a_runs_own_queue_gets_the_document_alone(stage: Stage) -> None:
    queue = Queue(stage, NAME)
    wired = wire(stage.environment, clients(LocalSession(stage.environment)))
    wired.world.notices.send(NOTICES[NoticeKind.RUN_FAILED], NAME)
    [message] = queue.take(1)
    assert json.loads(message["Body"]) == NOTICES[NoticeKind.RUN_FAILED].document()
    assert message["MessageAttributes"]["kind"]["StringValue"] == "run_failed"


def test_a_rule_hears_of_the_changes_that_it_asks_for(stage: Stage) -> None:
    queue = Queue(stage, "follower")
    events = stage.client("events")
    pattern = {"source": ["batchwright"], "detail": {"state": ["failed"], "workflow": ["films"]}}
    events.put_rule(Name="failed-films", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="failed-films", Targets=[{"Id": "follower", "Arn": queue.arn}])
    wired = wire({**stage.environment, EVENT_BUS: "default"}, clients(LocalSession(stage.environment)))
    told = [
        Change(
            change_id=f"films-1/0/0/1/{state}",
            change_type=ChangeType.TASK,
            stage="dev",
            workflow="films",
            run_id="films-1",
            epoch=0,
            state=state,
            at_ms=5_000,
            task="cut",
        )
        for state in ("running", "failed")
    ]
    assert wired.world.changes is not None
    wired.world.changes.tell(told)
    [message] = queue.take(1)
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]) == ("Batchwright Task State Change", told[1].document())


def test_a_stage_without_a_bus_has_none(stage: Stage) -> None:
    environment = {**stage.environment, EVENT_BUS: "none"}
    assert wire(environment, clients(LocalSession(environment))).world.changes is None
