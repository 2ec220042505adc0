"""Rules of EventBridge whose targets are SQS queues: which queues an event of Batch goes to beside the stage's own.

Owns the look at the rules of the emulator's default bus. An emulator refuses events that claim to come from AWS, so the
local Batch applies these rules itself. The sending is publisher.py's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from batchwright.local.batch.pattern import PatternError, check_pattern, matches

LOOK_SECONDS = 1.0
"""Age at which the list of rules is read again. A new rule of the real EventBridge takes up to a minute."""
_SOURCE = "aws.batch"
_TRANSFORMS = ("Input", "InputPath", "InputTransformer")


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule that may match an event of Batch, and the addresses of the queues that are its targets."""

    pattern: Mapping[str, Any]
    queue_urls: tuple[str, ...]


class Rules:
    """The rules of the default bus. `events` and `sqs` are boto3's clients. The queue at `served_url` is left out,
    because the server serves it by its own option."""

    def __init__(self, events: Any, sqs: Any, served_url: str, complain: Callable[[str], None]) -> None:
        self._events = events
        self._sqs = sqs
        self._served = _name_in(served_url)
        self._complain = complain
        self._rules: list[Rule] = []
        self._look_at = 0.0
        self._complaints: set[str] = set()

    def queues_for(self, document: Mapping[str, Any], now_seconds: float) -> list[str]:
        """The addresses of the queues that get this event, each once for every rule that matches."""
        if now_seconds >= self._look_at:
            try:
                self._rules = list(self._read())
                self._look_at = now_seconds + LOOK_SECONDS
            except Exception as error:
                # The next event has them read again: a rule may have been deleted between two calls.
                self._say(f"cannot read the rules of EventBridge: {error}")
        return [url for rule in self._rules if matches(rule.pattern, document) for url in rule.queue_urls]

    def _read(self) -> Iterator[Rule]:
        for page in self._events.get_paginator("list_rules").paginate():
            for found in page["Rules"]:
                pattern = self._pattern_of(found)
                if pattern is not None:
                    urls = tuple(self._queues_of(found["Name"]))
                    if urls:
                        yield Rule(pattern, urls)

    def _pattern_of(self, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The pattern of a rule; None for a rule that passes no event of Batch on."""
        text = found.get("EventPattern")
        if not text or found.get("State", "ENABLED") == "DISABLED":
            return None
        pattern: Mapping[str, Any] = json.loads(text)
        if not matches({"source": pattern["source"]} if "source" in pattern else {}, {"source": _SOURCE}):
            return None
        try:
            check_pattern(pattern)
        except PatternError as error:
            self._say(f"rule {found['Name']} is not served: {error}")
            return None
        return pattern

    def _queues_of(self, name: str) -> Iterator[str]:
        for target in self._events.list_targets_by_rule(Rule=name)["Targets"]:
            service, queue = target["Arn"].split(":")[2], _name_in(target["Arn"])
            if queue == self._served and service == "sqs":
                continue
            if service != "sqs" or any(target.get(key) for key in _TRANSFORMS):
                self._say(f"rule {name}: target {target['Id']} is not served; only whole events to SQS queues are")
                continue
            try:
                yield str(self._sqs.get_queue_url(QueueName=queue)["QueueUrl"])
            except Exception as error:
                self._say(f"rule {name}: its target {target['Arn']} cannot be found: {error}")

    def _say(self, complaint: str) -> None:
        """Complain once of one thing."""
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            self._complain(complaint)


def _name_in(address: str) -> str:
    """The queue's name in its URL or ARN."""
    return address.rstrip("/").rpartition("/")[2].rpartition(":")[2]
