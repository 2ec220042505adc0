"""The boto3 clients of a process. They are built here once, on request, and passed in everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
import botocore
from botocore.config import Config

from chalicelib.aws.batch import submit_config

TRACE_HEADER = "X-Amzn-Trace-Id"
TELL_CONNECT_SECONDS = 2
TELL_READ_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Clients:
    """One client a service; `batch_submit` tries every call once, and so do those that tell: `sns`, and what
    `make_events`, `make_run_queues`, `make_logs_of_notices` and `make_batch_of_notices` make. Those that few ask are
    made by whom they are of use to. `sqs` and the scheduler's client, by which messages reach our own queues, send no
    lineage (`without_lineage`)."""

    dynamodb: Any
    sqs: Any
    sns: Any
    batch: Any
    batch_submit: Any
    make_run_queues: Callable[[], Any]
    make_logs: Callable[[], Any]
    make_logs_of_notices: Callable[[], Any]
    make_batch_of_notices: Callable[[], Any]
    make_scheduler: Callable[[], Any]
    make_events: Callable[[], Any]
    make_secrets: Callable[[], Any]
    make_ssm: Callable[[], Any]


def sdk_versions() -> str:
    """Which AWS SDK this process runs with."""
    return f"boto3 {boto3.__version__} and botocore {botocore.__version__}"


def telling_config() -> Config:
    """The configuration of the clients that tell of runs: one try, and waits that are short. An invocation handles ten
    messages in 60 seconds, and each may have something to tell to a service that hangs; whatever tells is tried again
    with its message."""
    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=TELL_CONNECT_SECONDS,
        read_timeout=TELL_READ_SECONDS,
    )


def without_lineage(client: Any) -> Any:
    """The client, whose requests do not say which Lambda invocation they come from.

    botocore adds Lambda's trace header to every request. SQS hands it on with the message, and Lambda ends a chain of
    about 16 invocations with one lineage. Our chains are counted and bounded (core/chain.py).
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    client.meta.events.register_last("before-call", _drop_trace_header)
    return client


def _drop_trace_header(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop(TRACE_HEADER, None)


def clients(session: Any = None) -> Clients:
    """The clients of a session; without one, from boto3's own environment: credentials, region, endpoints."""
    session = session or boto3.session.Session()
    telling = telling_config()
    return Clients(
        dynamodb=session.client("dynamodb"),
        sqs=without_lineage(session.client("sqs")),
        sns=session.client("sns", config=telling),
        batch=session.client("batch"),
        batch_submit=session.client("batch", config=submit_config()),
        make_run_queues=partial(session.client, "sqs", config=telling),
        make_logs=partial(session.client, "logs"),
        make_logs_of_notices=partial(session.client, "logs", config=telling),
        make_batch_of_notices=partial(session.client, "batch", config=telling),
        make_scheduler=lambda: without_lineage(session.client("scheduler")),
        make_events=partial(session.client, "events", config=telling),
        make_secrets=partial(session.client, "secretsmanager"),
        make_ssm=partial(session.client, "ssm"),
    )
