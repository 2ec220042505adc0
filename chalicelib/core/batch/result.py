"""How a job ended, as Batch reported it: a frozen value that records, notices and the API show.

Times are milliseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.failure import FailureClass


@dataclass(frozen=True, slots=True)
class JobTry:
    """One try of a job inside Batch that has ended."""

    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job (or one attempt of a task) ended, as Batch told it.

    `failure` is None for a success; and of a result that an earlier version stored, which counts as `unknown`.
    `failed_children` is how many jobs of an array failed, where the job is one. `tries` are those inside Batch, by the
    job definition's own retryStrategy, if there was more than one.
    """

    job_id: str
    succeeded: bool
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    failure: FailureClass | None = None
    failed_children: int | None = None
    tries: tuple[JobTry, ...] = ()
