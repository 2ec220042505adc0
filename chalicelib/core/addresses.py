"""The names and addresses of a stage's things, derived from the stage's name, its account and its region.

Owns the derivation. infra/foundation.yaml creates the things under these names, and tests/contract/test_foundation.py
holds both equal. With it, `BATCHWRIGHT_STAGE` is all that a function must be told.
"""

from __future__ import annotations

from dataclasses import dataclass

APP = "batchwright"


def prefix_of(stage: str) -> str:
    """What the names of everything that belongs to a stage begin with."""
    return f"{APP}-{stage}"


def events_queue(stage: str) -> str:
    return f"{prefix_of(stage)}-events"


def commands_queue(stage: str) -> str:
    return f"{prefix_of(stage)}-commands"


def dead_letters(queue: str) -> str:
    """The name of the queue that holds what could not be handled of another."""
    return f"{queue}-dead"


def topic(stage: str) -> str:
    return f"{prefix_of(stage)}-notices"


def default_queue(stage: str) -> str:
    """The name of the default job queue that infra/batch.yaml creates."""
    return f"{prefix_of(stage)}-default"


@dataclass(frozen=True, slots=True)
class StageHome:
    """Where a stage is. `queues_url` is the endpoint of SQS there, below which the queues' addresses lie."""

    stage: str
    account: str
    region: str
    partition: str
    queues_url: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def queue_url(self, queue: str) -> str:
        return f"{self.queues_url.rstrip('/')}/{self.account}/{queue}"

    def variables(self) -> dict[str, str]:
        """The app's variables that name what infra/foundation.yaml creates."""
        prefix, events, commands = prefix_of(self.stage), events_queue(self.stage), commands_queue(self.stage)
        return {
            "BATCHWRIGHT_TABLE": prefix,
            "BATCHWRIGHT_EVENTS_QUEUE": events,
            "BATCHWRIGHT_EVENTS_QUEUE_URL": self.queue_url(events),
            "BATCHWRIGHT_EVENTS_DEAD_URL": self.queue_url(dead_letters(events)),
            "BATCHWRIGHT_COMMANDS_QUEUE": commands,
            "BATCHWRIGHT_COMMANDS_QUEUE_URL": self.queue_url(commands),
            "BATCHWRIGHT_COMMANDS_DEAD_URL": self.queue_url(dead_letters(commands)),
            "BATCHWRIGHT_TOPIC_ARN": self.arn("sns", topic(self.stage)),
            "BATCHWRIGHT_BUCKET": f"{prefix}-{self.account}-{self.region}",
            "BATCHWRIGHT_SCHEDULE_GROUP": prefix,
            # Roles belong to no region.
            "BATCHWRIGHT_SCHEDULER_ROLE_ARN": f"arn:{self.partition}:iam::{self.account}:role/{prefix}-scheduler",
            "BATCHWRIGHT_COMMANDS_QUEUE_ARN": self.arn("sqs", commands),
            "BATCHWRIGHT_COMMANDS_DEAD_ARN": self.arn("sqs", dead_letters(commands)),
        }
