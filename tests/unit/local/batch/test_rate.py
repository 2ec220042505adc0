"""The rate of SubmitJob: what a bucket lets through, for clients that wait as SDKs do."""

from __future__ import annotations

import random

import pytest

from batchwright.local.batch.errors import TooManyRequests
from batchwright.local.batch.rate import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def passes(rate: RateLimit) -> bool:
    try:
        rate.check()
    except TooManyRequests:
        return False
    return True


def test_without_a_rate_everything_passes() -> None:
    rate = RateLimit(None)
    assert all(passes(rate) for _ in range(1000))


def test_a_burst_is_as_large_as_a_second_and_what_follows_keeps_the_rate() -> None:
    clock = Clock()
    rate = RateLimit(10, clock)
    assert [passes(rate) for _ in range(12)] == [True] * 10 + [False] * 2
    taken = 0
    for _ in range(500):
        clock.now += 0.01
        taken += passes(rate)
    assert 49 <= taken <= 50


def test_no_pause_saves_up_more_than_a_second() -> None:
    clock = Clock()
    rate = RateLimit(10, clock)
    clock.now += 3600
    assert sum(passes(rate) for _ in range(100)) == 10


@pytest.mark.parametrize("per_second", [20, 50])
def test_a_client_that_backs_off_as_sdks_do_comes_near_the_rate(per_second: int) -> None:
    """One that sends all it may, 5 ms a call, and after the n-th refusal waits for up to 2^n seconds."""
    clock, dice = Clock(), random.Random(1)
    rate = RateLimit(per_second, clock)
    taken, tries = 0, 0
    while clock.now < 400.0:
        clock.now += 0.005
        if passes(rate):
            taken, tries = taken + 1, 0
        else:
            clock.now += dice.random() * min(2.0**tries, 20.0)
            tries += 1
    assert taken / 300 > 0.85 * per_second
