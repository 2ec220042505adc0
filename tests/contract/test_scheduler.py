"""The scheduler port over EventBridge Scheduler, as MiniStack and moto have it, and what it sends there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from batchwright.local.ministack import MiniStack
from chalicelib.aws.scheduler import SCHEDULED_TIME, EventBridgeScheduler, Place, schedule_name
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.run.commands import StartScheduled, decode
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule, read_moment_ms
from tests.contract import servers

NOW_MS = read_moment_ms("2099-01-01T00:00:30+00:00")
"""So far ahead that a start date of then is none of the past for a server that looks at its clock."""
PLACE = Place(
    group="batchwright-contract",
    role_arn="arn:aws:iam::000000000000:role/batchwright-scheduler",
    queue_arn="arn:aws:sqs:us-east-1:000000000000:batchwright-contract-commands",
    dead_arn="arn:aws:sqs:us-east-1:000000000000:batchwright-contract-commands-dead",
)


@dataclass
class There:
    """A scheduler and the service behind it."""

    client: Any
    workflow: str

    @property
    def scheduler(self) -> EventBridgeScheduler:
        return EventBridgeScheduler(lambda: self.client, PLACE)

    def place(self, now_ms: int = NOW_MS, name: str = "nightly", **schedule: Any) -> None:
        given = Schedule(**schedule)
        record = ScheduleRecord(self.workflow, name, 1, 1, given, since_ms=NOW_MS - 30_000, decided_ms=NOW_MS)
        self.scheduler.place(record, given, now_ms)

    def found(self, name: str = "nightly") -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.client.get_schedule(
                GroupName=PLACE.group, Name=schedule_name(self.workflow, name)
            )
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            return None
        return answer


@pytest.fixture(scope="module")
def moto_scheduler() -> Any:
    return servers.client("scheduler")


@pytest.fixture(params=("ministack", "moto"))
def there(request: pytest.FixtureRequest, fresh: str) -> Iterator[There]:
    if request.param == "ministack":
        ministack: MiniStack = request.getfixturevalue("ministack")
        request.getfixturevalue("ministack_outputs")
        yield There(servers.client("scheduler", ministack.endpoint_url), fresh)
    else:
        client = request.getfixturevalue("moto_scheduler")
        with mock_aws():
            client.create_schedule_group(Name=PLACE.group)
            yield There(client, fresh)


def test_a_schedule_is_made_with_all_that_it_needs(there: There) -> None:
    there.place(cron="0 9 ? * mon-fri *", time_zone="Europe/Berlin", ends="2100-01-01")
    found = there.found()
    assert found is not None
    assert found["ScheduleExpression"] == "cron(0 9 ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["State"] == "ENABLED"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["EndDate"].timestamp() * 1000 == read_moment_ms("2100-01-01T00:01:00+01:00")
    target = found["Target"]
    assert (target["Arn"], target["RoleArn"]) == (PLACE.queue_arn, PLACE.role_arn)
    assert target["DeadLetterConfig"] == {"Arn": PLACE.dead_arn}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_what_it_sends_is_a_command_once_the_time_stands_in_it(there: There) -> None:
    there.place(cron="0 9 ? * MON-FRI *")
    found = there.found()
    assert found is not None
    text = found["Target"]["Input"]
    assert SCHEDULED_TIME in text
    command = decode(text.replace(SCHEDULED_TIME, "2022-03-22T18:59:43Z"))
    assert command == StartScheduled(there.workflow, "nightly", "2022-03-22T18:59:43Z")
    assert command.scheduled_at_ms == read_moment_ms("2022-03-22T18:59:43+00:00")
    assert json.loads(text)["kind"] == "start_scheduled"


def test_placing_twice_is_placing_once_and_a_change_takes_the_old_ones_place(there: There) -> None:
    there.place(cron="0 9 * * ? *")
    there.place(cron="0 9 * * ? *")
    there.place(rate="5 minutes")
    found = there.found()
    assert found is not None and found["ScheduleExpression"] == "rate(5 minutes)"


def test_a_rate_begins_at_its_next_time(there: There) -> None:
    there.place(rate="5 minutes")
    first = there.found()
    there.place(now_ms=NOW_MS + 12 * 60_000, rate="5 minutes")
    later = there.found()
    assert first is not None and later is not None
    assert first["StartDate"].timestamp() * 1000 == NOW_MS - 30_000 + 5 * 60_000
    assert later["StartDate"].timestamp() * 1000 == NOW_MS - 30_000 + 15 * 60_000


def test_a_start_that_is_past_is_left_out_and_a_schedule_that_is_over_is_removed(there: There) -> None:
    there.place(cron="0 9 * * ? *", starts="2020-01-01")
    found = there.found()
    assert found is not None and found.get("StartDate") is None
    there.place(cron="0 9 * * ? *", ends="2098-01-01")
    assert there.found() is None
    there.place(at="2098-01-01")
    assert there.found() is None
    there.place(at="2099-01-02")
    assert there.found() is not None


@pytest.mark.parametrize("timing", [{"rate": "5 minutes"}, {"cron": "0 9 * * ? *"}])
def test_a_schedule_of_one_time_at_its_very_end_is_told_of_it(timing: dict[str, str]) -> None:
    asked = Asking()
    There(asked, "films").place(**timing, starts="2099-01-02T09:00", ends="2099-01-02T09:00")
    at_seconds = read_moment_ms("2099-01-02T09:00:00+00:00") // 1000
    assert asked.request["StartDate"] <= at_seconds < asked.request["EndDate"]


def test_what_is_removed_is_gone_and_removing_it_again_does_no_harm(there: There) -> None:
    there.place(cron="0 9 * * ? *")
    there.place(name="other", rate="1 day")
    for _ in range(2):
        there.scheduler.remove(there.workflow, "nightly")
    assert there.found() is None
    assert there.found("other") is not None


def test_names_stay_apart_however_long_or_alike_they_are() -> None:
    pairs = [("a" * 100, "b"), ("a" * 101, "b"), ("x.y", "z"), ("x-y", "z"), ("x", "y-z"), ("x-y", "z" * 64)]
    names = {schedule_name(*pair) for pair in pairs}
    assert len(names) == len(pairs)
    assert all(len(name) <= 64 and name.replace("-", "").isalnum() for name in names)


class Asking:
    """A client that takes every schedule."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}

    def update_schedule(self, **request: Any) -> None:
        self.request = request


class Answering:
    """A client whose every call ends with that error."""

    def __init__(self, code: str, status: int = 400) -> None:
        self._error = ClientError(
            {"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "any"
        )

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> None:
            raise self._error

        return call


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ValidationException", 400, UserMistake),
        ("ServiceQuotaExceededException", 402, UserMistake),
        ("ThrottlingException", 429, TryAgain),
        ("InternalServerException", 500, TryAgain),
        ("ConflictException", 409, TryAgain),
        ("ResourceNotFoundException", 404, UserMistake),
        ("AccessDeniedException", 403, UserMistake),
    ],
)
def test_what_the_service_refuses_is_told_by_what_to_do_about_it(code: str, status: int, error: type) -> None:
    there = There(Answering(code, status), "films")
    with pytest.raises(error, match="because"):
        there.place(cron="0 9 * * ? *")
    if code != "ResourceNotFoundException":
        with pytest.raises(TryAgain if error is TryAgain else UserMistake, match="because"):
            there.scheduler.remove("films", "nightly")
