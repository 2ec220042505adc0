"""What the submission of an attempt asked Batch for, as its record holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.job_request import job_request
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.records import TaskRecord


def requested_of(plan: Plan, record: TaskRecord, params: Mapping[str, Any]) -> Requested | None:
    """What the request of a record's attempt asks for; None when it cannot be rendered.

    A record of an earlier version does not hold it, so that one's request is rendered again.
    """
    if record.requested is not None:
        return record.requested
    try:
        return job_request(plan, record.attempt, params=params, past=record.past).requested
    except UserMistake:
        return None
