"""Whether another attempt follows: as many as the policy says, each after its pause."""

import pytest

from chalicelib.core.plan import RetryPolicy
from chalicelib.core.retry import GiveUp, Retry, after_failure


@pytest.mark.parametrize(
    ("attempts", "number", "decision"),
    [
        (1, 1, GiveUp()),
        (2, 1, Retry(30)),
        (2, 2, GiveUp()),
        (3, 1, Retry(30)),
        (3, 2, Retry(30)),
        (3, 3, GiveUp()),
        (3, 4, GiveUp()),
    ],
)
def test_a_failure_is_followed_by_another_attempt_as_long_as_one_is_left(attempts, number, decision):
    assert after_failure(RetryPolicy(attempts, backoff_seconds=30), number) == decision


def test_unless_asked_nothing_is_tried_again():
    assert after_failure(RetryPolicy(), 1) == GiveUp()


def test_a_retry_without_a_back_off_comes_at_once():
    assert after_failure(RetryPolicy(2), 1) == Retry(0)
