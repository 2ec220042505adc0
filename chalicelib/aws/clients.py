"""The boto3 clients of a process. They are built here once, on request, and passed in everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.aws.batch import submit_config

TELL_CONNECT_SECONDS = 2
TELL_READ_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Clients:
    """One client a service; `batch_submit` tries every call once, and so do those that tell: `sns`, and what
    `make_events`, `make_run_queues`, `make_logs_of_notices` and `make_batch_of_notices` make. Those that few ask are
    made by whom they are of use to."""

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


def telling_config() -> Config:
    """The configuration of the clients that tell of runs: one try, and waits that are short. An invocation handles ten
    messages in 60 seconds, and each may have something to tell to a service that hangs; whatever tells is tried again
    with its message."""
    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=TELL_CONNECT_SECONDS,
        read_timeout=TELL_READ_SECONDS,
    )


def clients(session: Any = None) -> Clients:
    """The clients of a session; without one, from boto3's own environment: credentials, region, endpoints."""
    session = session or boto3.session.Session()
    telling = telling_config()
    return Clients(
        dynamodb=session.client("dynamodb"),
        sqs=session.client("sqs"),
        sns=session.client("sns", config=telling),
        batch=session.client("batch"),
        batch_submit=session.client("batch", config=submit_config()),
        make_run_queues=partial(session.client, "sqs", config=telling),
        make_logs=partial(session.client, "logs"),
        make_logs_of_notices=partial(session.client, "logs", config=telling),
        make_batch_of_notices=partial(session.client, "batch", config=telling),
        make_scheduler=partial(session.client, "scheduler"),
        make_events=partial(session.client, "events", config=telling),
        make_secrets=partial(session.client, "secretsmanager"),
        make_ssm=partial(session.client, "ssm"),
    )
