"""ETags in headers (RFC 9110, section 8.8): quoted there, bare everywhere else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.http.parameters import Form
from chalicelib.core.rules import Broken, anchored
from chalicelib.core.suggest import shown

ANY = "*"
_LISTED = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_ONE = re.compile(r'"([\x21\x23-\x7e]{1,128})"')


def quoted(etag: str) -> str:
    """An ETag as a header has it."""
    return f'"{etag}"'


@dataclass(frozen=True, slots=True)
class ExpectedETag(Form):
    """The form of If-Match: one ETag, or "*" for any."""

    def broken(self, text: str) -> Broken | None:
        if text.strip() == ANY or _ONE.fullmatch(text.strip()):
            return None
        return Broken(f"must be one ETag in double quotes, or *, not {shown(text)}")

    def read(self, text: str) -> str:
        return text.strip().strip('"')

    def write(self, value: str) -> str:
        return value if value == ANY else quoted(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": anchored(r'\*|"[!#-~]{1,128}"')}


@dataclass(frozen=True, slots=True)
class KnownETags(Form):
    """The form of If-None-Match: any number of ETags, of which weak ones count too, or "*" for any."""

    default: tuple[()] = field(default=(), kw_only=True)

    def read(self, text: str) -> tuple[str, ...]:
        return (ANY,) if text.strip() == ANY else tuple(_LISTED.findall(text))

    def write(self, value: Collection[str]) -> str | None:
        return ", ".join(one if one == ANY else quoted(one) for one in value) or None

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


def matches(known: Collection[str], etag: str) -> bool:
    """Whether the ETags of an If-None-Match header name this one."""
    return ANY in known or etag in known
