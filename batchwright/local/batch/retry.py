"""Whether a job attempt that failed is followed by another one: Batch's retryStrategy, as a pure function.

Owns the reading of `attempts` and `evaluateOnExit`. Does not own the reasons why a job is never retried
(time-out, cancel, terminate), which the lifecycle decides before it asks here.
Source: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ExitRule:
    """One entry of `evaluateOnExit`; None stands for a condition that was not given."""

    on_exit_code: str | None
    on_reason: str | None
    on_status_reason: str | None
    retries: bool


@dataclass(frozen=True, slots=True)
class RetryStrategy:
    """`attempts` counts the first one: 1 means no retry."""

    attempts: int = 1
    rules: tuple[ExitRule, ...] = ()


def read_retry_strategy(document: Mapping[str, Any] | None) -> RetryStrategy:
    """From the API's shape; None is one attempt."""
    if not document:
        return RetryStrategy()
    rules = tuple(
        ExitRule(
            on_exit_code=rule.get("onExitCode"),
            on_reason=rule.get("onReason"),
            on_status_reason=rule.get("onStatusReason"),
            retries=str(rule["action"]).upper() == "RETRY",
        )
        for rule in document.get("evaluateOnExit", ())
    )
    return RetryStrategy(attempts=int(document.get("attempts", 1)), rules=rules)


def is_retried(
    strategy: RetryStrategy, ended_attempts: int, exit_code: int | None, reason: str, status_reason: str
) -> bool:
    """True when the failed attempt is followed by another. `ended_attempts` includes the one that just failed."""
    if ended_attempts >= strategy.attempts:
        return False
    return _decides(strategy.rules, exit_code, reason, status_reason)


def _decides(rules: Sequence[ExitRule], exit_code: int | None, reason: str, status_reason: str) -> bool:
    code = "" if exit_code is None else str(exit_code)
    for rule in rules:
        if (
            _matches(rule.on_exit_code, code)
            and _matches(rule.on_reason, reason)
            and _matches(rule.on_status_reason, status_reason)
        ):
            return rule.retries
    # No rule matched (or there is none): Batch retries.
    return True


def _matches(pattern: str | None, value: str) -> bool:
    if pattern is None:
        return True
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern
