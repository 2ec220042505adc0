"""The permits port: a stretch of the line belongs to one taker, whoever asks, in whatever order, however often."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from chalicelib.aws.table.permits import LINE_KEY, DynamoPermits
from chalicelib.ports.services import PERMITS_FORGOTTEN_SECONDS, Permits
from tests.contract.conftest import EVERY_TABLE, SERVERS
from tests.contract.metering import metered
from tests.contract.test_store_lost_answers import Losing, every_write_is_sent_twice
from tests.memory.permits import MemoryPermits

__all__ = ["every_write_is_sent_twice"]

SECOND_US = 1_000_000
CALLERS = 8
# Tests share a server's one line, so each looks at a time of its own, two minutes after the last one's: the line that
# the earlier one left is past.
_begins_us = itertools.count(1_767_225_600 * SECOND_US, 120 * SECOND_US)


@pytest.fixture
def now_us() -> int:
    return next(_begins_us)


@pytest.fixture(params=("memory", *EVERY_TABLE))
def permits(request: pytest.FixtureRequest) -> Permits:
    if request.param == "memory":
        return MemoryPermits()
    return DynamoPermits(*request.getfixturevalue(f"{request.param}_dynamodb"))


def test_the_first_stretch_begins_now_and_the_next_ones_follow_without_a_gap(permits: Permits, now_us: int) -> None:
    latest_us = now_us + SECOND_US
    begins = [permits.take(now_us, span_us, latest_us) for span_us in (500, 20, 7)]
    assert begins == [now_us, now_us + 500, now_us + 520]


def test_what_is_past_is_given_to_nobody(permits: Permits, now_us: int) -> None:
    permits.take(now_us, 100, now_us + SECOND_US)
    later_us = now_us + 10 * SECOND_US
    assert permits.take(later_us, 100, later_us) == later_us


def test_a_stretch_may_begin_at_the_latest_moment_and_not_after_it(permits: Permits, now_us: int) -> None:
    latest_us = now_us + 1_000
    assert permits.take(now_us, 1_000, latest_us) == now_us
    assert permits.take(now_us, 50, latest_us) == latest_us
    assert permits.take(now_us, 50, latest_us) is None
    assert permits.take(now_us, 1, latest_us + 50) == latest_us + 50, "nothing was taken by the one that was refused"


def test_a_clock_that_is_behind_is_given_what_is_free_and_nothing_twice(permits: Permits, now_us: int) -> None:
    permits.take(now_us, 100, now_us)
    behind_us = now_us - 2 * SECOND_US
    assert permits.take(behind_us, 100, behind_us + 3 * SECOND_US) == now_us + 100


def test_a_line_that_a_wrong_clock_drew_far_ahead_begins_anew(permits: Permits, now_us: int) -> None:
    wrong_us = now_us + (PERMITS_FORGOTTEN_SECONDS + 1) * SECOND_US
    assert permits.take(wrong_us, 100, wrong_us) == wrong_us
    assert permits.take(now_us, 100, now_us + SECOND_US) == now_us
    assert permits.take(now_us, 100, now_us + SECOND_US) == now_us + 100


@pytest.mark.parametrize("which", ["memory", *SERVERS])
def test_of_eight_that_take_at_once_none_is_given_what_another_has(
    request: pytest.FixtureRequest, which: str, now_us: int
) -> None:
    shared = MemoryPermits() if which == "memory" else None
    each = [shared or DynamoPermits(*request.getfixturevalue(f"{which}_dynamodb")) for _ in range(CALLERS)]
    barrier = Barrier(CALLERS)

    def take_some(number: int) -> list[tuple[int, int]]:
        barrier.wait(10)
        taken = []
        for place in range(10):
            # Spans and clocks that differ, some of them ahead of the line.
            span_us, ahead_us = 10 + number, 37 * place * (number % 2)
            begin_us = each[number].take(now_us + ahead_us, span_us, now_us + SECOND_US)
            assert begin_us is not None
            taken.append((begin_us, begin_us + span_us))
        return taken

    with ThreadPoolExecutor(CALLERS) as pool:
        stretches = sorted(stretch for taken in pool.map(take_some, range(CALLERS)) for stretch in taken)
    assert len(stretches) == 10 * CALLERS
    assert all(end_us <= begin_us for (_, end_us), (begin_us, _) in itertools.pairwise(stretches))


def test_a_write_whose_answer_was_lost_wastes_at_most_its_stretch(
    dynamodb: tuple[Any, str], every_write_is_sent_twice: Losing, now_us: int
) -> None:
    permits, latest_us = DynamoPermits(*dynamodb), now_us + SECOND_US
    with every_write_is_sent_twice():
        begins = [permits.take(now_us, 100, latest_us) for _ in range(3)]
    begins.append(permits.take(now_us, 100, latest_us))
    # The line begins by a write that lands once; every later one lands twice, and its second stretch counts.
    assert begins == [now_us, now_us + 200, now_us + 400, now_us + 500]


def test_a_write_that_lands_once_and_is_refused_when_repeated_gives_its_stretch(
    dynamodb: tuple[Any, str], every_write_is_sent_twice: Losing, now_us: int
) -> None:
    permits = DynamoPermits(*dynamodb)
    permits.take(now_us, 100, now_us)
    with every_write_is_sent_twice():
        assert permits.take(now_us, 100, now_us + 150) == now_us + 100
        assert permits.take(now_us, 100, now_us + 150) is None


@pytest.mark.parametrize("dynamodb", SERVERS, indirect=True)
def test_taking_costs_one_write_unit_also_when_the_line_is_past(dynamodb: tuple[Any, str], now_us: int) -> None:
    permits = DynamoPermits(*dynamodb)
    permits.take(now_us, 100, now_us)
    with metered(dynamodb[0]) as meter:
        permits.take(now_us, 100, now_us + SECOND_US)
        permits.take(now_us + SECOND_US, 100, now_us + SECOND_US)
    assert meter.calls == [("UpdateItem", 1), ("UpdateItem", 1)]


def test_the_line_is_one_item(dynamodb: tuple[Any, str], now_us: int) -> None:
    client, table_name = dynamodb
    DynamoPermits(client, table_name).take(now_us, 100, now_us)
    item = client.get_item(TableName=table_name, Key={"pk": {"S": LINE_KEY[0]}, "sk": {"S": LINE_KEY[1]}})["Item"]
    assert item.pop("write")["S"]
    assert item == {
        "pk": {"S": "RATE#submit_job"},
        "sk": {"S": "LINE"},
        "taken_until_us": {"N": str(now_us + 100)},
    }
