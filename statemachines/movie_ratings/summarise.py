"""Compute the statistics of the films by decade or by genre.

Reads the parts rather than the table: they hold the same films, take a call each, and are there before the import
begins, so these tasks run beside it. `check.py` is what vouches for the table.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from statistics import median
from typing import Any

from films import NO_GENRE, Film
from run_folder import RunFolder, arguments, run_script, say


def decades(film: Film) -> list[str]:
    return [f"{film.decade}s"]


def genres(film: Film) -> list[str]:
    """A film counts in each of its genres; one without any is a group of its own, not left out."""
    return list(film.genres) or [NO_GENRE]


GROUPINGS: dict[str, Callable[[Film], list[str]]] = {"decade": decades, "genre": genres}


def summarise(films: Iterable[Film], by: str) -> dict[str, Any]:
    """Statistics of every group, decades oldest first, genres largest first.

    `mean_rating` counts every film once, `rating_by_votes` counts every vote once; both are rounded to hundredths.
    """
    members: dict[str, list[Film]] = defaultdict(list)
    films = list(films)
    for film in films:
        for name in GROUPINGS[by](film):
            members[name].append(film)
    groups = [{"name": name, **_figures(members[name])} for name in sorted(members)]
    if by == "genre":
        groups.sort(key=lambda group: (group["name"] == NO_GENRE, -group["films"]))
    return {"by": by, "overall": _figures(films), "groups": groups}


def _figures(films: list[Film]) -> dict[str, Any]:
    votes = sum(film.votes for film in films)
    ratings = sum((film.rating for film in films), Decimal(0))
    by_votes = sum((film.rating * film.votes for film in films), Decimal(0))
    favourite = max(films, key=lambda film: (film.votes, -film.film))
    return {
        "films": len(films),
        "votes": votes,
        "mean_rating": _hundredths(ratings / len(films)),
        "rating_by_votes": _hundredths(by_votes / votes),
        "median_length_minutes": float(median(film.length_minutes for film in films)),
        "first_year": min(film.year for film in films),
        "last_year": max(film.year for film in films),
        "most_voted": {
            "title": favourite.title,
            "year": favourite.year,
            "rating": float(favourite.rating),
            "votes": favourite.votes,
        },
    }


def _hundredths(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.01")))


def main() -> None:
    parser = arguments("Compute the statistics of the films.")
    parser.add_argument("--by", required=True, choices=sorted(GROUPINGS), help="what to group the films by")
    options = parser.parse_args()
    folder = RunFolder(options.bucket, options.run)
    statistics = summarise(folder.read_all_parts(), options.by)
    for group in statistics["groups"]:
        say(f"{group['name']:>12}  {group['films']:>7,} films  mean rating {group['mean_rating']:.2f}")
    folder.write_json(f"statistics/{options.by}.json", statistics)
    say(f"summed up {statistics['overall']['films']:,} films in {len(statistics['groups'])} groups")


if __name__ == "__main__":
    run_script(main)
