"""Pages of a list, with opaque tokens. Owns the token: the number of entries already shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from batchwright.local.batch.errors import ClientError


def page(entries: Sequence[Any], request: Mapping[str, Any], member: str, limit: int) -> dict[str, Any]:
    """One page as the API answers it: `member` holds the entries, `nextToken` is there when more follow."""
    start = read_token(request.get("nextToken"))
    end = start + page_size(request, limit)
    answer: dict[str, Any] = {member: list(entries[start:end])}
    if end < len(entries):
        answer["nextToken"] = make_token(end)
    return answer


def page_size(request: Mapping[str, Any], limit: int) -> int:
    """maxResults, which must be 1 or more; above `limit` it counts as `limit`."""
    size = int(request.get("maxResults", limit))
    if size < 1:
        raise ClientError(f"maxResults must be 1 or more, not {size}")
    return min(size, limit)


def make_token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def read_token(token: str | None) -> int:
    """The position within `token`; 0 without one. Raises ClientError on a token that is not ours."""
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise ClientError(f"nextToken {token!r} is not one that this server gave out") from error
