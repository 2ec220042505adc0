"""A run's own queue: found by its name, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.sns import SnsNotices
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from tests.contract import servers

NAME = "batchwright-notices-mine"
TOPIC = "arn:aws:sns:us-east-1:123456789012:notices"
NOTICE = Notice(
    notice_id="films-1/0/succeeded",
    kind=NoticeKind.RUN_SUCCEEDED,
    stage="dev",
    subject="films",
    at_ms=5_000,
    thread="films-1",
    workflow="films",
)


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield servers.client("sqs")


def test_a_runs_queue_receives_the_whole_document_and_what_filters_choose_by(sqs: Any) -> None:
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    SnsNotices(None, TOPIC, NamedQueues(lambda: sqs)).send(NOTICE, NAME)
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == NOTICE.document()
    assert message["MessageAttributes"]["kind"]["StringValue"] == "run_succeeded"


def test_a_queues_address_is_asked_for_once(sqs: Any) -> None:
    sqs.create_queue(QueueName=NAME)
    asked: list[str] = []
    sqs.meta.events.register("before-call.sqs", lambda model, **_: asked.append(model.name))
    queues = NamedQueues(lambda: sqs)
    queues.send(NAME, "one", {})
    queues.send(NAME, "two", {})
    assert asked == ["GetQueueUrl", "SendMessage", "SendMessage"]


def test_a_queue_that_is_not_there_is_the_users_mistake(sqs: Any) -> None:
    with pytest.raises(UserMistake, match=NAME):
        NamedQueues(lambda: sqs).send(NAME, "one", {})


def test_a_queue_that_was_deleted_and_made_again_is_found_again(sqs: Any) -> None:
    queues = NamedQueues(lambda: sqs)
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    queues.send(NAME, "one", {})
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(UserMistake):
        queues.send(NAME, "two", {})
    sqs.create_queue(QueueName=NAME)
    queues.send(NAME, "three", {})


def test_sqs_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("sqs", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain):
        NamedQueues(lambda: client).send(NAME, "one", {})
