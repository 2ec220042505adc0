"""How many invocations each queue may feed within an account's quota."""

from __future__ import annotations

import pytest

from chalicelib.core.concurrency import (
    CEILINGS,
    COMMANDS_CONCURRENCY,
    EVENTS_CONCURRENCY,
    QUOTA_FOR_FULL_CEILINGS,
    Ceilings,
    authorizer_reservation,
    ceilings_of,
    ceilings_within,
    variables_within,
)
from chalicelib.core.errors import UserMistake


@pytest.mark.parametrize(
    ("quota", "events", "commands"), [(10, 4, 2), (20, 8, 4), (49, 19, 9), (50, 20, 10), (1000, 20, 10), (3, 2, 2)]
)
def test_a_small_quota_lowers_both_ceilings(quota: int, events: int, commands: int) -> None:
    assert ceilings_within(quota) == Ceilings(events, commands)


@pytest.mark.parametrize("quota", range(8, QUOTA_FOR_FULL_CEILINGS))
def test_two_fifths_of_a_small_quota_are_left_to_others(quota: int) -> None:
    found = ceilings_within(quota)
    assert found.events + found.commands <= max(quota * 3 / 5, 6)
    assert found != CEILINGS


@pytest.mark.parametrize("quota", [10, 49, 50, 1000])
def test_the_variables_of_a_deployment_give_the_app_the_ceilings_of_the_quota(quota: int) -> None:
    given = {name: value for name, value in variables_within(quota).items() if value is not None}
    assert ceilings_of(given) == ceilings_within(quota)


def test_a_large_quota_needs_no_variable() -> None:
    assert variables_within(1000) == {EVENTS_CONCURRENCY: None, COMMANDS_CONCURRENCY: None}
    assert ceilings_of({}) == CEILINGS


@pytest.mark.parametrize("text", ["1", "1001", "ten", "-3", "2.5", "\u0663"])
def test_a_ceiling_that_lambda_would_not_take_is_refused_by_name(text: str) -> None:
    with pytest.raises(UserMistake, match=f"{EVENTS_CONCURRENCY} must be a whole number from 2 to 1000, not '{text}'"):
        ceilings_of({EVENTS_CONCURRENCY: text})


@pytest.mark.parametrize(("unreserved", "reserved"), [(10, None), (109, None), (110, 10), (1000, 10)])
def test_the_authorizer_gets_executions_of_its_own_where_lambda_allows_it(
    unreserved: int, reserved: int | None
) -> None:
    assert authorizer_reservation(unreserved) == reserved
