from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import BadPage
from chalicelib.core.pages import page_of, place_in

PLACE = {"created_at_ms": 1_800_000_000_000, "run_id": "filme-für-alle-q3x7"}


def test_a_page_is_url_safe_and_leads_back_to_its_place() -> None:
    page = page_of(["runs", "films", None], PLACE)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", page)
    assert place_in(["runs", "films", None], page) == PLACE


def test_a_page_of_another_list_is_refused() -> None:
    page = page_of(["runs", "films", None], PLACE)
    with pytest.raises(BadPage, match="page must be the `next` of the same list as it was given, not 'e"):
        place_in(["runs", "trains", None], page.replace(page[0], "e", 1))
    with pytest.raises(BadPage):
        place_in(["runs", "trains", None], page)


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadPage):
        place_in(["runs"], text)


@pytest.mark.parametrize("place", range(20))
def test_a_mangled_page_is_refused(place: int) -> None:
    page = page_of(["runs"], PLACE)
    other = "A" if page[place] != "A" else "B"
    with pytest.raises(BadPage):
        place_in(["runs"], page[:place] + other + page[place + 1 :])


def test_a_very_long_page_is_refused_unread() -> None:
    with pytest.raises(BadPage):
        place_in(["runs"], "A" * 1_000_000)
