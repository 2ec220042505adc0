"""The boto3 clients of a process. They are built here once, on request, and passed in everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3

from chalicelib.aws.batch import submit_config


@dataclass(frozen=True, slots=True)
class Clients:
    """One client a service; `batch_submit` tries every call once. Those that few ask are made by whom they are of
    use to."""

    dynamodb: Any
    sqs: Any
    sns: Any
    batch: Any
    batch_submit: Any
    make_logs: Callable[[], Any]
    make_scheduler: Callable[[], Any]
    make_events: Callable[[], Any]
    make_secrets: Callable[[], Any]
    make_ssm: Callable[[], Any]


def clients(session: Any = None) -> Clients:
    """The clients of a session; without one, from boto3's own environment: credentials, region, endpoints."""
    session = session or boto3.session.Session()
    return Clients(
        dynamodb=session.client("dynamodb"),
        sqs=session.client("sqs"),
        sns=session.client("sns"),
        batch=session.client("batch"),
        batch_submit=session.client("batch", config=submit_config()),
        make_logs=partial(session.client, "logs"),
        make_scheduler=partial(session.client, "scheduler"),
        make_events=partial(session.client, "events"),
        make_secrets=partial(session.client, "secretsmanager"),
        make_ssm=partial(session.client, "ssm"),
    )
