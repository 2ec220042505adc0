"""How import_part.py calls the table, and what it does when the table is busy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from films import Film, MovieRatingsError, table_item
from import_part import LONGEST_PAUSE_SECONDS, TRIES, batches, write_batch

Requests = list[dict[str, Any]]


def films(count: int) -> list[Film]:
    return [Film(n, f"Film {n}", 1990, 90, Decimal(5), 5, ()) for n in range(1, count + 1)]


class BusyTable:
    """Takes `room` requests a call and hands back the others, as BatchWriteItem does."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: Requests = []
        self.calls: list[int] = []

    def send(self, requests: Requests) -> Requests:
        self.calls.append(len(requests))
        self.taken += requests[: self.room]
        return requests[self.room :]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (25, [25]), (26, [25, 1]), (60, [25, 25, 10])])
def test_a_batch_is_as_large_as_a_call_may_be(count: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(films(count))] == sizes


def test_the_batches_hold_every_film_once() -> None:
    items = [request["PutRequest"]["Item"] for batch in batches(films(60)) for request in batch]
    assert items == [table_item(film) for film in films(60)]


def test_what_a_busy_table_leaves_over_is_sent_again_and_nothing_else() -> None:
    (requests,) = batches(films(25))
    table, pauses = BusyTable(room=10), []
    write_batch(table.send, requests, pauses.append)
    assert table.calls == [25, 15, 5]
    assert table.taken == requests
    assert len(pauses) == 2


def test_a_table_with_room_is_called_once_and_nobody_waits() -> None:
    (requests,) = batches(films(25))
    table, pauses = BusyTable(room=25), []
    write_batch(table.send, requests, pauses.append)
    assert (table.calls, pauses) == ([25], [])


def test_the_pauses_grow_up_to_the_longest_and_then_the_import_gives_up() -> None:
    (requests,) = batches(films(3))
    table, pauses = BusyTable(room=0), []
    with pytest.raises(MovieRatingsError, match="the table did not take 3 films in 10 tries"):
        write_batch(table.send, requests, pauses.append)
    assert len(table.calls) == TRIES
    assert pauses[0] <= 0.05
    assert all(later > earlier for earlier, later in zip(pauses[:5:2], pauses[2:7:2], strict=True))
    assert 0.5 * LONGEST_PAUSE_SECONDS <= pauses[-1] <= LONGEST_PAUSE_SECONDS
