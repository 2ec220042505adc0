"""ETags in headers (RFC 9110, section 8.8): quoted there, bare everywhere else."""

from __future__ import annotations

import re

from chalicelib.core.errors import UserMistake
from chalicelib.core.suggest import shown

_LISTED = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_ONE = re.compile(r'"([\x21\x23-\x7e]{1,128})"')


def quoted(etag: str) -> str:
    """An ETag as a header has it."""
    return f'"{etag}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether an If-None-Match header names the ETag; compared weakly, as for a GET."""
    return if_none_match.strip() == "*" or etag in _LISTED.findall(if_none_match)


def read_if_match(header: str | None) -> str | None:
    """The one ETag of an If-Match header, "*" for any; None without one. Raises UserMistake for anything else."""
    if header is None or header.strip() == "*":
        return header and "*"
    found = _ONE.fullmatch(header.strip())
    if not found:
        raise UserMistake(f"the header If-Match must be one ETag in double quotes, or *, not {shown(header)}")
    return found[1]
