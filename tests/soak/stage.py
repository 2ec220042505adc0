"""The stage of a soak: a local AWS with several workers, faults on the way of the events, and leases short enough for
its minutes. Owns what is started and that all of it is ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batchwright.local.isolation import client
from batchwright.local.stack import STAGE, Faults, LocalAws
from batchwright.terminal.interrupts import ignored
from chalicelib.wiring import LEASE_SECONDS
from tests.contract import foundation, servers

WORKERS = 3
LEASE = 20  # seconds
"""Invocations of these workers are cut off after far less, so that the owner of an expired claim is dead."""
VISIBILITY_SECONDS = 10
VCPUS = 8
RECEIPTS = 1_000
"""Before the queue itself gives a message up. MiniStack hands messages to the long polls of workers that are dead, so
that here one may be received five times and reach nobody; what a handler fails at five times still goes to the dead
letters."""
FAULTS = {"duplicate": 0.15, "drop": 0.05, "delay_seconds": 2.0, "reorder": True}
_FILMS_ARE = "movie-ratings/movies.zip"


@contextmanager
def local_aws(folder: Path, database: str, seed: int) -> Iterator[LocalAws]:
    """A local AWS whose table is MiniStack's, or dynoxide's on a file."""
    if database == "ministack":
        with _started(folder, seed, None) as aws:
            yield aws
        return
    binary = servers.dynoxide_binary()
    assert binary is not None, "whoever asks for dynoxide has looked whether it is there"
    with servers.dynoxide(binary, folder / "dynoxide.log", folder / "table.db") as endpoint_url:
        dynamodb = servers.client("dynamodb", endpoint_url)
        dynamodb.create_table(**foundation.table_request(f"batchwright-{STAGE}"))
        with _started(folder, seed, endpoint_url) as aws:
            yield aws


@contextmanager
def _started(folder: Path, seed: int, dynamodb_url: str | None) -> Iterator[LocalAws]:
    aws = LocalAws(
        folder,
        faults=Faults(**FAULTS, seed=seed),  # type: ignore[arg-type]
        max_vcpus=VCPUS,
        kill_grace_seconds=2.0,
        workers=WORKERS,
        dynamodb_url=dynamodb_url,
        variables={LEASE_SECONDS: str(LEASE)},
    )
    try:
        aws.start()
        for name in ("EVENTS", "COMMANDS"):
            _hasten(aws, name)
        yield aws
    finally:
        with ignored():
            aws.stop()


def _hasten(aws: LocalAws, name: str) -> None:
    """Let the messages of a worker that was killed come again soon."""
    sqs = client("sqs", aws.environment)
    url = aws.environment[f"BATCHWRIGHT_{name}_QUEUE_URL"]
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"])
    policy["maxReceiveCount"] = RECEIPTS
    attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(policy)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def put_films(aws: LocalAws, archive: bytes) -> None:
    """Put the films' archive where the workflow looks for it."""
    s3 = client("s3", aws.environment)
    s3.put_object(Bucket=aws.environment["BATCHWRIGHT_BUCKET"], Key=_FILMS_ARE, Body=archive)


def messages_in(sqs: Any, url: str) -> int:
    """About how many messages a queue holds, hidden and delayed ones included."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(answer[name]) for name in names)
