"""A table whose items are busy: calls are tried again after pauses, and never at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.config import Config

from chalicelib.aws.table.calls import Addition, Pauses, Table
from chalicelib.core.errors import Throttled
from tests.unit.aws.scripted import Answer, Scripted, scripted_server

ONCE = Config(retries={"total_max_attempts": 1})
KEY = ("JOB#1", "JOB")


class Sleeps:
    """Remembers the pauses that it was asked for, and draws half of each range."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.pauses = Pauses(self.seconds.append, lambda: 0.5)


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def table(script: Scripted, sleeps: Sleeps) -> Table:
    return Table(script.client("dynamodb", ONCE), "table", sleeps.pauses)


def cancelled(code: str) -> Answer:
    reasons = [{"Code": "None"}, {"Code": code}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return Answer(400, json.dumps({"__type": kind, "message": "cancelled", "CancellationReasons": reasons}))


def put(table: Table) -> bool:
    addition = Addition(("MONITOR#m", "HOUR#1"), "ADD #ended :one", {"one": 1})
    return table.put_with(KEY, {"state": "failed"}, "attribute_not_exists(#pk)", None, [addition]).landed


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_met_another_is_tried_again_after_growing_pauses(
    script: Scripted, table: Table, sleeps: Sleeps, code: str
) -> None:
    script.answers += [*(cancelled(code) for _ in range(7)), Answer()]
    assert put(table)
    assert sleeps.seconds == [0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25]


def test_a_transaction_that_meets_others_again_and_again_is_left_for_later(
    script: Scripted, table: Table, sleeps: Sleeps
) -> None:
    script.answers += [cancelled("TransactionConflict") for _ in range(10)]
    with pytest.raises(Throttled, match="others write to the same items"):
        put(table)
    assert (len(script.asked), len(sleeps.seconds)) == (10, 9)
    assert 2 * sum(sleeps.seconds) < 2.7, "also with the longest pauses an invocation has time for its ten messages"


def test_a_transaction_that_goes_through_waits_for_nothing(script: Scripted, table: Table, sleeps: Sleeps) -> None:
    script.answers.append(Answer())
    assert put(table)
    assert sleeps.seconds == []


def test_what_a_busy_table_left_out_of_a_batch_is_asked_for_after_a_pause(
    script: Scripted, table: Table, sleeps: Sleeps
) -> None:
    key = {"pk": {"S": KEY[0]}, "sk": {"S": KEY[1]}}
    left = json.dumps({"Responses": {}, "UnprocessedKeys": {"table": {"Keys": [key]}}})
    script.answers += [Answer(body=left), Answer(body=json.dumps({"Responses": {"table": [key]}}))]
    assert len(table.get_many([KEY])) == 1
    assert sleeps.seconds == [0.01]
    left = json.dumps({"UnprocessedItems": {"table": [{"PutRequest": {"Item": key}}]}})
    script.answers += [Answer(body=left), Answer(body=left), Answer()]
    table.put_many([KEY], {})
    assert sleeps.seconds == [0.01, 0.01, 0.02]


def test_two_processes_pause_for_times_of_their_own() -> None:
    assert Pauses().draw() != Pauses().draw()


def test_a_note_asks_for_nothing_of_the_item(script: Scripted, table: Table) -> None:
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    script.answers += [Answer(), Answer(400, json.dumps({"__type": kind, "message": "no"}))]
    for _ in range(2):
        table.note_if(KEY, "SET #last_used_at_ms = :now", "attribute_exists(#pk)", {"now": 1})
    for asked in script.asked:
        assert asked["ReturnValues"] == "NONE"
        assert "ReturnValuesOnConditionCheckFailure" not in asked
