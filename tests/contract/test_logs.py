"""The logs port: what jobs wrote, read forward, from the end, and while it is written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from moto import mock_aws

from batchwright.local.ministack import MiniStack
from chalicelib.aws.logs import CloudWatchLogs
from chalicelib.core.batch.log_location import LOG_GROUP, group_and_stream
from chalicelib.core.errors import UserMistake
from chalicelib.ports.services import Logs
from tests.contract import servers
from tests.memory.logs import MemoryLogs

NOW_MS = time.time_ns() // 1_000_000
"""Moto takes no line that is older than two weeks, nor one of the future."""


class Desk(Protocol):
    """A logs port, and a job's way to write."""

    port: Logs

    def write(self, stream: str, *texts: str) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.port = MemoryLogs()

    def write(self, stream: str, *texts: str) -> None:
        self.port.write(stream, *texts, at_ms=NOW_MS)


class InCloudWatch:
    def __init__(self, client: Any) -> None:
        self.port = CloudWatchLogs(lambda: client)
        self._client = client
        self._streams: set[str] = set()

    def write(self, stream: str, *texts: str) -> None:
        group, name = group_and_stream(stream)
        if stream not in self._streams:
            if group != LOG_GROUP:
                self._client.create_log_group(logGroupName=group)
            self._client.create_log_stream(logGroupName=group, logStreamName=name)
            self._streams.add(stream)
        events = [{"timestamp": NOW_MS, "message": text} for text in texts]
        self._client.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)


@pytest.fixture(params=["memory", "ministack", "moto"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if request.param == "memory":
        yield InMemory()
    elif request.param == "moto":
        with mock_aws():
            client = servers.client("logs")
            client.create_log_group(logGroupName=LOG_GROUP)
            yield InCloudWatch(client)
    else:
        ministack: MiniStack = request.getfixturevalue("ministack")
        client = servers.client("logs", ministack.endpoint_url)
        if not client.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]:
            client.create_log_group(logGroupName=LOG_GROUP)
        yield InCloudWatch(client)


def texts(lines: Any) -> list[str]:
    return [line.text for line in lines.lines]


def test_a_log_is_read_forward_page_by_page(desk: Desk, fresh: str) -> None:
    desk.write(fresh, "one", "two", "three")
    first = desk.port.read(fresh, 2)
    assert [(line.at_ms, line.text) for line in first.lines] == [(NOW_MS, "one"), (NOW_MS, "two")]
    rest = desk.port.read(fresh, 2, token=first.token)
    assert texts(rest) == ["three"]


def test_at_the_end_the_token_stays_and_leads_to_what_is_written_later(desk: Desk, fresh: str) -> None:
    desk.write(fresh, "one")
    first = desk.port.read(fresh, 10)
    end = desk.port.read(fresh, 10, token=first.token)
    assert (end.lines, end.token) == ((), first.token)
    desk.write(fresh, "two")
    assert texts(desk.port.read(fresh, 10, token=end.token)) == ["two"]


def test_the_last_lines_are_followed_by_what_is_written_later(desk: Desk, fresh: str) -> None:
    desk.write(fresh, "one", "two", "three")
    last = desk.port.tail(fresh, 2)
    assert texts(last) == ["two", "three"]
    desk.write(fresh, "four")
    assert texts(desk.port.read(fresh, 10, token=last.token)) == ["four"]


def test_of_a_log_that_nobody_wrote_to_there_is_nothing_yet(desk: Desk, fresh: str) -> None:
    for nothing in (desk.port.read(fresh, 10), desk.port.tail(fresh, 10)):
        assert (nothing.lines, nothing.token) == ((), None)
    desk.write(fresh, "one")
    assert texts(desk.port.read(fresh, 10, token=None)) == ["one"]


def test_a_token_that_is_none_is_a_mistake(desk: Desk, fresh: str) -> None:
    desk.write(fresh, "one")
    with pytest.raises(UserMistake, match="no token of this log"):
        desk.port.read(fresh, 10, token="nonsense")


def test_a_log_in_another_group_is_read_there(desk: Desk, fresh: str) -> None:
    desk.write(f"/films/{fresh}:{fresh}", "one", "two")
    desk.write(fresh, "of the usual group")
    assert texts(desk.port.read(f"/films/{fresh}:{fresh}", 10)) == ["one", "two"]
    assert texts(desk.port.tail(f"/films/{fresh}:{fresh}", 1)) == ["two"]
    assert texts(desk.port.read(f"/films/{fresh}-not-there:{fresh}", 10)) == []
