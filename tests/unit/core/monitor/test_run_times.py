"""Run times on a logarithmic scale, against the run times themselves."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.monitor.run_times import SEEN_MINIMUM, month_of, months_before, p95_ms, step_of, time_of_ms

DAY_MS = 86_400_000
run_times = st.integers(0, 40 * DAY_MS) | st.floats(math.log(500), math.log(40 * DAY_MS)).map(
    lambda power: round(math.exp(power))
)


def counted(times: list[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in times:
        counts[step_of(one)] = counts.get(step_of(one), 0) + 1
    return counts


@settings(deadline=None, max_examples=200)
@given(st.lists(run_times, min_size=SEEN_MINIMUM, max_size=200))
def test_the_p95_is_within_five_per_cent_of_the_one_of_the_times_themselves(times: list[int]) -> None:
    exact = sorted(times)[math.ceil(len(times) * 0.95) - 1]
    found = p95_ms(counted(times))
    assert found is not None
    assert found == pytest.approx(max(exact, 1_000), rel=0.05)


@given(run_times, run_times)
def test_a_longer_time_never_lies_in_a_lower_step(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert step_of(low) <= step_of(high) <= 160
    assert time_of_ms(step_of(low)) <= time_of_ms(step_of(high))


@given(st.lists(run_times, min_size=10, max_size=60), st.lists(run_times, min_size=10, max_size=60))
def test_two_months_tell_what_their_times_together_tell(one: list[int], other: list[int]) -> None:
    assert p95_ms(counted(one), counted(other)) == p95_ms(counted(one + other))


def test_of_nineteen_jobs_nothing_is_said() -> None:
    assert p95_ms({}) is None
    assert p95_ms({10: 19}) is None
    assert p95_ms({10: 10}, {10: 9}) is None
    assert p95_ms({10: 10}, {10: 10}) == time_of_ms(10)


def test_one_job_of_twenty_that_takes_longer_does_not_count() -> None:
    assert p95_ms({step_of(60_000): 19, step_of(3_600_000): 1}) == time_of_ms(step_of(60_000))
    assert p95_ms({step_of(60_000): 18, step_of(3_600_000): 2}) == time_of_ms(step_of(3_600_000))


def test_the_month_before_january_is_december() -> None:
    assert months_before(1_767_225_600_000) == ("2026-01", "2025-12")
    assert months_before(1_772_323_200_000) == ("2026-03", "2026-02")
    assert month_of(1_767_225_599_999) == "2025-12"
