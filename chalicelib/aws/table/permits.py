"""Permits to submit, as one item of the table: until when the line of time is taken.

One item, and not one a second: a chunk's permits then need not fit into what a second has left, and nothing is to be
removed later. It is written a few times a second, far from the 1,000 units that a key can take.
"""

from __future__ import annotations

from typing import Any

from chalicelib.aws.table.calls import Key, Outcome, Table
from chalicelib.core.errors import TryAgain
from chalicelib.ports.services import PERMITS_FORGOTTEN_SECONDS

LINE_KEY: Key = ("RATE#submit_job", "LINE")
_TRIES = 5

# Either the line is taken beyond now, and the new stretch is put at its end, or it is not, and begins anew at now.
_TAKEN = "#taken_until_us BETWEEN :now_us AND :latest_us"
_FREE = "attribute_not_exists(#pk) OR #taken_until_us < :now_us OR #taken_until_us > :wrong_us"


class DynamoPermits:
    """The permits of that table. A process remembers the end of the line, as a guess which write will land."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = Table(client, table_name)
        self._guess_us = 0

    def take(self, now_us: int, span_us: int, latest_us: int) -> int | None:
        wrong_us = now_us + PERMITS_FORGOTTEN_SECONDS * 1_000_000
        taken_until_us = self._guess_us
        for _ in range(_TRIES):
            if now_us <= taken_until_us <= wrong_us:
                outcome = self._append(now_us, span_us, latest_us)
            else:
                outcome = self._begin(now_us, span_us, wrong_us)
            # What an item holds that is not there: a line that is free from the first moment on.
            taken_until_us = outcome.item["taken_until_us"] if outcome.item else 0
            self._guess_us = taken_until_us
            if outcome.landed:
                # Also when the write was sent twice: landed twice, the first stretch is wasted; landed once, the item
                # that its repetition met is the one that it left.
                return taken_until_us - span_us
            if latest_us < taken_until_us <= wrong_us:
                return None
        raise TryAgain(f"{_TRIES} others took permits at the same time")

    def _append(self, now_us: int, span_us: int, latest_us: int) -> Outcome:
        values = {"now_us": now_us, "latest_us": latest_us, "span_us": span_us}
        update = "SET #taken_until_us = #taken_until_us + :span_us"
        return self._table.update_if(LINE_KEY, update, _TAKEN, values)

    def _begin(self, now_us: int, span_us: int, wrong_us: int) -> Outcome:
        values = {"now_us": now_us, "wrong_us": wrong_us, "until_us": now_us + span_us}
        return self._table.update_if(LINE_KEY, "SET #taken_until_us = :until_us", _FREE, values)
