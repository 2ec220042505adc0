"""Lengths of time: one form for tables, one for ages, one for sentences."""

from __future__ import annotations

import pytest

from chalicelib.core.durations import in_words, rough, short


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (None, ""),
        (0, "0.0 s"),
        (9_940, "9.9 s"),
        (9_960, "10 s"),
        (59_400, "59 s"),
        (59_600, "1 min 00 s"),
        (187_000, "3 min 07 s"),
        (3_599_800, "1 h 00 min"),
        (7_500_000, "2 h 05 min"),
        (171_600_000, "47 h 40 min"),
        (172_800_000, "2 d 00 h"),
        (1_828_800_000, "21 d 04 h"),
    ],
)
def test_a_table_has_the_two_units_that_matter(ms: int | None, said: str) -> None:
    assert short(ms) == said


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (-5, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (3_599_999, "59 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 d"),
    ],
)
def test_an_age_is_rough(ms: int, said: str) -> None:
    assert rough(ms) == said


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "less than a second"),
        (999, "less than a second"),
        (1_999, "1 second"),
        (60_999, "1 minute"),
        (90_000, "90 seconds"),
        (120_000, "2 minutes"),
        (408_000, "6 minutes 48 seconds"),
        (605_000, "10 minutes"),
        (7_500_000, "2 hours 5 minutes"),
        (7_205_000, "2 hours"),
        (105_600_000, "1 day 5 hours"),
        (1_000 * 86_400_000, "1,000 days"),
    ],
)
def test_a_sentence_has_words(ms: int, said: str) -> None:
    assert in_words(ms) == said
