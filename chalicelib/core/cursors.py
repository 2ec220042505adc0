"""Where a list goes on: the `page` that a caller is given for what follows, and gives back.

Owns its form, which callers take as it is: base64 of JSON, with a sum over it and the list it belongs to, so that a
mangled one and one of another list are told from a good one. It grants nothing and hides nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.core.errors import BadPage
from chalicelib.core.suggest import shown

_SUM_BYTES = 6
_CHARACTERS_MAXIMUM = 4_096
_NUMBER_MAXIMUM = 10**15

Kind = Callable[[Any], bool]
"""Whether a value of a place may be what it is."""


def _text(pattern: str) -> Kind:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and bool(form.fullmatch(value))


def _number(minimum: int) -> Kind:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= _NUMBER_MAXIMUM


NAME = _text(r"[\x21-\x7e]{1,256}")
"""A name or an id, such as a key of the table takes."""
TOKEN = _text(r"[\x20-\x7e]{1,2048}")
"""What CloudWatch Logs calls a token."""
COUNT = _number(0)
"""A time, an index, an epoch."""
NUMBER = _number(-1)
"""The same, -1 standing for none."""


def page_of(of_list: Sequence[Any], place: Mapping[str, Any]) -> str:
    """The page of a list that goes on at `place`. `of_list` names the list: its kind and what it was asked for."""
    body = json.dumps(place, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sum(of_list, body) + body).decode().rstrip("=")


def place_in(of_list: Sequence[Any], page: str, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The place that `page_of` made this page of, with values of these kinds under these names. Raises BadPage for any
    other text: the sum has no key, so that anybody can make one that it fits."""
    try:
        if len(page) > _CHARACTERS_MAXIMUM:
            raise ValueError(page)
        raw = base64.b64decode(page + "=" * (-len(page) % 4), altchars=b"-_", validate=True)
        body = raw[_SUM_BYTES:]
        if raw[:_SUM_BYTES] != _sum(of_list, body):
            raise ValueError(page)
        place = json.loads(body)
        if not isinstance(place, dict) or place.keys() != kinds.keys():
            raise ValueError(page)
        if not all(kinds[name](value) for name, value in place.items()):
            raise ValueError(page)
    except (ValueError, binascii.Error, RecursionError):
        raise BadPage(f"page must be the `next` of the same list as it was given, not {shown(page)}") from None
    return place


def or_nothing(kind: Kind) -> Kind:
    """Whether it is of the kind, or null."""
    return lambda value: value is None or kind(value)


def list_of(kind: Kind, length: int) -> Kind:
    """Whether it is a list of so many of the kind."""
    return lambda value: isinstance(value, list) and len(value) == length and all(map(kind, value))


def _sum(of_list: Sequence[Any], body: bytes) -> bytes:
    named = json.dumps(of_list, separators=(",", ":")).encode()
    return hashlib.sha256(named + b"\n" + body).digest()[:_SUM_BYTES]
