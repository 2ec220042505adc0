"""A message that cannot be handled, beside good ones, on the real queues of a local AWS without a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchwright.local.functions import record_of
from batchwright.local.isolation import LocalSession, client
from batchwright.local.queues import definition_for
from batchwright.local.stack import LocalAws
from chalicelib.aws.clients import clients
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import JobSpec, PlannedTask
from chalicelib.core.states import TaskState
from chalicelib.wiring import Wired, wire
from tests.functional.commands import wait_until

POISON = ("no JSON", '"a string"', '["a list"]')


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), workers=0) as aws:
        yield aws


@pytest.fixture(scope="module")
def wired(aws: LocalAws) -> Wired:
    return wire(aws.environment, clients(LocalSession(aws.environment)))


class EventsQueue:
    """The events queue, from which a test takes batches as Lambda would."""

    def __init__(self, aws: LocalAws) -> None:
        self._sqs = client("sqs", aws.environment)
        self._url = aws.environment["BATCHWRIGHT_EVENTS_QUEUE_URL"]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def counts(self) -> tuple[int, int]:
        """How many messages are visible, and how many are not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def take(self) -> dict[str, Any]:
        """All visible messages as one event of Lambda."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=["All"])
        return {"Records": [record_of(one, "events") for one in answer["Messages"]]}


def chain(definition: str) -> Plan:
    tasks = [PlannedTask(name, JobSpec(definition, "default", command=("true",))) for name in ("first", "then")]
    return Plan("chain", tuple(tasks), ((), (0,)))


def test_what_cannot_be_read_stays_and_the_rest_of_its_batch_takes_effect(
    aws: LocalAws, wired: Wired, tmp_path_factory: pytest.TempPathFactory
) -> None:
    queue, store = EventsQueue(aws), wired.world.store
    definition = definition_for(aws.environment, "chain", tmp_path_factory.mktemp("image"))
    store.push("chain", {"name": "chain"}, chain(definition), wired.world.clock.now_ms())
    queue.send(*POISON[:2])
    run = wired.start_run({"workflow": "chain"}, "test-start")
    wait_until(lambda: queue.counts()[0] == 4, "RUNNING and SUCCEEDED of the first task, beside two that are no events")
    queue.send(POISON[2])
    batch = queue.take()
    assert {record["body"] for record in batch["Records"]} >= set(POISON)
    left = wired.handle_events(batch, "test-events")
    poison = [{"itemIdentifier": record["messageId"]} for record in batch["Records"] if record["body"] in POISON]
    assert left == {"batchItemFailures": poison}
    first, then = store.tasks(run.run_id, run.epoch, 0)
    assert first.state is TaskState.SUCCEEDED
    assert then.job_id is not None
    # The good ones are deleted; the others wait for their next try, on the way to the dead letters.
    assert queue.counts()[1] == 3
