"""The temporary queue that hears of the jobs and notices of one call: a rule of EventBridge and a subscription feed it.

Owns how they are made and read. They are removed with everything else (made.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from batchwright.deploy.config import STAGE_TAG
from batchwright.subscriptions.queue_access import statement
from batchwright.verify.here import Here
from batchwright.verify.jobs import stamped, workflow_names
from batchwright.verify.observed import Received
from chalicelib.core.batch.job_event import JOB_STATE_CHANGE

PROBE_SOURCE, PROBE_TYPE = "batchwright.verify", "Probe"
"""Of the event that tells whether the rule works yet. Nobody but AWS may put events of Batch."""
TARGET = "queue"
RETENTION_SECONDS = 3600
RECEIVE_MAXIMUM = 10


def event_pattern(stamp: str) -> dict[str, Any]:
    """What the temporary rule lets through: by the names of the jobs, so that an event without parameters shows."""
    return {
        "source": ["aws.batch", PROBE_SOURCE],
        "detail-type": [JOB_STATE_CHANGE, PROBE_TYPE],
        "detail": {"jobName": [{"prefix": f"{stamped(stamp)}-"}]},
    }


@dataclass
class Watch:
    """The queue of one call, and what it has received so far."""

    here: Here
    stamp: str
    received: list[Received] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    rule_works: bool = False
    _queue_url: str = ""

    def open(self) -> None:
        """Make the queue, the rule and the subscription."""
        here, name = self.here, self.here.watch_name(self.stamp)
        queue_arn, rule_arn = here.place.arn("sqs", name), here.place.arn("events", f"rule/{name}")
        senders = [statement(queue_arn, here.topic_arn), _rule_may_send(queue_arn, rule_arn)]
        self._queue_url = here.client("sqs").create_queue(
            QueueName=name,
            Attributes={
                "MessageRetentionPeriod": str(RETENTION_SECONDS),
                "Policy": json.dumps({"Version": "2012-10-17", "Statement": senders}),
            },
            tags={STAGE_TAG: here.place.stage},
        )["QueueUrl"]
        events = here.client("events")
        events.put_rule(
            Name=name,
            Description="Made by `batchwright verify`, which removes it again",
            EventPattern=json.dumps(event_pattern(self.stamp)),
            Tags=[{"Key": STAGE_TAG, "Value": here.place.stage}],
        )
        answer = events.put_targets(Rule=name, Targets=[{"Id": TARGET, "Arn": queue_arn}])
        assert not answer.get("FailedEntryCount"), answer["FailedEntries"]
        here.client("sns").subscribe(
            TopicArn=here.topic_arn,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes={
                "RawMessageDelivery": "true",
                "FilterPolicy": json.dumps({"workflow": list(workflow_names(self.stamp))}),
            },
        )

    def probe(self) -> None:
        """Put an event of our own that the rule lets through."""
        detail = json.dumps({"jobName": f"{stamped(self.stamp)}-probe"})
        entry = {"Source": PROBE_SOURCE, "DetailType": PROBE_TYPE, "Detail": detail}
        self.here.client("events").put_events(Entries=[entry])

    def poll(self, wait_seconds: int) -> None:
        """Take what has arrived, and wait up to so long for the first message."""
        sqs = self.here.client("sqs")
        while True:
            found = sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=RECEIVE_MAXIMUM,
                WaitTimeSeconds=wait_seconds,
                AttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            if not found:
                return
            for message in found:
                self._take(json.loads(message["Body"]), int(message["Attributes"]["SentTimestamp"]))
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
            sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            wait_seconds = 0

    def _take(self, document: dict[str, Any], sent_at_ms: int) -> None:
        if document.get("source") == PROBE_SOURCE:
            self.rule_works = True
        elif "detail" in document:
            self.received.append(Received(document, sent_at_ms))
        else:
            self.notices.append(document)


def _rule_may_send(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
