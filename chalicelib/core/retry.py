"""Whether a failed attempt is followed by another, and when. A decision, made apart from the acting."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.plan import RetryPolicy


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, this many seconds from now."""

    after_seconds: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left: the task has failed."""


def after_failure(policy: RetryPolicy, attempt_number: int) -> Retry | GiveUp:
    """What follows the failure of attempt `attempt_number` (1 is the first)."""
    if attempt_number < policy.attempts:
        return Retry(policy.backoff_seconds)
    return GiveUp()
