"""What check.py says about a count."""

from __future__ import annotations

import pytest
from check import verdict
from films import MovieRatingsError


def test_equal_counts_are_good_news() -> None:
    assert verdict("films", 58788, 58788) == "the table films holds 58,788 films, as many as the archive"


def test_missing_films_are_counted() -> None:
    with pytest.raises(MovieRatingsError, match=r"holds 58,780 films, .* 58,788: 8 are missing"):
        verdict("films", 58788, 58780)


def test_films_from_elsewhere_are_counted() -> None:
    with pytest.raises(MovieRatingsError, match=r"holds 3 films, .* only 1: 2 came from elsewhere"):
        verdict("films", 1, 3)
