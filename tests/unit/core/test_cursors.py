from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.cursors import COUNT, NAME, NUMBER, TOKEN, Kind, list_of, or_nothing, page_of, place_in
from chalicelib.core.errors import BadPage

PLACE = {"created_at_ms": 1_800_000_000_000, "run_id": "filme-q3x7"}
KINDS = {"created_at_ms": COUNT, "run_id": NAME}


def test_a_page_is_url_safe_and_leads_back_to_its_place() -> None:
    page = page_of(["runs", "films", None], PLACE)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", page)
    assert place_in(["runs", "films", None], page, KINDS) == PLACE


def test_a_page_of_another_list_is_refused() -> None:
    page = page_of(["runs", "films", None], PLACE)
    with pytest.raises(BadPage, match="page must be the `next` of the same list as it was given, not 'e"):
        place_in(["runs", "trains", None], page.replace(page[0], "e", 1), KINDS)
    with pytest.raises(BadPage):
        place_in(["runs", "trains", None], page, KINDS)


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadPage):
        place_in(["runs"], text, KINDS)


@pytest.mark.parametrize("place", range(20))
def test_a_mangled_page_is_refused(place: int) -> None:
    page = page_of(["runs"], PLACE)
    other = "A" if page[place] != "A" else "B"
    with pytest.raises(BadPage):
        place_in(["runs"], page[:place] + other + page[place + 1 :], KINDS)


def test_a_very_long_page_is_refused_unread() -> None:
    with pytest.raises(BadPage):
        place_in(["runs"], "A" * 1_000_000, KINDS)


def forged(body: bytes) -> str:
    """A page of the list `runs` by somebody who knows how its sum is made."""
    return base64.urlsafe_b64encode(hashlib.sha256(b'["runs"]\n' + body).digest()[:6] + body).decode().rstrip("=")


def test_a_page_can_be_forged_and_then_leads_to_a_place_of_its_list() -> None:
    assert place_in(["runs"], forged(b'{"created_at_ms":1,"run_id":"r"}'), KINDS) == {"created_at_ms": 1, "run_id": "r"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'"run_id"',
        b'{"run_id":"r"}',
        b'{"created_at_ms":1,"run_id":"r","more":1}',
        b'{"created_at_ms":"1","run_id":"r"}',
        b'{"created_at_ms":true,"run_id":"r"}',
        b'{"created_at_ms":1.5,"run_id":"r"}',
        b'{"created_at_ms":NaN,"run_id":"r"}',
        b'{"created_at_ms":-1,"run_id":"r"}',
        b'{"created_at_ms":1e400,"run_id":"r"}',
        b'{"created_at_ms":1' + b"0" * 30 + b',"run_id":"r"}',
        b'{"created_at_ms":1,"run_id":null}',
        b'{"created_at_ms":1,"run_id":["r"]}',
        b'{"created_at_ms":1,"run_id":""}',
        b'{"created_at_ms":1,"run_id":"\\ud800"}',
        b'{"created_at_ms":1,"run_id":"' + b"r" * 2_000 + b'"}',
        b"[" * 3_000,
        b"\xff",
    ],
)
def test_a_forged_page_is_refused_as_any_other_text(body: bytes) -> None:
    with pytest.raises(BadPage):
        place_in(["runs"], forged(body), KINDS)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (NUMBER, -1, -2),
        (COUNT, 0, -1),
        (TOKEN, "f/1 2", ""),
        (NAME, "a.b", "a b"),
        (or_nothing(COUNT), None, "1"),
        (list_of(NUMBER, 2), [0, -1], [0]),
        (list_of(NUMBER, 2), [0, 1], "01"),
    ],
)
def test_a_kind_takes_what_is_of_it(kind: Kind, good: Any, bad: Any) -> None:
    assert (kind(good), kind(bad)) == (True, False)
