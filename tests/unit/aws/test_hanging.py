"""Services that take a request in and never answer: what tells of runs gives up long before its function must."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest

from chalicelib.aws.clients import clients
from chalicelib.core.errors import TryAgain
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import Notice
from chalicelib.core.run.bus_events import Change, ChangeType
from chalicelib.wiring import EVENT_BUS, VARIABLES, wire

FUNCTION_SECONDS = 60
MESSAGES = 10
"""How many an invocation of on_events takes. They are tried together once, then each by itself."""
NOTICE = Notice(
    notice_id="films-1/0/failed",
    kind=NoticeKind.RUN_FAILED,
    stage="dev",
    subject="films",
    at_ms=5_000,
    thread="films-1",
)
CHANGE = Change(
    change_id="films-1/0/failed",
    change_type=ChangeType.RUN,
    stage="dev",
    workflow="films",
    run_id="films-1",
    epoch=0,
    state="failed",
    at_ms=5_000,
)


@pytest.fixture
def endpoint_url() -> Iterator[str]:
    """A server that the system connects to, and that never reads."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def telling(endpoint_url: str) -> dict[str, Callable[[], Any]]:
    """What tells, each at that service."""

    class Session:
        def client(self, service: str, config: Any = None) -> Any:
            session = boto3.session.Session("local", "local", region_name="us-east-1")
            return session.client(service, endpoint_url=endpoint_url, config=config)

    environment = dict.fromkeys(VARIABLES, "arn:aws:x:us-east-1:000000000000:x")
    world = wire({**environment, EVENT_BUS: "default"}, clients(Session())).world
    assert world.changes is not None and world.logs is not None
    return {
        "the topic": partial(world.notices.publish, NOTICE),
        "a run's own queue": partial(world.notices.send, NOTICE, "batchwright-notices-mine"),
        "the bus": partial(world.changes.tell, [CHANGE] * 30),
        "logs": partial(world.logs.tail, "films/1", 10),
    }


def test_a_service_that_hangs_says_try_again_while_there_is_time_for_ten_messages(endpoint_url: str) -> None:
    found: dict[str, tuple[float, type]] = {}

    def tell(name: str, ask: Callable[[], Any]) -> None:
        began = time.monotonic()
        try:
            ask()
        except Exception as error:
            found[name] = time.monotonic() - began, type(error)

    threads = [threading.Thread(target=tell, args=one, daemon=True) for one in telling(endpoint_url).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=FUNCTION_SECONDS / (MESSAGES + 1))
    assert not any(thread.is_alive() for thread in threads)
    assert len(found) == len(threads)
    assert all(seconds > 1 and issubclass(kind, TryAgain) for seconds, kind in found.values()), found
