"""A policy in words: every class is spoken of once, with its own limit, pauses and changes."""

import pytest

from batchwright.plans.retry_words import retry_words
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.task import ClassPolicy, RetryPolicy

SPOT, OOM = FailureClass.SPOT, FailureClass.OUT_OF_MEMORY
INFRASTRUCTURE = "spot, image_pull, start_failure"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (RetryPolicy(), f"{INFRASTRUCTURE}: 3 attempts, pauses up to 10, 20 s; other failures: no retry"),
        (RetryPolicy(1), "any failure: no retry"),
        (RetryPolicy(2, 30), "any failure: 2 attempts, pause up to 30 s"),
        (RetryPolicy(3, 0), "any failure: 3 attempts without a pause"),
        (
            RetryPolicy(2),
            f"{INFRASTRUCTURE}: 2 attempts, pause up to 10 s; other failures: 2 attempts without a pause",
        ),
        (
            RetryPolicy(4, 1_000, 1.5, 2_000, jitter=False, on=(ClassPolicy(SPOT, 1),)),
            "spot: no retry; other failures: 4 attempts, pauses 1,000, 1,500, 2,000 s",
        ),
        (
            RetryPolicy(1, on=(ClassPolicy(OOM, 2, 5, 1.5, 65_536, "large"),)),
            "out_of_memory: 2 attempts, pause up to 5 s, memory times 1.5 up to 65,536 MiB, then on queue large; "
            "other failures: no retry",
        ),
    ],
)
def test_a_policy_is_told_in_words(policy: RetryPolicy, words: str) -> None:
    assert retry_words(policy) == words
