"""The notices port over one SNS topic: one publication, a form for each kind of subscriber.

Owns the forms. What is worth telling, and which fields may leave, is core/notices.py's.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.aws.answers import answers
from chalicelib.core.notices import Notice

SUBJECT_CHARACTERS = 100
"""SNS takes fewer than 100 characters of ASCII, on one line: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


class SnsNotices:
    """Publishes to the topic; message attributes allow filter policies by kind and workflow."""

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, notice: Notice) -> None:
        with answers("Publish"):
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=subject_line(notice.subject),
                MessageStructure="json",
                Message=json.dumps(bodies(notice)),
                MessageAttributes=attributes(notice),
            )


def attributes(notice: Notice) -> dict[str, dict[str, str]]:
    """What a subscription's filter policy can choose by."""
    values = {
        "kind": notice.kind,
        "severity": notice.severity,
        "workflow": notice.workflow,
        "monitor": notice.monitor,
        "queue": notice.queue,
    }
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}


def bodies(notice: Notice) -> dict[str, str]:
    """What each protocol's subscribers receive: programs the document, people a sentence."""
    document = json.dumps(notice.document(), separators=(",", ":"), ensure_ascii=False)
    return {
        "default": document,
        "sqs": document,
        "lambda": document,
        "https": document,
        "email": f"{notice.subject}\n",
    }


def subject_line(subject: str) -> str:
    """The subject as SNS takes it: one line of ASCII."""
    line = " ".join(subject.split()).encode("ascii", "replace").decode()
    return line[: SUBJECT_CHARACTERS - 1]
