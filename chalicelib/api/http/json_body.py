"""A request's body as data: JSON (core/strict_json.py) of bounded size.

What the data means is the models' (parse_request.py).
"""

from __future__ import annotations

from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.strict_json import NoJson, read_json

CONTAINERS_MAXIMUM = 300_000
"""Lists and objects, each of which takes time; a workflow of 100,000 tasks has fewer."""
ESCAPED_BYTES_MAXIMUM = 6_000_000
"""A body within the JSON of Lambda's event, of which 6 MiB are the most; the rest is for headers and context."""
_ESCAPED = (b'"', b"\\", b"\n", b"\r", b"\t")
"""The bytes of a JSON text that take two within another one."""


class TooLarge(UserMistake):
    """Refuse: the body has more bytes than the route takes."""


def check_escaped_size(body: bytes) -> None:
    """Raises TooLarge for a body that Lambda would not be given: API Gateway writes it as a text within JSON, in which
    quotes, backslashes and line ends take two bytes each."""
    escaped = len(body) + sum(body.count(one) for one in _ESCAPED)
    if escaped > ESCAPED_BYTES_MAXIMUM:
        raise TooLarge(
            f"the body may come to {ESCAPED_BYTES_MAXIMUM:,} bytes as text within JSON, not {escaped:,}: with AWS "
            "credentials (--stage) the same can be asked without the HTTP API"
        )


def read_json_body(body: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises NoJson naming what is wrong and where."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoJson(f"the body must be UTF-8, and its byte {error.start} is not") from None
    if text.count("[") + text.count("{") > CONTAINERS_MAXIMUM:
        raise NoJson(f"the body has more than {CONTAINERS_MAXIMUM:,} lists and objects")
    try:
        return read_json(text)
    except NoJson as error:
        raise NoJson(f"the body: {error}") from None
