"""One publication, a form for each kind of subscriber."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws.sns import SnsNotices, bodies, subject_line
from chalicelib.core.errors import TryAgain
from chalicelib.core.notices import Notice, NoticeKind
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
    SnsNotices(*topic).publish(NOTICE)
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == NOTICE.document()


def test_a_filter_policy_can_choose_by_kind_and_workflow(topic: tuple[Any, str]) -> None:
    sqs, url = subscribe(topic, FilterPolicy=json.dumps({"kind": ["run_failed"], "workflow": ["films"]}))
    notices = SnsNotices(*topic)
    notices.publish(NOTICE)
    notices.publish(notice_of("films-2", "films", NoticeKind.RUN_SUCCEEDED, "succeeded"))
    notices.publish(notice_of("songs-1", "songs", NoticeKind.RUN_FAILED, "failed"))
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(json.loads(message["Body"])["Message"])["run_id"] == "films-1"


def test_people_get_a_sentence_in_their_mail() -> None:
    assert bodies(NOTICE)["email"] == "films: run films-1 failed\n"
    assert json.loads(bodies(NOTICE)["default"]) == NOTICE.document()


@pytest.mark.parametrize(
    ("subject", "line"),
    [("Amélie\nis late", "Am?lie is late"), ("x" * 200, "x" * 99), ("films: run 1 failed", "films: run 1 failed")],
)
def test_a_subject_is_made_what_sns_takes(subject: str, line: str) -> None:
    assert subject_line(subject) == line


def test_a_topic_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("sns", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain, match="Publish"):
        SnsNotices(client, "arn:aws:sns:us-east-1:000000000000:notices").publish(NOTICE)
