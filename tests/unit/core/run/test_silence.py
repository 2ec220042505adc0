"""When Batch is asked about a silent job: at once the silence is long, then each time that it has doubled."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.run.silence import is_silent

QUIET_MS = 900_000
HEARD_AT_MS = 1_700_000_000_000


def overdue(last_look_ms: int, now_ms: int) -> bool:
    """Both counted from when the job was last heard of."""
    return is_silent(HEARD_AT_MS, HEARD_AT_MS + last_look_ms, HEARD_AT_MS + now_ms, QUIET_MS)


def test_a_job_is_asked_about_from_the_moment_that_it_was_silent_for_so_long():
    assert not overdue(0, QUIET_MS - 1)
    assert overdue(0, QUIET_MS)
    assert overdue(QUIET_MS - 1, QUIET_MS)


def test_it_is_not_asked_about_again_before_the_silence_has_doubled():
    assert not overdue(QUIET_MS, 2 * QUIET_MS - 1)
    assert overdue(QUIET_MS, 2 * QUIET_MS)
    assert not overdue(2 * QUIET_MS, 4 * QUIET_MS - 1)
    assert overdue(2 * QUIET_MS, 4 * QUIET_MS)


def test_a_look_that_came_late_asks_once_for_all_that_it_missed():
    assert overdue(0, 100 * QUIET_MS)
    assert not overdue(100 * QUIET_MS, 101 * QUIET_MS)


def test_a_job_that_was_heard_of_after_the_last_look_or_by_a_clock_that_is_ahead_is_not_overdue():
    assert not overdue(-5 * QUIET_MS, 0)
    assert not overdue(-5 * QUIET_MS, -QUIET_MS)
    assert overdue(-5 * QUIET_MS, QUIET_MS)


@given(st.integers(1, 600_000), st.integers(1, 300))
def test_however_often_it_is_looked_the_questions_grow_with_the_logarithm(interval_ms, looks):
    asked = sum(overdue(interval_ms * (look - 1), interval_ms * look) for look in range(1, looks + 1))
    assert asked == (interval_ms * looks // QUIET_MS).bit_length()
