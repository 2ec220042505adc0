"""One publication, a form for each kind of subscriber."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws.named_queues import NamedQueues
from chalicelib.aws.sns import SnsNotices, job_arn_prefix
from chalicelib.core.errors import TryAgain
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from tests.contract import servers


def notice_of(run_id: str, workflow: str, kind: NoticeKind, subject: str) -> Notice:
    """A notice of a run's end."""
    return Notice(
        notice_id=f"{run_id}/0",
        kind=kind,
        stage="dev",
        subject=subject,
        at_ms=5_000,
        thread=run_id,
        run_id=run_id,
        workflow=workflow,
    )


NOTICE = notice_of("films-1", "films", NoticeKind.RUN_FAILED, "films: run films-1 failed")


@pytest.fixture
def topic() -> Iterator[tuple[Any, str]]:
    with mock_aws():
        client = servers.client("sns")
        yield client, client.create_topic(Name="notices")["TopicArn"]


def subscribe(topic: tuple[Any, str], **attributes: str) -> tuple[Any, str]:
    """An SQS queue that hears of the topic; returns its client and address."""
    sns, topic_arn = topic
    sqs = servers.client("sqs")
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return sqs, url


def test_a_queue_receives_the_whole_document(topic: tuple[Any, str]) -> None:
    sqs, url = subscribe(topic, RawMessageDelivery="true")
    SnsNotices(*topic, NamedQueues(lambda: None)).publish(NOTICE)
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == NOTICE.document()


def test_a_filter_policy_can_choose_by_kind_and_workflow(topic: tuple[Any, str]) -> None:
    sqs, url = subscribe(topic, FilterPolicy=json.dumps({"kind": ["run_failed"], "workflow": ["films"]}))
    notices = SnsNotices(*topic, NamedQueues(lambda: None))
    notices.publish(NOTICE)
    notices.publish(notice_of("films-2", "films", NoticeKind.RUN_SUCCEEDED, "succeeded"))
    notices.publish(notice_of("songs-1", "songs", NoticeKind.RUN_FAILED, "failed"))
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(json.loads(message["Body"])["Message"])["run_id"] == "films-1"


def test_jobs_are_named_by_their_arns_in_the_account_of_the_topic() -> None:
    prefix = job_arn_prefix("arn:aws-cn:sns:cn-north-1:111122223333:batchwright-dev-notices")
    assert prefix == "arn:aws-cn:batch:cn-north-1:111122223333:job/"


def test_a_topic_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("sns", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain, match="Publish"):
        SnsNotices(client, "arn:aws:sns:us-east-1:000000000000:notices", NamedQueues(lambda: None)).publish(NOTICE)
