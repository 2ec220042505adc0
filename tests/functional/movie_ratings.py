"""The films as their archive has them and as the table must hold them, for the tests of the movie-ratings example."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

STATEMACHINES = Path(__file__).parents[2] / "statemachines"
ARCHIVE = STATEMACHINES / "movie_ratings" / "movies.zip"

Rows = list[dict[str, str]]
Film = dict[str, Any]


def films_in(dynamodb: Any, table: str) -> dict[int, Film]:
    """Every film in the table, in the shape of `expected`."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {int(item["film"]["N"]): plain(item) for page in pages for item in page["Items"]}


def plain(item: dict[str, Any]) -> Film:
    """A DynamoDB item as plain values. Exact: a number stays a Decimal, and an unknown type is an error."""
    read = {"S": str, "N": Decimal, "L": lambda values: [value["S"] for value in values]}
    return {name: read[kind](value) for name, typed in item.items() for kind, value in typed.items()}


def expected(rows: Rows) -> dict[int, Film]:
    """What the table must hold of these rows, by the film's number."""
    return {
        int(row[""]): {
            "film": Decimal(row[""]),
            "title": row["title"],
            "year": Decimal(row["year"]),
            "length_minutes": Decimal(row["length"]),
            "rating": Decimal(row["rating"]),
            "votes": Decimal(row["votes"]),
            "genres": row["genres"].split("|") if row["genres"] else [],
        }
        for row in rows
    }


def rows_of(archive: bytes) -> Rows:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        text = members.read("movies.csv").decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def zipped(lines: list[list[Any]]) -> bytes:
    """An archive of these films."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_MINIMAL).writerows(
        [["", "title", "year", "length", "rating", "votes", "genres"], *lines]
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("movies.csv", text.getvalue().encode("utf-8"))
    return data.getvalue()
