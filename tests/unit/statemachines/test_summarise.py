"""The statistics, against figures computed here with plain loops over the archive's text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from films import Film, read_films
from summarise import summarise

Rows = list[dict[str, str]]


def test_the_films_by_decade_are_those_of_the_archive(archive_csv: bytes) -> None:
    statistics = summarise(read_films(archive_csv, "movies.csv"), "decade")
    assert {group["name"]: group["films"] for group in statistics["groups"]} == {
        "1890s": 49,
        "1900s": 232,
        "1910s": 401,
        "1920s": 795,
        "1930s": 4328,
        "1940s": 4613,
        "1950s": 5160,
        "1960s": 5456,
        "1970s": 6270,
        "1980s": 7907,
        "1990s": 12788,
        "2000s": 10789,
    }


def test_every_figure_by_decade_agrees_with_a_plain_loop(archive_csv: bytes, archive_rows: Rows) -> None:
    groups = summarise(read_films(archive_csv, "movies.csv"), "decade")["groups"]
    assert [group["name"] for group in groups] == sorted({row["year"][:3] + "0s" for row in archive_rows})
    for group in groups:
        agrees(group, [row for row in archive_rows if row["year"][:3] + "0s" == group["name"]])


def test_every_figure_by_genre_agrees_with_a_plain_loop(archive_csv: bytes, archive_rows: Rows) -> None:
    groups = summarise(read_films(archive_csv, "movies.csv"), "genre")["groups"]
    assert len(groups) == 8
    for group in groups:
        if group["name"] == "no genre":
            agrees(group, [row for row in archive_rows if row["genres"] == ""])
        else:
            agrees(group, [row for row in archive_rows if group["name"] in row["genres"].split("|")])


def test_genres_come_largest_first_and_films_without_one_last(archive_csv: bytes) -> None:
    groups = summarise(read_films(archive_csv, "movies.csv"), "genre")["groups"]
    assert [group["name"] for group in groups] == [
        "Drama",
        "Comedy",
        "Short",
        "Romance",
        "Action",
        "Animation",
        "Documentary",
        "no genre",
    ]


@pytest.mark.parametrize("by", ["decade", "genre"])
def test_the_overall_figures_count_every_film_once(by: str, archive_csv: bytes, archive_rows: Rows) -> None:
    overall = summarise(read_films(archive_csv, "movies.csv"), by)["overall"]
    agrees(overall, archive_rows)
    assert (overall["first_year"], overall["last_year"]) == (1893, 2005)


def test_means_are_exact_where_floats_are_not() -> None:
    # 1.1 + 2.2 + 3.3 is 6.6000000000000005 in floats.
    films = [Film(n, "T", 1990, 90, Decimal(f"{n}.{n}"), 1, ()) for n in (1, 2, 3)]
    assert summarise(films, "decade")["overall"]["mean_rating"] == 2.2


def test_of_two_films_with_as_many_votes_the_lower_id_is_the_most_voted() -> None:
    films = [Film(n, f"Film {n}", 1990, 90, Decimal(5), 7, ()) for n in (2, 1, 3)]
    assert summarise(films, "genre")["overall"]["most_voted"]["title"] == "Film 1"


def agrees(group: dict[str, Any], rows: Rows) -> None:
    """Compare one group's figures with sums over the rows; ratings as whole tenths, so nothing is rounded."""
    films = votes = tenths = tenths_by_votes = 0
    lengths = []
    for row in rows:
        rating = round(float(row["rating"]) * 10)
        films += 1
        votes += int(row["votes"])
        tenths += rating
        tenths_by_votes += rating * int(row["votes"])
        lengths.append(int(row["length"]))
    lengths.sort()
    assert group["films"] == films
    assert group["votes"] == votes
    assert group["mean_rating"] == pytest.approx(tenths / films / 10, abs=0.00501)
    assert group["rating_by_votes"] == pytest.approx(tenths_by_votes / votes / 10, abs=0.00501)
    assert group["median_length_minutes"] == (lengths[(films - 1) // 2] + lengths[films // 2]) / 2
    favourite = max(rows, key=lambda row: int(row["votes"]))
    assert group["most_voted"]["title"] == favourite["title"]
    assert group["most_voted"]["votes"] == int(favourite["votes"])
