"""Whether a stage's event bus is there: EventBridge itself takes events for one that is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchwright.cli.doctor import _look_at_bus
from batchwright.deploy.deployment import Wish, deploy
from batchwright.deploy.event_bus import bus_mistake
from batchwright.doctor.reader import Report
from batchwright.local.ministack import MiniStack
from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.core.errors import UserMistake
from tests.contract import servers


@pytest.fixture
def events(ministack: MiniStack) -> Any:
    return servers.client("events", ministack.endpoint_url)


def look(events: Any, bus: str) -> Report:
    report = Report()
    aws = SimpleNamespace(environment={"BATCHWRIGHT_EVENT_BUS": bus}, client=lambda service: events)
    _look_at_bus(aws, report)  # type: ignore[arg-type]
    return report


def test_the_accounts_own_bus_is_there(events: Any) -> None:
    assert bus_mistake(events, "default") is None
    assert look(events, "default") == look(events, "none") == Report()


def test_a_mistyped_bus_is_refused_before_anything_is_deployed(events: Any) -> None:
    said: list[str] = []
    account = SimpleNamespace(client=lambda service: events)
    with pytest.raises(UserMistake, match=r"--event-bus defualt: there is no event bus .*; did you mean 'default'\?"):
        deploy(account, Wish("dev", PROJECT_FOLDER, {"EventBus": "defualt"}), said.append)  # type: ignore[arg-type]
    assert said == []


def test_the_doctor_tells_of_a_bus_that_is_gone(events: Any) -> None:
    (finding,) = look(events, "changes").findings
    assert (finding.rule, finding.place) == ("the event bus is there", "event bus changes")
    assert "there is no event bus of that name in us-east-1; make it first" in finding.value


def test_the_doctor_says_what_it_may_not_look_at() -> None:
    class Denied:
        def describe_event_bus(self, Name: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeEventBus")

    report = look(Denied(), "changes")
    assert report.findings == []
    assert report.left_out[0].startswith("whether event bus changes is there was not looked at: ")
