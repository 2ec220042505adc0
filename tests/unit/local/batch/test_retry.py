"""Batch's retryStrategy, case by case."""

from __future__ import annotations

import pytest

from batchwright.local.batch.retry import is_retried, read_retry_strategy

EXITED = "Essential container in task exited"


def strategy(attempts: int, *rules: dict[str, str]) -> dict[str, object]:
    return {"attempts": attempts, "evaluateOnExit": list(rules)}


def test_without_a_strategy_nothing_is_retried() -> None:
    assert not is_retried(read_retry_strategy(None), 1, 1, "", EXITED)


def test_the_last_attempt_is_never_followed_by_another() -> None:
    two = read_retry_strategy(strategy(2))
    assert is_retried(two, 1, 1, "", EXITED)
    assert not is_retried(two, 2, 1, "", EXITED)


@pytest.mark.parametrize(
    ("rules", "exit_code", "reason", "status_reason", "retried"),
    [
        # no rule matches: Batch retries
        ([{"onExitCode": "3", "action": "EXIT"}], 1, "", EXITED, True),
        ([{"onExitCode": "1", "action": "EXIT"}], 1, "", EXITED, False),
        ([{"onExitCode": "1*", "action": "exit"}], 137, "", EXITED, False),
        ([{"onExitCode": "1", "action": "EXIT"}], 137, "", EXITED, True),
        # the first rule that matches decides
        ([{"onExitCode": "7", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}], 7, "", EXITED, True),
        ([{"onExitCode": "7", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}], 8, "", EXITED, False),
        # all conditions of a rule must hold
        ([{"onExitCode": "1", "onReason": "OutOf*", "action": "EXIT"}], 1, "", EXITED, True),
        ([{"onExitCode": "1", "onReason": "OutOf*", "action": "EXIT"}], 1, "OutOfMemoryError: x", EXITED, False),
        ([{"onStatusReason": "Host EC2*", "action": "EXIT"}], None, "", "Host EC2 (instance i-0) terminated.", False),
        # a pattern without a star is exact, and a star within it is no wildcard
        ([{"onStatusReason": "Essential", "action": "EXIT"}], 1, "", EXITED, True),
        # no exit code at all
        ([{"onExitCode": "1", "action": "EXIT"}], None, "CannotPullContainerError", "Task failed to start", True),
    ],
)
def test_evaluate_on_exit(
    rules: list[dict[str, str]], exit_code: int | None, reason: str, status_reason: str, retried: bool
) -> None:
    ten = read_retry_strategy(strategy(10, *rules))
    assert is_retried(ten, 1, exit_code, reason, status_reason) is retried
