"""Taking dead letters off their queues: each once, none missed, all given back; and which ones an id means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchwright.dead_letters.queues import DeadLetter, DeadLetterQueue, Held, chosen, held, short_ids
from batchwright.local.ministack import MiniStack
from chalicelib.aws.dead_letters import SqsDeadLetters
from chalicelib.core.errors import UserMistake
from tests.contract import servers

IDS = ["aaaaaaaa-1", "aaaaaaab-2", "bbbbbbbb-3"]
LETTERS = [DeadLetter(one, "events", "{}") for one in IDS]


@pytest.fixture
def queue(ministack: MiniStack, request: pytest.FixtureRequest) -> Iterator[DeadLetterQueue]:
    """Two fresh queues: one for the dead letters, one where they came from."""
    sqs = servers.client("sqs", ministack.endpoint_url)
    name = request.node.name.partition("[")[0][:60]
    dead_url, source_url = (sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in ("dead", "source"))
    yield DeadLetterQueue(sqs, "events", dead_url, source_url, wait_seconds=0)
    for url in (dead_url, source_url):
        sqs.delete_queue(QueueUrl=url)


def put(queue: DeadLetterQueue, number: int) -> None:
    dead = SqsDeadLetters(queue.client, queue.dead_url, "events")
    for place in range(number):
        dead.put(f"body {place}", "a reason", 5, sent_at_ms=1_000 + place, first_received_at_ms=2_000)


def visible(sqs: Any, url: str) -> list[str]:
    """The bodies that anybody could receive now, in the order of their numbers; this takes them."""
    bodies: list[str] = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in more]
    return sorted(bodies, key=lambda body: int(body.split()[1]))


def test_all_are_taken_once_oldest_first_and_given_back(queue: DeadLetterQueue) -> None:
    put(queue, 23)
    bodies = [f"body {place}" for place in range(23)]
    with held([queue]) as taken:
        assert [letter.body for letter in taken.letters] == bodies
        assert {letter.attributes["reason"] for letter in taken.letters} == {"a reason"}
        assert {(letter.first_received_at_ms, letter.receive_count) for letter in taken.letters} == {(2_000, 5)}
        assert visible(queue.client, queue.dead_url) == []
        assert taken.elsewhere_count() == 0
    assert visible(queue.client, queue.dead_url) == bodies


def test_an_interrupted_look_gives_everything_back(queue: DeadLetterQueue) -> None:
    put(queue, 3)
    with pytest.raises(KeyboardInterrupt), held([queue]):
        raise KeyboardInterrupt
    assert len(visible(queue.client, queue.dead_url)) == 3


def test_what_somebody_else_looks_at_is_counted(queue: DeadLetterQueue) -> None:
    put(queue, 3)
    with held([queue]), held([queue]) as second:
        assert second.letters == []
        assert second.elsewhere_count() == 3


def test_what_is_replayed_lies_on_its_source_queue_and_nowhere_else(queue: DeadLetterQueue) -> None:
    put(queue, 13)
    with held([queue]) as taken:
        taken.replay(taken.letters[1:])
        assert taken.moved == 12
    assert visible(queue.client, queue.source_url) == [f"body {place}" for place in range(1, 13)]
    assert visible(queue.client, queue.dead_url) == ["body 0"]


def test_what_is_dropped_lies_nowhere(queue: DeadLetterQueue) -> None:
    put(queue, 3)
    with held([queue]) as taken:
        taken.drop(taken.letters[:2])
        assert taken.moved == 2
    assert visible(queue.client, queue.dead_url) == ["body 2"]
    assert visible(queue.client, queue.source_url) == []


class Repeating(DeadLetterQueue):
    """A queue whose messages become visible again while they are taken."""

    def receive(self) -> list[DeadLetter]:
        self.client.append(None)
        number = len(self.client)
        return [DeadLetter(IDS[min(number, 3) - 1], "events", "{}", receipt_handle=f"receipt {number}")]


def test_what_is_delivered_again_and_again_is_taken_once_with_its_last_handle() -> None:
    taken = Held([Repeating([], "events", "", "", 0)])
    taken.take()
    assert [letter.message_id for letter in taken.letters] == IDS
    assert [letter.receipt_handle for letter in taken.letters] == ["receipt 1", "receipt 2", "receipt 6"]


def test_an_id_may_be_shortened_and_named_twice() -> None:
    assert chosen(LETTERS, ["b", "aaaaaaaa", "bbbb"]) == [LETTERS[2], LETTERS[0]]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("aaaa", "2 dead letters have ids that begin with 'aaaa'; give more of it"),
        ("bbbbbabb", "no dead letter has the id 'bbbbbabb'; did you mean 'bbbbbbbb'?"),
        ("zzz", "no dead letter has the id 'zzz'; `batchwright dead-letters list` shows them"),
        ("", "no dead letter has the id ''; `batchwright dead-letters list` shows them"),
    ],
)
def test_an_id_that_fits_none_or_several_is_a_mistake(wanted: str, says: str) -> None:
    with pytest.raises(UserMistake) as mistake:
        chosen(LETTERS, [wanted])
    assert str(mistake.value) == says


def test_ids_are_shortened_to_what_tells_them_apart() -> None:
    assert short_ids(LETTERS) == ["aaaaaaaa", "aaaaaaab", "bbbbbbbb"]
    assert short_ids([DeadLetter("aaaaaaaa-1", "events", ""), DeadLetter("aaaaaaaa-2", "events", "")]) == [
        "aaaaaaaa-1",
        "aaaaaaaa-2",
    ]
    assert short_ids([]) == []
