"""Lines and batches."""

from __future__ import annotations

import pytest

from batchwright.local.batch.logs import BATCH_BYTES, BATCH_EVENTS, LINE_BYTES, LineBuffer, log_group, stream_name
from chalicelib.core.batch.log_location import LOG_GROUP


def texts(buffer: LineBuffer) -> list[str]:
    return [line.text for batch in buffer.take() for line in batch]


def test_a_line_arrives_whole_however_it_was_written() -> None:
    buffer = LineBuffer()
    buffer.feed(b"fir", 1)
    assert texts(buffer) == []
    buffer.feed(b"st\r\nsecond\n\nthi", 2)
    assert texts(buffer) == ["first", "second"]
    buffer.feed("rd caf\u00e9".encode(), 3)
    buffer.finish(4)
    assert texts(buffer) == ["third caf\u00e9"]


def test_bytes_that_are_no_text_do_not_stop_the_log() -> None:
    buffer = LineBuffer()
    buffer.feed(b"\xff\xfe ok\n", 1)
    assert texts(buffer) == ["\ufffd\ufffd ok"]


def test_an_endless_line_is_cut() -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * (2 * LINE_BYTES + 10), 1)
    buffer.finish(2)
    assert [len(text) for text in texts(buffer)] == [LINE_BYTES, LINE_BYTES, 10]


def test_a_batch_stays_within_what_cloudwatch_takes() -> None:
    buffer = LineBuffer()
    buffer.feed(b"short\n" * (BATCH_EVENTS + 1), 1)
    buffer.feed((b"y" * 200_000 + b"\n") * 6, 2)
    batches = buffer.take()
    assert sum(len(batch) for batch in batches) == BATCH_EVENTS + 7
    assert all(len(batch) <= BATCH_EVENTS for batch in batches)
    assert all(sum(line.size_bytes for line in batch) <= BATCH_BYTES for batch in batches)


def test_the_stream_is_named_as_batch_does() -> None:
    assert stream_name({}, "d" * 300, "t1") == f"{'d' * 200}/default/t1"


@pytest.mark.parametrize(
    ("configuration", "group", "stream"),
    [
        ({}, LOG_GROUP, "films/default/t1"),
        ({"logDriver": "awslogs"}, LOG_GROUP, "films/default/t1"),
        ({"logDriver": "awslogs", "options": {"awslogs-group": "/films/jobs"}}, "/films/jobs", "films/default/t1"),
        ({"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "nightly"}}, LOG_GROUP, "nightly/default/t1"),
        ({"logDriver": "json-file", "options": {"awslogs-group": "/films/jobs"}}, LOG_GROUP, "films/default/t1"),
    ],
)
def test_a_definition_may_name_the_group_and_the_beginning_of_the_stream(
    configuration: dict[str, object], group: str, stream: str
) -> None:
    container = {"logConfiguration": configuration} if configuration else {}
    assert (log_group(container), stream_name(container, "films", "t1")) == (group, stream)
