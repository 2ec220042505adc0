"""Subscribing with few rights: what cannot be looked at is a note, and what SNS never reaches is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from batchwright.subscriptions.listing import Subscription, protocol_of
from batchwright.subscriptions.subscribing import find_queue, notes_on_names
from batchwright.subscriptions.table import subscription_columns
from chalicelib.api.port import Api
from chalicelib.core.errors import TryAgain, UserMistake

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:told"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:batchwright-prod-notices"


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


class Sqs:
    """Answers with these, or raises them."""

    def __init__(self, url: Any, attributes: Any = None) -> None:
        self._url = url
        self._attributes = attributes

    def get_queue_url(self, **_: Any) -> Any:
        return self._answer({"QueueUrl": self._url}, self._url)

    def get_queue_attributes(self, **_: Any) -> Any:
        return self._answer({"Attributes": self._attributes}, self._attributes)

    def _answer(self, answer: Any, given: Any) -> Any:
        if isinstance(given, Exception):
            raise given
        return answer


@pytest.mark.parametrize(
    ("sqs", "operation"),
    [
        (Sqs(denied("GetQueueUrl")), "GetQueueUrl"),
        (Sqs("https://sqs/told", denied("GetQueueAttributes")), "GetQueueAttributes"),
    ],
)
def test_a_queue_that_may_not_be_looked_at_is_a_note(sqs: Sqs, operation: str) -> None:
    found = find_queue(QUEUE, TOPIC, lambda _: sqs, False)
    assert found.notes == (
        f"Whether the queue is there and lets the topic send was not to be learned: {operation} says AccessDenied.",
    )
    assert found.is_open is None
    with pytest.raises(UserMistake, match="--allow"):
        found.allow()


@pytest.mark.parametrize(
    ("key", "said"),
    [("alias/aws/sqs", "SNS may not use"), ("arn:aws:kms:eu-west-1:1:key/k", "must let sns.amazonaws.com")],
)
def test_a_key_that_keeps_the_topic_out_is_a_note(key: str, said: str) -> None:
    found = find_queue(QUEUE, TOPIC, lambda _: Sqs("https://sqs/told", {"KmsMasterKeyId": key}), False)
    [note] = found.notes
    assert said in note
    assert find_queue(QUEUE, TOPIC, lambda _: Sqs("https://sqs/told", {}), False).notes == ()


def test_a_queue_of_another_region_is_looked_at_there_and_noted() -> None:
    asked = []

    def sqs_in(region: str) -> Sqs:
        asked.append(region)
        return Sqs("https://sqs/told", {})

    found = find_queue(QUEUE.replace("eu-west-1", "eu-south-1"), TOPIC, sqs_in, False)
    assert (asked, "in another region than the topic" in found.notes[0]) == (["eu-south-1"], True)


def test_names_that_may_not_be_looked_up_are_a_note() -> None:
    def no_table(*_: Any) -> Any:
        raise TryAgain("GetItem: refused") from denied("GetItem")

    def no_batch(*_: Any) -> Any:
        raise denied("DescribeJobQueues")

    api = cast(Api, SimpleNamespace(workflow=no_table, monitors=no_table))
    batch = SimpleNamespace(get_paginator=no_batch)
    filters = {"workflow": ("films", "etl"), "monitor": ("nightly",), "queue": ("gpu",)}
    assert list(notes_on_names(filters, api, batch)) == [
        "--workflow films, etl: whether that is there was not to be learned: GetItem says AccessDenied.",
        "--monitor nightly: whether that is there was not to be learned: GetItem says AccessDenied.",
        "--queue gpu: whether that is there was not to be learned: DescribeJobQueues says AccessDenied.",
    ]
    assert list(notes_on_names({"severity": ("error",)}, api, batch)) == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://", "names no host"),
        ("https:///told", "names no host"),
        ("https://exa mple.com/", "names no host"),
        ("https://example.com:port/", "no address of an endpoint"),
        ("http://example.com/told", "in clear"),
        (f"{QUEUE}.fifo", "FIFO"),
    ],
)
def test_an_address_that_can_never_be_told_is_refused(address: str, said: str) -> None:
    with pytest.raises(UserMistake, match=said):
        protocol_of(address)


@pytest.mark.parametrize(
    ("address", "protocol"),
    [
        ("https://example.com", "https"),
        ("https://user:word@example.com:8443/told?x=1", "https"),
        ("https://[2001:db8::1]/told", "https"),
        ("http://127.0.0.1:4000/told", "http"),
        ("http://localhost/", "http"),
        (QUEUE, "sqs"),
        ("ada@example.com", "email"),
    ],
)
def test_an_address_is_subscribed_by_its_protocol(address: str, protocol: str) -> None:
    assert protocol_of(address) == protocol


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        ("https://ada:s3cr3t@example.com/notices", "https://ada:****@example.com/notices"),
        ("https://ada:s3@cr:3t@example.com/a:b@c", "https://ada:****@example.com/a:b@c"),
        ("https://:s3cr3t@example.com", "https://:****@example.com"),
        ("HTTPS://ada:s3cr3t@example.com?x=1", "HTTPS://ada:****@example.com?x=1"),
        ("https://ada@example.com/a:b@c", "https://ada@example.com/a:b@c"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("ada@example.com", "ada@example.com"),
        (QUEUE, QUEUE),
    ],
)
def test_a_password_in_an_address_is_not_printed(address: str, printed: str) -> None:
    subscription = Subscription("https", address, None, {})
    assert (subscription.shown_address, subscription.document()["address"]) == (printed, printed)
    assert subscription_columns([subscription])[2].cells == [printed]


@pytest.mark.parametrize(
    "address", ["http://ada:s3cr3t@example.com", "https://ada:s3cr3t@exa mple.com", "https://a:s3cr3t@[x"]
)
def test_a_password_is_not_repeated_by_a_refusal(address: str) -> None:
    with pytest.raises(UserMistake) as refused:
        protocol_of(address)
    assert "s3cr3t" not in str(refused.value)
