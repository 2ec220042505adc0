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
    """One client a service; `batch_submit` tries every call once. That for schedules is made by
    who changes some."""

    dynamodb: Any
    sqs: Any
    sns: Any
    batch: Any
    batch_submit: Any
    scheduler: Callable[[], Any]


def clients() -> Clients:
    """Clients from boto3's own environment: credentials, region, endpoints."""
    session = boto3.session.Session()
    return Clients(
        dynamodb=session.client("dynamodb"),
        sqs=session.client("sqs"),
        sns=session.client("sns"),
        batch=session.client("batch"),
        batch_submit=session.client("batch", config=submit_config()),
        scheduler=partial(session.client, "scheduler"),
    )
