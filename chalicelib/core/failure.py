"""The classes of failures: what a job died of.

Owns the classes. batch/classify.py finds the class of a job. What a class is worth trying again for is the policy's
(`plan/retry.py`).
"""

from __future__ import annotations

from enum import StrEnum


class FailureClass(StrEnum):
    """What a job died of."""

    CANCELLED = "cancelled"
    """Somebody cancelled or terminated the job. Never retried, so `retry.on` cannot name it."""
    QUEUE_TIME_LIMIT = "queue_time_limit"
    """The queue's own limit on the time in RUNNABLE: `Canceled by JobStateTimeLimit action ...`."""
    TIMEOUT = "timeout"
    """`Job attempt duration exceeded timeout`. The exit code may be 137."""
    SPOT = "spot"
    """Its host was lost: `Host EC2 ...`, `Your Spot Task was interrupted`. Infrastructure."""
    OUT_OF_MEMORY = "out_of_memory"
    """`OutOfMemoryError` or `OOMKilled`; also exit code 137 without a reason that says more."""
    IMAGE_PULL = "image_pull"
    """Any other `CannotPull...`, such as a time-out or a full disk. It may pass. Infrastructure."""
    IMAGE_MISSING = "image_missing"
    """`CannotPull...` with `not found`, `unauthorized`, `denied` and the like. Another try would fail too."""
    MISCONFIGURED = "misconfigured"
    """No such program, or a log group or secret that is missing or refused. Another try would fail too."""
    START_FAILURE = "start_failure"
    """Any other failure to start the container, or of the agent. Infrastructure."""
    DEPENDENCY = "dependency"
    """`Dependent Job failed`, `Array Child Job failed`: all that Batch says of an array that failed."""
    APPLICATION = "application"
    """The program ended with an exit code other than 0."""
    REFUSED = "refused"
    """Batch refused the submission, so there was no job."""
    UNKNOWN = "unknown"
    """None of the above, such as a job without an exit code and without a known reason."""


INFRASTRUCTURE = frozenset({FailureClass.SPOT, FailureClass.IMAGE_PULL, FailureClass.START_FAILURE})
"""Failures that say nothing about the program; they are retried unless the policy says otherwise."""

NEVER_RETRIED = frozenset({FailureClass.CANCELLED})
"""What somebody ended on purpose stays ended, whatever the policy."""

OUR_REASON_PREFIX = "batchwright: "
"""What the reasons begin with that we give when we terminate a job."""


def failure_words(failure: FailureClass | None, exit_code: int | None, reason: str | None) -> str:
    """Why a job failed: its class, by which retries are declared, and what Batch reports, as in `application: exit code
    3: Essential container in task exited`. Empty if nothing is known."""
    code = None if exit_code is None else f"exit code {exit_code}"
    return ": ".join(filter(None, (failure, code, reason)))
