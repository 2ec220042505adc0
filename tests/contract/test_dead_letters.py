"""The dead letters port, on every queue: what is put there is there, with all that was said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws.dead_letters import SqsDeadLetters
from chalicelib.core.errors import TryAgain
from chalicelib.ports.services import DeadLetters
from tests.contract import servers
from tests.memory.queue import DeadLetter, MemoryDeadLetters

Place = tuple[DeadLetters, Callable[[], list[DeadLetter]]]


def in_memory() -> Place:
    dead = MemoryDeadLetters()
    return dead, lambda: list(dead.letters)


def on_sqs(client: Any, name: str) -> Place:
    url = client.create_queue(QueueName=name)["QueueUrl"]

    def read() -> list[DeadLetter]:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return [as_put(message) for message in answer.get("Messages", ())]

    return SqsDeadLetters(client, url, "events"), read


def as_put(message: dict[str, Any]) -> DeadLetter:
    attributes = {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}
    assert attributes["queue"] == "events"
    sent, first = (attributes.get(name) for name in ("sent_at_ms", "first_received_at_ms"))
    return DeadLetter(
        message["Body"],
        attributes.get("reason", ""),
        int(attributes["receive_count"]),
        int(sent) if sent else None,
        int(first) if first else None,
    )


@pytest.fixture(params=["memory", "moto", "ministack"])
def place(request: pytest.FixtureRequest, fresh: str) -> Iterator[Place]:
    match request.param:
        case "memory":
            yield in_memory()
        case "moto":
            with mock_aws():
                yield on_sqs(servers.client("sqs"), fresh)
        case "ministack":
            yield on_sqs(servers.client("sqs", request.getfixturevalue("ministack").endpoint_url), fresh)


def test_a_dead_letter_keeps_its_body_its_reason_its_receipts_and_its_times(place: Place) -> None:
    dead, read = place
    dead.put('{"title":"Amélie"}', "not a readable event: …", 5, sent_at_ms=1_000, first_received_at_ms=2_000)
    assert read() == [DeadLetter('{"title":"Amélie"}', "not a readable event: …", 5, 1_000, 2_000)]


def test_times_that_are_not_known_are_left_out(place: Place) -> None:
    dead, read = place
    dead.put("not json", "no JSON", 6)
    assert read() == [DeadLetter("not json", "no JSON", 6, None, None)]


def test_an_empty_reason_is_none(place: Place) -> None:
    dead, read = place
    dead.put("not json", "", 5)
    assert [letter.reason for letter in read()] == [""]


def test_a_reason_that_the_service_cannot_hold_is_held_all_the_same(place: Place) -> None:
    dead, read = place
    dead.put("not json", "not \x00, \x1b, \ud800 or \ufffe", 5)
    [letter] = read()
    assert letter.reason.startswith("not ")
    assert len(letter.reason) == len("not ., ., . or .")


def test_putting_a_message_twice_keeps_it_twice(place: Place) -> None:
    dead, read = place
    for _ in range(2):
        dead.put("not json", "no JSON", 5)
    assert len(read()) == 2


def test_a_queue_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("sqs", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain, match="SendMessage"):
        SqsDeadLetters(client, "http://127.0.0.1:9/0/nowhere", "events").put("not json", "no JSON", 5)
