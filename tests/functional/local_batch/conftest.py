"""One local Batch for most tests; tests that need other switches start their own with `start_batch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.batch.client import LocalBatch
from batchwright.local.ministack import MiniStack

from .account import BatchAccount, EventQueue, Gate, aws_client

StartBatch = Callable[..., LocalBatch]


def new_queue(sqs: Any, name: str) -> EventQueue:
    return EventQueue(sqs, sqs.create_queue(QueueName=name)["QueueUrl"])


@pytest.fixture(scope="session")
def sqs(ministack: MiniStack) -> Any:
    return aws_client("sqs", ministack.endpoint_url)


@pytest.fixture(scope="session")
def logs(ministack: MiniStack) -> Any:
    return aws_client("logs", ministack.endpoint_url)


@pytest.fixture(scope="session")
def events(sqs: Any) -> EventQueue:
    """The events of the shared server."""
    return new_queue(sqs, "local-batch-events")


@pytest.fixture(scope="session")
def local_batch(
    ministack: MiniStack, events: EventQueue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalBatch]:
    """The shared server: no faults, and times short enough to wait for."""
    folder = tmp_path_factory.mktemp("local-batch")
    arguments = [
        *("--aws-endpoint-url", ministack.endpoint_url, "--events-queue-url", events.queue_url),
        *("--kill-grace-seconds", "0.5", "--minimum-timeout-seconds", "1"),
        *("--job-environment", "FROM_SERVER=yes", "--job-environment", "OVERRIDDEN=server"),
    ]
    with LocalBatch(folder / "work", folder / "batch.log", arguments, ministack.environment()) as server:
        yield server


@pytest.fixture
def account(local_batch: LocalBatch) -> BatchAccount:
    return BatchAccount(local_batch.endpoint_url)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
def start_batch(ministack: MiniStack, tmp_path: Path) -> Iterator[StartBatch]:
    """Starts a server with the given arguments; it ends with the test."""
    with ExitStack() as servers:

        def start(*arguments: str, **variables: str) -> LocalBatch:
            given = ["--aws-endpoint-url", ministack.endpoint_url, *arguments]
            environment = {**ministack.environment(), **variables}
            server = LocalBatch(tmp_path / "work", tmp_path / "batch.log", given, environment)
            return servers.enter_context(server)

        yield start
