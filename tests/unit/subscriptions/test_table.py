"""Who is subscribed, on terminals in which an ARN has no room: it is never broken, for it is copied."""

from __future__ import annotations

import pytest

from batchwright.subscriptions.listing import Subscription
from batchwright.subscriptions.table import subscription_columns
from batchwright.terminal.tables import table_lines

ARN = "arn:aws:sqs:us-east-1:111122223333:batchwright-notices-of-the-data-platform"
TOPIC = "arn:aws:sns:us-east-1:111122223333:batchwright"
FOUND = [
    Subscription("sqs", ARN, f"{TOPIC}:0123abcd", {"kind": ("run_failed", "run_late", "task_failed")}),
    Subscription("email", "ada@example.com", None, {}),
]


@pytest.mark.parametrize("width", [60, 80, 120, None])
def test_an_address_stands_whole_in_one_line(width: int | None) -> None:
    lines = [line.plain for line in table_lines(subscription_columns(FOUND), width)]
    assert sum(ARN in line for line in lines) == 1
    assert not any(line.endswith(" ") for line in lines)


def test_on_a_narrow_terminal_each_is_a_block() -> None:
    lines = [line.plain for line in table_lines(subscription_columns(FOUND), 80)]
    assert lines[:4] == [
        "id       0123abcd",
        "by       sqs",
        f"address  {ARN}",
        "hears    kind run_failed or run_late or task_failed",
    ]
    assert lines[4:6] == ["", "id       not confirmed"]
