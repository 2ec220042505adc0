"""EventBridge Scheduler on this machine: what it reads in MiniStack, when it tells of times, and what it then says."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batchwright.local.isolation import client
from batchwright.local.ministack import MiniStack
from batchwright.local.schedules import LocalScheduler, entry_of
from chalicelib.aws.scheduler import EventBridgeScheduler, Place
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule, read_moment_ms
from tests.functional.commands import wait_until

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Post:
    """A schedule group and the queue that its schedules send to."""

    scheduler: Any
    sqs: Any
    place: Place
    queue_url: str

    def put(self, name: str, **given: Any) -> None:
        schedule = Schedule(**given)
        record = ScheduleRecord("films", name, 1, 1, schedule, since_ms=0, decided_ms=0)
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        EventBridgeScheduler(lambda: self.scheduler, self.place).place(record, schedule, now_ms)

    def remove(self, name: str) -> None:
        EventBridgeScheduler(lambda: self.scheduler, self.place).remove("films", name)

    def local(self) -> LocalScheduler:
        return LocalScheduler(self.scheduler, self.sqs, self.place.group)

    def received(self) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def post(ministack: MiniStack) -> Iterator[Post]:
    environment = ministack.environment()
    name = f"post-{uuid.uuid4().hex[:8]}"
    scheduler, sqs = client("scheduler", environment), client("sqs", environment)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    scheduler.create_schedule_group(Name=name)
    yield Post(scheduler, sqs, Place(name, "arn:aws:iam::000000000000:role/any", arn, arn), url)
    scheduler.delete_schedule_group(Name=name)


def test_a_time_is_told_when_it_comes_as_eventbridge_scheduler_tells_it(post: Post) -> None:
    local, ended = post.local(), threading.Event()
    at = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    post.put("soon", at=at.isoformat()[:19])
    post.put("later", rate="1 day")
    local.look()
    thread = threading.Thread(target=local.run, args=(ended,))
    thread.start()
    told: list[dict[str, Any]] = []
    try:
        wait_until(lambda: told.extend(post.received()) or told, "the time is told")
    finally:
        ended.set()
        thread.join(10)
    assert datetime.now(UTC) >= at
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told == [{"kind": "start_scheduled", "workflow": "films", "schedule": "soon", "scheduled_at": moment}]


def test_what_is_gone_is_told_of_no_more_and_what_was_changed_as_it_is_now(post: Post) -> None:
    local = post.local()
    post.put("one", rate="1 day")
    post.put("two", rate="1 day")
    local.look()
    assert local.seconds_to_wait() == 3.0
    post.remove("one")
    at = (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    post.put("two", at=(at + timedelta(seconds=1)).isoformat()[:19])
    local.look()
    assert local.seconds_to_wait() < 3.0
    wait_until(lambda: datetime.now(UTC) > at + timedelta(seconds=1), "its time has come")
    local.fire()
    local.fire()
    assert [message["schedule"] for message in post.received()] == ["two"]


def described(**more: Any) -> dict[str, Any]:
    moment = datetime(2026, 3, 27, 12, tzinfo=UTC)
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:commands", "Input": "{}"}
    return {"CreationDate": moment, "LastModificationDate": moment, "Target": target, "State": "ENABLED", **more}


@pytest.mark.parametrize(
    ("found", "following"),
    [
        (
            {"ScheduleExpression": "cron(30 2 * * ? *)", "ScheduleExpressionTimezone": "Europe/Berlin"},
            "2026-03-28T01:30:00+00:00",
        ),
        (
            {"ScheduleExpression": "rate(7 hours)", "StartDate": datetime(2026, 3, 28, 1, tzinfo=UTC)},
            "2026-03-28T01:00:00+00:00",
        ),
        ({"ScheduleExpression": "rate(1 day)"}, "2026-03-28T12:00:00+00:00"),
        ({"ScheduleExpression": "cron(0 9 * * ? *)", "EndDate": datetime(2026, 3, 28, tzinfo=UTC)}, None),
    ],
)
def test_the_next_time_follows_from_what_the_service_holds(found: dict[str, Any], following: str | None) -> None:
    entry = entry_of(described(**found), looked_ms=0)
    assert entry is not None
    assert entry.next_ms() == (None if following is None else read_moment_ms(following))


def test_a_disabled_schedule_is_not_fired() -> None:
    assert entry_of(described(ScheduleExpression="rate(1 day)", State="DISABLED"), looked_ms=0) is None
