"""Where a list goes on: the `page` that a caller is given for what follows, and gives back.

Owns its form, which callers take as it is: base64 of JSON, with a sum over it and the list it belongs to, so that a
mangled one and one of another list are told from a good one. It grants nothing and hides nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.errors import BadPage
from chalicelib.core.suggest import shown

_SUM_BYTES = 6
_CHARACTERS_MAXIMUM = 4_096


def page_of(of_list: Sequence[Any], place: Mapping[str, Any]) -> str:
    """The page of a list that goes on at `place`. `of_list` names the list: its kind and what it was asked for."""
    body = json.dumps(place, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sum(of_list, body) + body).decode().rstrip("=")


def place_in(of_list: Sequence[Any], page: str) -> dict[str, Any]:
    """The place that `page_of` made this page of. Raises BadPage for any other text."""
    try:
        if len(page) > _CHARACTERS_MAXIMUM:
            raise ValueError(page)
        raw = base64.b64decode(page + "=" * (-len(page) % 4), altchars=b"-_", validate=True)
        body = raw[_SUM_BYTES:]
        if raw[:_SUM_BYTES] != _sum(of_list, body):
            raise ValueError(page)
        place: dict[str, Any] = json.loads(body)
    except (ValueError, binascii.Error):
        raise BadPage(f"page must be the `next` of the same list as it was given, not {shown(page)}") from None
    return place


def _sum(of_list: Sequence[Any], body: bytes) -> bytes:
    named = json.dumps(of_list, separators=(",", ":")).encode()
    return hashlib.sha256(named + b"\n" + body).digest()[:_SUM_BYTES]
