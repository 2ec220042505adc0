"""The rules of the emulator's bus, as the local Batch reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from batchwright.local.batch.rules import LOOK_SECONDS, Rules

EVENT = {"source": "aws.batch", "detail-type": "Batch Job State Change"}


class Bus:
    """A bus whose rule may be deleted between the list of rules and the list of its targets."""

    def __init__(self) -> None:
        self.names = ["mine"]
        self.targets_fail = False

    def get_paginator(self, _: str) -> Bus:
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        pattern = json.dumps({"source": ["aws.batch"]})
        yield {"Rules": [{"Name": name, "EventPattern": pattern} for name in self.names]}

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:
        if self.targets_fail:
            raise RuntimeError(f"Rule {Rule} does not exist")
        return {"Targets": [{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{Rule}"}]}


class Queues:
    def get_queue_url(self, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": f"http://sqs/{QueueName}"}


def test_rules_are_read_again_once_they_are_old() -> None:
    bus = Bus()
    rules = Rules(bus, Queues(), "http://sqs/events", print)
    assert rules.queues_for(EVENT, 0.0) == ["http://sqs/mine"]
    bus.names.append("newer")
    assert rules.queues_for(EVENT, LOOK_SECONDS / 2) == ["http://sqs/mine"]
    assert rules.queues_for(EVENT, LOOK_SECONDS) == ["http://sqs/mine", "http://sqs/newer"]


def test_a_look_that_failed_is_made_again_at_the_next_event() -> None:
    bus = Bus()
    rules = Rules(bus, Queues(), "http://sqs/events", print)
    bus.targets_fail = True
    assert rules.queues_for(EVENT, 0.0) == []
    bus.targets_fail = False
    assert rules.queues_for(EVENT, 0.0) == ["http://sqs/mine"]
