"""The notices port over one SNS topic, and the SQS queues that belong to runs: one publication, a body for each
kind of subscriber.

Owns the call and the attributes that filter policies choose by. What is worth telling is core/notice/model.py's, and
how it reads is core/notice/publication.py's.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.aws.answers import answers
from chalicelib.aws.named_queues import NamedQueues
from chalicelib.core.notice.email import subject_line
from chalicelib.core.notice.model import Notice
from chalicelib.core.notice.publication import attribute_values, bodies, document_body, message


class SnsNotices:
    """Publishes to the topic; message attributes allow filter policies by what stands in `attribute_values`."""

    def __init__(self, client: Any, topic_arn: str, queues: NamedQueues) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._queues = queues

    def publish(self, notice: Notice) -> None:
        with answers("Publish"):
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=subject_line(notice),
                MessageStructure="json",
                Message=message(bodies(notice, job_arn_prefix(self._topic_arn))),
                MessageAttributes=_attributes(notice),
            )

    def send(self, notice: Notice, queue: str) -> None:
        self._queues.send(queue, document_body(notice), _attributes(notice))


def _attributes(notice: Notice) -> dict[str, dict[str, str]]:
    return {name: message_attribute(value) for name, value in attribute_values(notice).items()}


def message_attribute(value: str | tuple[str, ...]) -> dict[str, str]:
    """One as SNS takes it: a string, or several of which a filter needs one."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    # A filter policy lets through what has one of its values in the array:
    # https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}


def job_arn_prefix(topic_arn: str) -> str:
    """What the ARN of a job is before its id, in the topic's account and region."""
    _, partition, _, region, account, _ = topic_arn.split(":", 5)
    return f"arn:{partition}:batch:{region}:{account}:job/"
