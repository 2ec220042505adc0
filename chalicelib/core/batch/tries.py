"""The tries of a job inside Batch, by its own retryStrategy, as a job's document tells those that ended.

Owns which fields of a try are kept. `document.py` knows where a document has them. An odd value is taken as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.batch.document import end_of_try, job_tries
from chalicelib.core.batch.lenient import number
from chalicelib.core.batch.result import JobTry

TRIES_KEPT = 10
"""Batch tries a job ten times at most."""
TRY_REASON_CHARACTERS = 256
LOG_STREAM_CHARACTERS = 512
_TIME_MAXIMUM_MS = 10**15
_COUNT_MAXIMUM = 10**12


def read_tries(detail: Mapping[str, Any]) -> tuple[JobTry, ...]:
    """The tries of a job that ended, the last of them if they are many, oldest first."""
    return tuple(_try(detail, one) for one in job_tries(detail)[-TRIES_KEPT:])


def _try(detail: Mapping[str, Any], told: Mapping[str, Any]) -> JobTry:
    end = end_of_try(detail, told)
    reasons = (end.reason, *end.status_reasons)
    code = end.exit_code
    return JobTry(
        started_at_ms=time_in(told.get("startedAt")),
        stopped_at_ms=time_in(told.get("stoppedAt")),
        exit_code=code if code is not None and abs(code) <= _COUNT_MAXIMUM else None,
        reason=text_in("; ".join(one for one in reasons if one), TRY_REASON_CHARACTERS),
        log_stream=text_in(end.log_stream, LOG_STREAM_CHARACTERS),
    )


def text_in(value: object, characters: int) -> str | None:
    """A text that is not empty, cut, and without what UTF-8 cannot hold."""
    if not isinstance(value, str) or not value:
        return None
    return value[:characters].encode(errors="replace").decode()


def time_in(value: object) -> int | None:
    """A time in milliseconds, or None for what cannot be one."""
    found = number(value)
    return found if found is not None and 0 <= found <= _TIME_MAXIMUM_MS else None
