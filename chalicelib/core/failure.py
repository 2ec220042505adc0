"""The classes of failures: what a job died of.

Owns the classes. batch/classify.py finds the class of a job. What a class is worth trying again for is the policy's
(`plan/retry.py`).
"""

from __future__ import annotations

from enum import StrEnum


class FailureClass(StrEnum):
    """What a job died of."""

    CANCELLED = "cancelled"
    """Somebody cancelled or terminated it, we or an operator. Never retried."""
    QUEUE_TIME_LIMIT = "queue_time_limit"
    """The queue's own limit on the time in RUNNABLE cancelled it."""
    TIMEOUT = "timeout"
    """It ran longer than its time-out."""
    SPOT = "spot"
    """Its host went away: a Spot interruption, or any other end of the instance."""
    OUT_OF_MEMORY = "out_of_memory"
    """It was killed for its memory; surely by the reason, probably by exit code 137."""
    IMAGE_PULL = "image_pull"
    """Its image could not be pulled for now: a registry that is busy or out of reach, a full disk."""
    IMAGE_MISSING = "image_missing"
    """Its image is not there or not for us; another try would find the same."""
    MISCONFIGURED = "misconfigured"
    """Its container cannot start as the job describes it: no such program, log group or secret. Another try would find
    the same."""
    START_FAILURE = "start_failure"
    """The container did not start, or the agent lost sight of it."""
    DEPENDENCY = "dependency"
    """A job that it depends on failed; of an array, one of its children."""
    APPLICATION = "application"
    """The program ended with an exit code other than 0."""
    REFUSED = "refused"
    """Batch refused the submission; there was no job."""
    UNKNOWN = "unknown"
    """Nothing of the above: above all a job without an exit code and without a reason that says more."""


INFRASTRUCTURE = frozenset({FailureClass.SPOT, FailureClass.IMAGE_PULL, FailureClass.START_FAILURE})
"""Failures that say nothing about the program; they are retried unless the policy says otherwise."""

NEVER_RETRIED = frozenset({FailureClass.CANCELLED})
"""What somebody ended on purpose stays ended, whatever the policy."""

OUR_REASON_PREFIX = "batchwright: "
"""What the reasons begin with that we give when we terminate a job."""
