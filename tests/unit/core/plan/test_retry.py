"""Whether another attempt follows, when, and with what changed: all of it from the policy and the failures so far."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import INFRASTRUCTURE, FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.limits import TASK_ATTEMPTS_MAXIMUM
from chalicelib.core.plan.retry import (
    GiveUp,
    Retry,
    after_failure,
    attempts_allowed,
    attempts_at_most,
    full_pauses_seconds,
    memory_after,
    queue_after,
)
from chalicelib.core.plan.task import ClassPolicy, RetryPolicy

APPLICATION, SPOT, OOM = FailureClass.APPLICATION, FailureClass.SPOT, FailureClass.OUT_OF_MEMORY
PULL, CANCELLED, UNKNOWN = FailureClass.IMAGE_PULL, FailureClass.CANCELLED, FailureClass.UNKNOWN


def failed(failure: FailureClass | None) -> JobResult:
    return JobResult("job", succeeded=False, failure=failure)


def after(policy: RetryPolicy, *classes: FailureClass | None, memory_mib: int | None = None) -> Retry | GiveUp:
    """What follows the last of these failures."""
    *past, last = map(failed, classes)
    attempt = Attempt("films-abc", 0, 3, len(classes))
    return after_failure(policy, attempt, last, tuple(past), memory_mib=memory_mib)


def tries(policy: RetryPolicy, *pattern: FailureClass) -> int:
    """How many attempts there are if they fail by these classes, over and over."""
    classes: list[FailureClass] = []
    while not classes or after(policy, *classes) != GiveUp():
        classes.append(pattern[len(classes) % len(pattern)])
    return len(classes)


@pytest.mark.parametrize("failure", FailureClass)
def test_unless_told_otherwise_only_infrastructure_is_retried_and_that_twice(failure: FailureClass) -> None:
    assert tries(RetryPolicy(), failure) == (3 if failure in INFRASTRUCTURE else 1)


def test_infrastructures_classes_share_their_default_limit() -> None:
    assert tries(RetryPolicy(), SPOT, PULL) == 3


@pytest.mark.parametrize("failure", [one for one in FailureClass if one is not CANCELLED])
@pytest.mark.parametrize("attempts", [1, 2, 10])
def test_attempts_are_for_every_class_that_is_not_named(attempts: int, failure: FailureClass) -> None:
    assert tries(RetryPolicy(attempts), failure) == attempts


def test_classes_that_are_not_named_share_the_limit() -> None:
    assert tries(RetryPolicy(4), SPOT, APPLICATION, UNKNOWN) == 4


def test_what_somebody_cancelled_is_never_retried() -> None:
    assert tries(RetryPolicy(10, on=(ClassPolicy(CANCELLED, 10),)), CANCELLED) == 1


def test_a_class_that_is_named_is_counted_apart() -> None:
    policy = RetryPolicy(2, on=(ClassPolicy(OOM, 4), ClassPolicy(SPOT, 5)))
    assert tries(policy, SPOT) == 5
    assert tries(policy, OOM) == 4
    assert tries(policy, SPOT, OOM) == 8, "the fourth OOM is final"
    assert after(policy, SPOT, SPOT, SPOT, SPOT, APPLICATION) != GiveUp()
    assert after(policy, APPLICATION, SPOT, SPOT, APPLICATION) == GiveUp()


def test_naming_a_class_leaves_the_others_of_infrastructure_their_default() -> None:
    policy = RetryPolicy(on=(ClassPolicy(SPOT, 1),))
    assert tries(policy, SPOT) == 1
    assert tries(policy, PULL) == 3
    assert tries(policy, APPLICATION) == 1


def test_an_array_whose_child_failed_is_retried_by_the_general_limit() -> None:
    assert tries(RetryPolicy(3), FailureClass.DEPENDENCY) == 3


def test_a_result_without_a_class_counts_as_unknown() -> None:
    assert after(RetryPolicy(2), None) != GiveUp()
    assert after(RetryPolicy(2), None, None) == GiveUp()
    assert after(RetryPolicy(on=(ClassPolicy(UNKNOWN, 2),)), None) != GiveUp()


def test_a_task_has_twenty_attempts_however_its_failures_mix() -> None:
    everything = tuple(ClassPolicy(failure, 10) for failure in FailureClass)
    assert tries(RetryPolicy(10, on=everything), SPOT, OOM, APPLICATION) == TASK_ATTEMPTS_MAXIMUM == 20


# Pauses


def test_without_jitter_the_pause_doubles_with_every_failure_up_to_its_maximum() -> None:
    policy = RetryPolicy(6, 30, backoff_max_seconds=200, jitter=False)
    pauses = [after(policy, *[APPLICATION] * count) for count in range(1, 6)]
    assert pauses == [Retry(30_000), Retry(60_000), Retry(120_000), Retry(200_000), Retry(200_000)]
    assert full_pauses_seconds(policy, APPLICATION) == (30, 60, 120, 200, 200)


def test_the_pause_grows_with_the_failures_of_its_own_count_only() -> None:
    policy = RetryPolicy(5, 10, 3.0, jitter=False, on=(ClassPolicy(SPOT, 5, backoff_seconds=1),))
    assert after(policy, SPOT, SPOT, APPLICATION) == Retry(10_000)
    assert after(policy, APPLICATION, SPOT, SPOT) == Retry(3_000)


def test_a_pause_is_never_cut_below_its_beginning() -> None:
    assert after(RetryPolicy(2, 7_200, jitter=False), APPLICATION) == Retry(7_200_000)


@pytest.mark.parametrize(
    ("policy", "failure", "seconds"),
    [
        (RetryPolicy(2), APPLICATION, 0),
        (RetryPolicy(2), SPOT, 10),
        (RetryPolicy(), SPOT, 10),
        (RetryPolicy(backoff_seconds=3), SPOT, 3),
        (RetryPolicy(backoff_seconds=3, on=(ClassPolicy(SPOT, 2),)), SPOT, 3),
        (RetryPolicy(on=(ClassPolicy(SPOT, 2),)), SPOT, 10),
        (RetryPolicy(backoff_seconds=3, on=(ClassPolicy(SPOT, 2, backoff_seconds=0),)), SPOT, 0),
    ],
)
def test_the_first_pause_is_the_classes_own_or_the_policys_or_the_default(
    policy: RetryPolicy, failure: FailureClass, seconds: int
) -> None:
    assert after(replace(policy, jitter=False), failure) == Retry(seconds * 1000)


def drawn(run_id: str = "films-abc", epoch: int = 0, index: int = 0, number: int = 1) -> int:
    decision = after_failure(RetryPolicy(9, 100), Attempt(run_id, epoch, index, number), failed(APPLICATION), ())
    assert isinstance(decision, Retry)
    return decision.after_ms


def test_with_jitter_pauses_spread_evenly_from_nothing_to_the_full_pause() -> None:
    pauses = [drawn(index=index) for index in range(2_000)]
    assert 0 <= min(pauses) < 1_000
    assert 99_000 < max(pauses) <= 100_000
    assert 48_000 < mean(pauses) < 52_000


def test_a_repeated_handling_draws_the_same_pause_and_another_attempt_another() -> None:
    assert drawn() == drawn() == 60_142
    others = [drawn(run_id="films-abd"), drawn(epoch=1), drawn(index=1), drawn(number=2)]
    assert len({drawn(), *others}) == 5


# What changes

MORE = RetryPolicy(on=(ClassPolicy(OOM, 9, memory_factor=2.0, memory_maximum_mib=10_000),))


def test_memory_grows_with_every_failure_of_its_class_up_to_the_maximum() -> None:
    grown = [memory_after(MORE, 2_048, [failed(OOM)] * count) for count in range(5)]
    assert grown == [2_048, 4_096, 8_192, 10_000, 10_000]
    assert memory_after(MORE, 2_048, [failed(SPOT), failed(OOM), failed(APPLICATION)]) == 4_096


def test_memory_is_rounded_up_and_never_shrinks() -> None:
    odd = RetryPolicy(on=(ClassPolicy(OOM, 9, memory_factor=1.5, memory_maximum_mib=100),))
    assert memory_after(odd, 5, [failed(OOM)]) == 8
    assert memory_after(odd, 200, [failed(OOM)]) == 200


def test_out_of_memory_at_the_maximum_is_final() -> None:
    assert after(MORE, OOM, OOM, memory_mib=8_192) != GiveUp()
    assert after(MORE, OOM, OOM, OOM, memory_mib=10_000) == GiveUp()
    assert after(MORE, OOM, memory_mib=None) != GiveUp()
    assert after(MORE, OOM, SPOT, memory_mib=10_000) != GiveUp(), "the host was lost, not the memory"


def test_the_queue_is_that_of_the_last_failure_whose_class_names_one() -> None:
    policy = RetryPolicy(9, on=(ClassPolicy(OOM, 9, queue="large"), ClassPolicy(SPOT, 9, queue="on-demand")))
    assert queue_after(policy, []) is None
    assert queue_after(policy, [failed(APPLICATION)]) is None
    assert queue_after(policy, [failed(OOM), failed(SPOT), failed(APPLICATION)]) == "on-demand"
    assert queue_after(policy, [failed(SPOT), failed(OOM)]) == "large"


# What is told

classes = st.sampled_from(FailureClass)
policies = st.builds(
    RetryPolicy,
    st.none() | st.integers(1, 10),
    on=st.lists(st.builds(ClassPolicy, classes, st.integers(1, 10)), max_size=4, unique_by=lambda one: one.failure).map(
        tuple
    ),
)


@given(policies, st.lists(classes, min_size=1, max_size=8))
def test_no_task_is_tried_more_often_than_its_policy_says_at_most(
    policy: RetryPolicy, pattern: list[FailureClass]
) -> None:
    assert tries(policy, *pattern) <= attempts_at_most(policy)


@given(policies, classes)
def test_attempt_n_of_m_comes_true_if_the_job_goes_on_to_fail_as_it_did(
    policy: RetryPolicy, failure: FailureClass
) -> None:
    for count in range(1, tries(policy, failure) + 1):
        assert attempts_allowed(policy, [failed(failure)] * count) == tries(policy, failure)


def test_before_any_failure_the_general_limit_is_told() -> None:
    assert attempts_allowed(RetryPolicy(), ()) == 1
    assert attempts_allowed(RetryPolicy(3, on=(ClassPolicy(SPOT, 9),)), ()) == 3


def test_a_failure_of_another_kind_adds_to_the_count() -> None:
    assert attempts_allowed(RetryPolicy(3, on=(ClassPolicy(SPOT, 5),)), [failed(SPOT), failed(APPLICATION)]) == 4
