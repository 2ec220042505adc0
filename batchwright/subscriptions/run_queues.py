"""The SQS queues of runs' own, `notify.queue`: whether one is there before a run counts on it, and made on a local AWS.

Owns the question and its sentences. What is told there is chalicelib's, which loses what no queue takes, for a run must
not hang because somebody deleted a queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchwright.local.isolation import client
from chalicelib.aws.answers import code_of

GONE = ("QueueDoesNotExist", "NonExistentQueue", "AWS.SimpleQueueService.NonExistentQueue")


def queue_named(definition: Mapping[str, Any]) -> str | None:
    """The queue that a checked workflow's `notify` names."""
    section = definition.get("notify")
    return section.get("queue") if isinstance(section, Mapping) else None


def trouble_with(sqs: Any, name: str) -> str | None:
    """Why notices may not arrive in the queue, in a sentence; None when it is there. It never raises for what AWS
    answers: nobody's run or push is to fail for this."""
    try:
        sqs.get_queue_url(QueueName=name)
    except ClientError as error:
        if code_of(error) in GONE:
            return (
                f"There is no SQS queue {name} in {sqs.meta.region_name}, and what its run tells it is lost; make it "
                f"with `aws sqs create-queue --queue-name {name}`."
            )
        return f"Whether the SQS queue {name} is there was not to be learned: GetQueueUrl says {code_of(error)}."
    except BotoCoreError as error:
        return f"Whether the SQS queue {name} is there was not to be learned: {error}"
    return None


def warning_of(sqs: Any | None, name: str) -> str | None:
    """Why notices may not arrive in the queue, as `trouble_with` says. `sqs` is None where only an API is known."""
    if sqs is None:
        return f"whether the SQS queue {name} is there is not known over an API."
    return trouble_with(sqs, name)


def make_queue(environment: Mapping[str, str], name: str) -> None:
    """Make the queue on a local AWS, unless it is there."""
    sqs = client("sqs", environment)
    try:
        sqs.get_queue_url(QueueName=name)
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        sqs.create_queue(QueueName=name)
