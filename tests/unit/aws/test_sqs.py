"""SQS answers for each entry of a batch on its own: what that means."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.config import Config

from chalicelib.aws.sqs import SqsCommands, SqsInbox
from chalicelib.core.chain import BEGINNING, HOPS, WAITS_SINCE_MS, Chain
from chalicelib.core.errors import Throttled, TryAgain
from tests.unit.aws.scripted import Answer, Scripted, scripted_server

ONCE = Config(retries={"total_max_attempts": 1})
URL = "http://127.0.0.1/000000000000/commands"


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def commands(script: Scripted) -> SqsCommands:
    return SqsCommands(script.client("sqs", ONCE), URL)


@pytest.fixture
def inbox(script: Scripted) -> SqsInbox:
    return SqsInbox(script.client("sqs", ONCE), URL)


def refused(code: str) -> Answer:
    """An error as SQS sends it: named in the body, and for older clients once more in a header."""
    return Answer(
        400, json.dumps({"__type": f"com.amazonaws.sqs#{code}"}), query_error=f"AWS.SimpleQueueService.{code}"
    )


def failed(code: str) -> Answer:
    entry = {"Id": "1", "Code": code, "Message": "told to fail", "SenderFault": False}
    return Answer(body=json.dumps({"Successful": [], "Failed": [entry]}))


def test_a_message_that_did_not_get_there_says_try_again(script: Scripted, commands: SqsCommands) -> None:
    script.answers.append(failed("InternalError"))
    with pytest.raises(TryAgain, match="InternalError: told to fail"):
        commands.send(["a", "b"])


def test_ten_messages_go_in_a_call_with_their_delay(script: Scripted, commands: SqsCommands) -> None:
    script.answers += [Answer()] * 3
    commands.send([str(number) for number in range(23)], delay_seconds=7)
    assert [len(asked["Entries"]) for asked in script.asked] == [10, 10, 3]
    assert {entry["DelaySeconds"] for asked in script.asked for entry in asked["Entries"]} == {7}


def test_timers_go_in_one_call_each_with_its_own_delay(script: Scripted, commands: SqsCommands) -> None:
    script.answers.append(Answer())
    commands.send_timers([("a", 3), ("b", 900)])
    assert [entry["DelaySeconds"] for entry in script.asked[0]["Entries"]] == [3, 900]


def test_a_message_says_by_which_chain_it_comes_and_one_that_begins_a_chain_says_nothing(
    script: Scripted, commands: SqsCommands
) -> None:
    script.answers += [Answer()] * 3
    for chain in (BEGINNING, Chain(3), Chain(4, 1_700_000_000_000)):
        commands.send(["a"], chain=chain)
    sent = [asked["Entries"][0].get("MessageAttributes") for asked in script.asked]
    hops = {"DataType": "Number", "StringValue": "3"}
    assert sent == [None, {HOPS: hops}, {HOPS: hops | {"StringValue": "4"}, WAITS_SINCE_MS: sent[2][WAITS_SINCE_MS]}]
    assert sent[2][WAITS_SINCE_MS] == {"DataType": "Number", "StringValue": "1700000000000"}


def test_a_message_that_was_not_deleted_says_try_again(script: Scripted, inbox: SqsInbox) -> None:
    script.answers.append(failed("InternalError"))
    with pytest.raises(TryAgain, match="DeleteMessageBatch"):
        inbox.delete(["a", "b"])


def test_a_stale_handle_does_not_matter(script: Scripted, inbox: SqsInbox) -> None:
    script.answers += [
        failed("ReceiptHandleIsInvalid"),
        refused("ReceiptHandleIsInvalid"),
        refused("MessageNotInflight"),
    ]
    inbox.delete(["a", "b"])
    inbox.postpone("a", 5)
    inbox.postpone("a", 5)
    assert len(script.asked) == 3


def test_throttling_is_told_as_such(script: Scripted, commands: SqsCommands, inbox: SqsInbox) -> None:
    script.answers += [refused("RequestThrottled")] * 2
    with pytest.raises(Throttled):
        commands.send(["a"])
    with pytest.raises(Throttled):
        inbox.postpone("a", 5)
