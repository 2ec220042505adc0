"""The commands port and the inbox port, on every queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.aws.sqs import SqsCommands, SqsInbox
from chalicelib.core.chain import BEGINNING, Chain
from chalicelib.core.errors import Defect, TryAgain
from tests.contract import servers
from tests.contract.queues import Delivery, InMemory, OnSqs, Queue


@pytest.fixture(params=["memory", "moto", "ministack"])
def queue(request: pytest.FixtureRequest, fresh: str) -> Iterator[Queue]:
    match request.param:
        case "memory":
            yield InMemory()
        case "moto":
            with mock_aws():
                yield OnSqs(servers.client("sqs"), fresh)
        case "ministack":
            stack = request.getfixturevalue("ministack")
            yield OnSqs(servers.client("sqs", stack.endpoint_url), fresh)


def receive_all(queue: Queue, expected: int) -> list[Delivery]:
    """Receive until that many came; SQS may give fewer at a time than there are."""
    received: list[Delivery] = []
    while len(received) < expected:
        more = queue.receive_now()
        assert more, f"only {len(received)} of {expected} messages came"
        received += more
    return received


def test_what_was_sent_is_received(queue: Queue) -> None:
    bodies = [f'{{"number":{number},"title":"Amélie"}}' for number in range(25)]
    queue.commands.send(bodies)
    received = receive_all(queue, 25)
    assert sorted(delivery.body for delivery in received) == sorted(bodies)
    assert {delivery.receive_count for delivery in received} == {1}


def test_a_message_is_in_the_backlog_until_it_is_deleted(queue: Queue) -> None:
    assert queue.backlog.waiting() == 0
    queue.commands.send_timers([("seen", 0), ("delayed", 900)])
    assert queue.backlog.waiting() == 2
    [delivery] = queue.receive_now()
    assert queue.backlog.waiting() == 2, "one is in somebody's hands, and one is delayed"
    queue.inbox.delete([delivery.receipt_handle])
    assert queue.backlog.waiting() == 1


def test_a_message_brings_the_chain_by_which_it_came(queue: Queue) -> None:
    chains = [BEGINNING, Chain(1), Chain(7, 1_700_000_000_123)]
    for chain in chains:
        queue.commands.send([str(chain)], chain=chain)
    received = receive_all(queue, 3)
    assert {delivery.body: delivery.chain for delivery in received} == {str(chain): chain for chain in chains}


def test_timers_come_each_after_its_own_delay(queue: Queue) -> None:
    queue.commands.send_timers([("now", 0), ("later", 1)])
    assert [delivery.body for delivery in queue.receive_now()] == ["now"]
    assert [delivery.body for delivery in queue.receive_later()] == ["later"]


def test_sending_nothing_sends_nothing(queue: Queue) -> None:
    queue.commands.send([])
    assert queue.count() == 0


def test_large_messages_are_sent_in_several_calls(queue: Queue) -> None:
    bodies = [letter * 100_000 for letter in "abcdef"]
    queue.commands.send(bodies)
    assert sorted(delivery.body for delivery in receive_all(queue, 6)) == bodies


def test_a_delayed_message_comes_after_its_delay(queue: Queue) -> None:
    # Measured from before the sending, so that a slow machine cannot make the wait look short.
    began = queue.seconds()
    queue.commands.send(["later"], delay_seconds=1)
    [delivery] = queue.receive_later()
    assert (delivery.body, delivery.receive_count) == ("later", 1)
    assert queue.seconds() - began >= 0.99


def test_the_longest_delay_is_taken(queue: Queue) -> None:
    queue.commands.send(["later"], delay_seconds=900)
    assert queue.receive_now() == []
    assert queue.count() == 1


@pytest.mark.parametrize("delay_seconds", [-1, 901])
def test_a_delay_that_sqs_does_not_take_is_a_defect(queue: Queue, delay_seconds: int) -> None:
    with pytest.raises(Defect, match=str(delay_seconds)):
        queue.commands.send(["later"], delay_seconds=delay_seconds)
    assert queue.count() == 0


def test_a_received_message_is_invisible_to_others_until_it_is_put_back(queue: Queue) -> None:
    queue.commands.send(["once"])
    [first] = queue.receive_now()
    assert queue.receive_now() == []
    queue.inbox.postpone(first.receipt_handle, 0)
    [second] = queue.receive_now()
    assert (second.body, second.receive_count) == ("once", 2)


def test_a_postponed_message_comes_back_after_that_time(queue: Queue) -> None:
    queue.commands.send(["once"])
    [first] = queue.receive_now()
    began = queue.seconds()
    queue.inbox.postpone(first.receipt_handle, 1)
    [second] = queue.receive_later()
    assert second.receive_count == 2
    assert queue.seconds() - began >= 0.99


def test_deleted_messages_are_gone_and_the_others_stay(queue: Queue) -> None:
    queue.commands.send([str(number) for number in range(25)])
    received = receive_all(queue, 25)
    kept = received.pop()
    queue.inbox.delete([delivery.receipt_handle for delivery in received])
    assert queue.count() == 1
    queue.inbox.postpone(kept.receipt_handle, 0)
    assert [delivery.body for delivery in queue.receive_now()] == [kept.body]


def test_deleting_nothing_deletes_nothing(queue: Queue) -> None:
    queue.commands.send(["once"])
    queue.inbox.delete([])
    assert queue.count() == 1


def test_deleting_twice_is_deleting_once(queue: Queue) -> None:
    queue.commands.send(["once"])
    [delivery] = queue.receive_now()
    queue.inbox.delete([delivery.receipt_handle])
    queue.inbox.delete([delivery.receipt_handle])
    assert queue.count() == 0


def test_postponing_a_deleted_message_does_not_matter(queue: Queue) -> None:
    queue.commands.send(["once"])
    [delivery] = queue.receive_now()
    queue.inbox.delete([delivery.receipt_handle])
    queue.inbox.postpone(delivery.receipt_handle, 5)
    assert queue.count() == 0


def test_a_queue_that_cannot_be_reached_says_try_again() -> None:
    client = servers.client("sqs", "http://127.0.0.1:9", total_tries=1)
    with pytest.raises(TryAgain, match="SendMessageBatch"):
        SqsCommands(client, "http://127.0.0.1:9/0/nowhere").send(["once"])
    inbox = SqsInbox(client, "http://127.0.0.1:9/0/nowhere")
    with pytest.raises(TryAgain, match="DeleteMessageBatch"):
        inbox.delete(["handle"])
    with pytest.raises(TryAgain, match="ChangeMessageVisibility"):
        inbox.postpone("handle", 5)


def test_no_message_can_be_postponed_for_longer_than_sqs_allows(queue: Queue) -> None:
    queue.commands.send(["once"])
    [delivery] = queue.receive_now()
    with pytest.raises(Defect, match="43201"):
        queue.inbox.postpone(delivery.receipt_handle, 43_201)
