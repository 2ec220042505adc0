"""How split.py opens an archive and shares out the films."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import pytest
from films import Film, MovieRatingsError
from hypothesis import given
from hypothesis import strategies as st
from split import share_out, unpack


def films(count: int) -> list[Film]:
    return [Film(n, f"Film {n}", 1990, 90, Decimal(5), 5, ()) for n in range(1, count + 1)]


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, f"content of {name}")
    return data.getvalue()


@given(st.integers(0, 200), st.integers(1, 40))
def test_the_parts_together_are_the_films_in_order_and_differ_by_one_at_most(count: int, parts: int) -> None:
    shares = share_out(films(count), parts)
    assert len(shares) == parts
    assert [film for share in shares for film in share] == films(count)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_no_parts_at_all_are_refused() -> None:
    with pytest.raises(MovieRatingsError, match="parts must be 1 or more, not 0"):
        share_out(films(3), 0)


def test_the_one_csv_file_is_found_beside_others() -> None:
    assert unpack(zipped("README.txt", "movies.csv"), "m.zip") == ("movies.csv", b"content of movies.csv")


@pytest.mark.parametrize("names", [(), ("README.txt",), ("a.csv", "b.csv")])
def test_an_archive_without_exactly_one_csv_file_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(MovieRatingsError, match=r"m\.zip must hold exactly one \.csv file, not [02]"):
        unpack(zipped(*names), "m.zip")


def test_an_archive_that_is_none_is_refused() -> None:
    with pytest.raises(MovieRatingsError, match=r"m\.zip is not a sound zip archive"):
        unpack(b"just text", "m.zip")


def test_a_damaged_archive_is_refused() -> None:
    data = zipped("movies.csv").replace(b"content of", b"CONTENT OF")
    with pytest.raises(MovieRatingsError, match=r"m\.zip is not a sound zip archive"):
        unpack(data, "m.zip")
