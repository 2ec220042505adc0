"""A film, and the CSV text that films travel in.

Owns the columns, the strict rules for each value, and the shape of a film in the table. Reads and writes bytes
it is given; where they come from and where they go is run_folder.py's business.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

COLUMNS = ["", "title", "year", "length", "rating", "votes", "genres"]
GENRE_SEPARATOR = "|"
NO_GENRE = "no genre"  # the name under which films without one are counted
_RATING = re.compile(r"(?:[1-9](?:\.[0-9]{1,4})?|10(?:\.0{1,4})?)")


class MovieRatingsError(Exception):
    """Something a person can put right. The message is one sentence; the script prints it and exits 1."""


@dataclass(frozen=True, slots=True)
class Film:
    """One row of the archive. `rating` is the mean of its votes, from 1 to 10, exactly as written."""

    film: int
    title: str
    year: int
    length_minutes: int
    rating: Decimal
    votes: int
    genres: tuple[str, ...]

    @property
    def decade(self) -> int:
        return self.year // 10 * 10


def read_films(data: bytes, source: str) -> list[Film]:
    """Parse CSV bytes into films, or raise MovieRatingsError that names `source`, the line, the rule and the value."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MovieRatingsError(f"{source} must be UTF-8, but byte {error.start} is not") from error
    # newline="" leaves line ends inside quotes as they are.
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    films: list[Film] = []
    seen: set[int] = set()
    try:
        header = next(rows, [])
        if header != COLUMNS:
            raise MovieRatingsError(f"{source} must begin with the columns {COLUMNS}, not {header}")
        for row in rows:
            film = _film(row)
            if film.film in seen:
                raise ValueError(f"the film id {film.film} is there twice")
            seen.add(film.film)
            films.append(film)
    except (ValueError, csv.Error) as error:
        raise MovieRatingsError(f"{source}, line {rows.line_num}: {error}") from error
    return films


def write_films(films: Iterable[Film]) -> bytes:
    """The films as CSV bytes; `read_films` gives back the same films."""
    text = io.StringIO(newline="")
    # The writer's own line end, CR LF, makes it quote a CR or LF inside a title.
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for film in films:
        genres = GENRE_SEPARATOR.join(film.genres)
        rows.writerow([film.film, film.title, film.year, film.length_minutes, film.rating, film.votes, genres])
    return text.getvalue().encode("utf-8")


def table_item(film: Film) -> dict[str, dict[str, Any]]:
    """The film as a DynamoDB item. Genres are a list, because a set keeps no order and must not be empty."""
    return {
        "film": {"N": str(film.film)},
        "title": {"S": film.title},
        "year": {"N": str(film.year)},
        "length_minutes": {"N": str(film.length_minutes)},
        "rating": {"N": str(film.rating)},
        "votes": {"N": str(film.votes)},
        "genres": {"L": [{"S": genre} for genre in film.genres]},
    }


def _film(row: list[str]) -> Film:
    if len(row) != len(COLUMNS):
        raise ValueError(f"a row must have {len(COLUMNS)} values, not {len(row)}")
    film, title, year, length, rating, votes, genres = row
    if not title:
        raise ValueError("the title must not be empty")
    if not _RATING.fullmatch(rating):
        raise ValueError(f"the rating must be a number from 1 to 10, not {rating!r}")
    return Film(
        film=_whole_number("film id", film),
        title=title,
        year=_whole_number("year", year),
        length_minutes=_whole_number("length", length),
        rating=Decimal(rating),
        votes=_whole_number("number of votes", votes),
        genres=_genres(genres),
    )


def _whole_number(what: str, text: str) -> int:
    # int() alone would let "1_000", " 7" and "007" through, and the table would not hold what the archive says.
    if not (text.isascii() and text.isdigit()) or text[0] == "0":
        raise ValueError(f"the {what} must be a whole number of 1 or more, not {text!r}")
    return int(text)


def _genres(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    genres = tuple(text.split(GENRE_SEPARATOR))
    if "" in genres or len(set(genres)) != len(genres):
        raise ValueError(f"genres must be different names separated by {GENRE_SEPARATOR!r}, not {text!r}")
    return genres
