"""What films.py takes for a film, and that nothing of it changes on the way through CSV."""

from __future__ import annotations

from decimal import Decimal

import pytest
from films import Film, MovieRatingsError, read_films, table_item, write_films
from hypothesis import given
from hypothesis import strategies as st

HEADER = b",title,year,length,rating,votes,genres\n"
# Everything that UTF-8 can carry: quotes, commas, line ends, accents, control characters.
TITLES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def film(title: str = "Casablanca", number: int = 1, genres: tuple[str, ...] = ("Drama", "Romance")) -> Film:
    return Film(number, title, 1942, 102, Decimal("8.8"), 59837, genres)


def test_every_row_of_the_archive_is_read_as_it_is_written(
    archive_csv: bytes, archive_rows: list[dict[str, str]]
) -> None:
    films = read_films(archive_csv, "movies.csv")
    assert len(films) == 58788
    as_text = [
        {
            "": str(film.film),
            "title": film.title,
            "year": str(film.year),
            "length": str(film.length_minutes),
            "rating": str(film.rating),
            "votes": str(film.votes),
            "genres": "|".join(film.genres),
        }
        for film in films
    ]
    assert as_text == archive_rows


def test_the_archive_survives_being_written_and_read_again(archive_csv: bytes) -> None:
    films = read_films(archive_csv, "movies.csv")
    assert read_films(write_films(films), "again") == films


@given(TITLES)
def test_any_title_survives_the_csv(title: str) -> None:
    assert read_films(write_films([film(title)]), "part 0") == [film(title)]


@given(TITLES)
def test_any_title_lies_unchanged_in_the_table_item(title: str) -> None:
    assert table_item(film(title))["title"] == {"S": title}


def test_a_film_without_a_genre_has_an_empty_list_in_the_table() -> None:
    (read,) = read_films(HEADER + b"7,Untitled,1990,5,5.5,5,\n", "movies.csv")
    assert read.genres == ()
    assert table_item(read)["genres"] == {"L": []}


def test_the_item_holds_every_field_under_a_name_with_its_unit() -> None:
    assert table_item(film()) == {
        "film": {"N": "1"},
        "title": {"S": "Casablanca"},
        "year": {"N": "1942"},
        "length_minutes": {"N": "102"},
        "rating": {"N": "8.8"},
        "votes": {"N": "59837"},
        "genres": {"L": [{"S": "Drama"}, {"S": "Romance"}]},
    }


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (b"1,Jaws,1975,124,8.2,50000", "line 2: a row must have 7 values, not 6"),
        (b"one,Jaws,1975,124,8.2,50000,", "the film id must be a whole number of 1 or more, not 'one'"),
        (b"1,,1975,124,8.2,50000,", "the title must not be empty"),
        (b"1,Jaws,0,124,8.2,50000,", "the year must be a whole number of 1 or more, not '0'"),
        (b"1,Jaws,1975,-124,8.2,50000,", "the length must be a whole number of 1 or more, not '-124'"),
        (b"1,Jaws,1975,124,10.5,50000,", "the rating must be a number from 1 to 10, not '10.5'"),
        (b"1,Jaws,1975,124,nan,50000,", "the rating must be a number from 1 to 10, not 'nan'"),
        (b"1,Jaws,1975,124,8.2,50_000,", "the number of votes must be a whole number of 1 or more"),
        (b"1,Jaws,1975,124,8.2, 50000,", "the number of votes must be a whole number of 1 or more"),
        (b"1,Jaws,1975,124,8.2,50000,Drama||Short", "genres must be different names"),
        (b"1,Jaws,1975,124,8.2,50000,Drama|Drama", "genres must be different names"),
        (b'1,"Jaws,1975,124,8.2,50000,', "unexpected end of data"),
        (b"1,Jaws,1975,124,8.2,5,\n1,Jaws 2,1978,116,5.5,5,", "line 3: the film id 1 is there twice"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_the_rule_and_the_value(row: bytes, complaint: str) -> None:
    with pytest.raises(MovieRatingsError) as refused:
        read_films(HEADER + row + b"\n", "movies.csv")
    assert str(refused.value).startswith("movies.csv, line ")
    assert complaint in str(refused.value)


def test_a_file_with_other_columns_is_refused() -> None:
    with pytest.raises(MovieRatingsError, match="must begin with the columns"):
        read_films(b"id,name\n1,Jaws\n", "movies.csv")


def test_a_file_that_is_not_utf_8_is_refused_with_the_place() -> None:
    with pytest.raises(MovieRatingsError, match=r"movies\.csv must be UTF-8, but byte 43 is not"):
        read_films(HEADER + "1,Amélie".encode("latin-1"), "movies.csv")
