"""What the report's page holds, and that it needs nothing from outside."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from films import Film
from report import join
from report_page import page
from summarise import summarise

FILMS = [
    Film(1, "Kiss, The", 1896, 1, Decimal("5.1"), 300, ("Romance", "Short")),
    Film(2, 'Fish & "Chips" <script>alert(1)</script>', 1987, 90, Decimal("7.4"), 900, ()),
    Film(3, "Été à Żory", 1989, 80, Decimal("6"), 12, ("Drama",)),
    Film(4, "Untitled", 1990, 80, Decimal("6"), 12, ()),
]


@pytest.fixture
def report() -> dict[str, Any]:
    split = {"archive": "movies.zip", "table": "films-1", "films": 4}
    by_decade, by_genre = summarise(FILMS, "decade"), summarise(FILMS, "genre")
    return {"run": "run-1", **join(split, by_decade, by_genre, {"films_counted": 4})}


def test_the_page_fetches_nothing(report: dict[str, Any]) -> None:
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script", page(report))


def test_a_title_with_markup_is_shown_and_not_obeyed(report: dict[str, Any]) -> None:
    assert "Fish &amp; &quot;Chips&quot; &lt;script&gt;alert(1)&lt;/script&gt;" in page(report)


def test_accents_stand_in_the_page_as_they_are(report: dict[str, Any]) -> None:
    html = page(report)
    assert '<meta charset="utf-8">' in html
    assert "Été à Żory" in html


def test_both_charts_have_a_title_and_tell_their_figures(report: dict[str, Any]) -> None:
    html = page(report)
    for name, what in (("decades", "decade"), ("genres", "genre")):
        assert f'role="img" aria-labelledby="{name}-title {name}-desc"' in html
        assert f'<title id="{name}-title">Films and mean rating by {what}</title>' in html
    assert "1980s: 2 films, mean rating 6.70" in html


def test_every_group_has_a_bar_and_a_dot_and_a_row(report: dict[str, Any]) -> None:
    html = page(report)
    groups = len(report["by_decade"]) + len(report["by_genre"])
    assert html.count('class="bar"') == html.count('class="dot"') == html.count('<th scope="row">') == groups


def test_films_without_a_genre_are_not_called_the_largest_genre(report: dict[str, Any]) -> None:
    assert "<h2>Drama is the largest genre</h2>" in page(report)


def test_one_film_alone_makes_a_page() -> None:
    split = {"archive": "movies.zip", "table": "films-1", "films": 1}
    by_decade, by_genre = summarise(FILMS[3:], "decade"), summarise(FILMS[3:], "genre")
    html = page({"run": "run-1", **join(split, by_decade, by_genre, {"films_counted": 1})})
    assert "<h2>The 1990s hold the most films</h2>" in html
