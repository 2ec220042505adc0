"""A stage's topic in MiniStack, whose SNS delivers to queues and HTTP endpoints for real."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchwright.cli.group import main
from batchwright.local.isolation import CLOSED, client, isolated
from batchwright.local.ministack import MiniStack
from batchwright.local.stack import STAGE, create_foundation
from batchwright.stage.foundation import variables_of


@dataclass(frozen=True)
class Stage:
    """The stage's variables, and clients of where it is."""

    environment: dict[str, str]

    def client(self, service: str) -> Any:
        return client(service, self.environment)

    @property
    def topic_arn(self) -> str:
        return self.environment["BATCHWRIGHT_TOPIC_ARN"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with MiniStack(tmp_path_factory.mktemp("told") / "ministack.log") as ministack:
        environment = {**CLOSED, **ministack.environment(), "AWS_REGION": ministack.region}
        outputs = create_foundation(environment)
        yield Stage({**environment, "BATCHWRIGHT_STAGE": STAGE, **variables_of(outputs)})


@pytest.fixture
def give(command: Callable[..., Result]) -> Callable[..., Result]:
    """Gives a command of `batchwright notices`, on the stage."""
    return lambda *words: command("notices", *words)


@pytest.fixture
def command(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Result]:
    """Gives a command where no local AWS is up and the variables name the stage."""
    home = str(tmp_path_factory.mktemp("home"))
    for name, value in (isolated(os.environ, stage.environment) | {"BATCHWRIGHT_HOME": home}).items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(main, list(words))


class Queue:
    """An SQS queue that the topic may send to."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._sqs = stage.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": stage.topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def take(self, count: int) -> list[dict[str, Any]]:
        """Receive all messages, once there are so many. What is sent to a queue in MiniStack is there at once."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=0 if len(found) >= count else 5,
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                assert len(found) >= count, found
                return found
            found += messages
            for one in messages:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])


@pytest.fixture
def queue(stage: Stage, request: pytest.FixtureRequest) -> Queue:
    """A queue of the test's own."""
    return Queue(stage, f"told-{abs(hash(request.node.nodeid)) % 10**9}")


@pytest.fixture
def nobody_stays_subscribed(stage: Stage) -> Iterator[None]:
    """Afterwards the topic is as it was."""
    yield
    sns = stage.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=stage.topic_arn)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
