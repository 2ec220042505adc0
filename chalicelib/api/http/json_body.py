"""A request's body as data: strict JSON, of bounded size and depth, in bounded time.

Owns what JSON alone decides. Refused is what other readers would take for something else: a key given twice, NaN and
Infinity, a number that is no finite double, half a surrogate pair. What the data means is the models'
(parse_request.py).
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from chalicelib.core.errors import UserMistake
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.suggest import shown

DEPTH_MAXIMUM = 32
DIGITS_MAXIMUM = 308
"""As many as the largest double has; whole numbers are kept exactly."""
CONTAINERS_MAXIMUM = 300_000
"""Lists and objects, each of which takes time; a workflow of 100,000 tasks has fewer."""

ESCAPED_BYTES_MAXIMUM = 6_000_000
"""A body within the JSON of Lambda's event, of which 6 MiB are the most; the rest is for headers and context."""

_ESCAPED = (b'"', b"\\", b"\n", b"\r", b"\t")
"""The bytes of a JSON text that take two within another one."""
_CONTAINERS = {list, dict}


class NoJson(UserMistake):
    """Refuse: the body is not JSON that can be used."""


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


@collector_paused()
def read_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises NoJson naming what is wrong and where."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoJson(f"the body must be UTF-8, and its byte {error.start} is not") from None
    containers = text.count("[") + text.count("{")
    if containers > CONTAINERS_MAXIMUM:
        raise NoJson(f"the body has more than {CONTAINERS_MAXIMUM:,} lists and objects")
    try:
        value = json.loads(
            text, parse_constant=_no_number, parse_int=_integer, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        words = error.msg[:1].lower() + error.msg[1:]
        raise NoJson(f"the body is not valid JSON: {words} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value)
    if "\\u" in text:
        _check_characters(value)
    return value


def _check_depth(value: Any) -> None:
    """Level by level, so that no call is nested."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEPTH_MAXIMUM):
        items = (one.values() if isinstance(one, dict) else one for one in level)
        level = [item for some in items if not _CONTAINERS.isdisjoint(map(type, some)) for item in some]
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> NoJson:
    return NoJson(f"values in the body are nested deeper than {DEPTH_MAXIMUM} levels")


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NoJson("a string in the body has half of a surrogate pair, which is no character") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NoJson(f"the body has the key {shown(name)} twice in one object")
            seen.add(name)
    return found


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAXIMUM:
        raise NoJson(f"a number in the body has {len(digits)} digits; {DIGITS_MAXIMUM} are the most")
    return int(digits)


def _float(written: str) -> float:
    if len(written) > DIGITS_MAXIMUM:
        raise NoJson(f"a number in the body has {len(written)} digits; {DIGITS_MAXIMUM} are the most")
    value = float(written)
    if not math.isfinite(value):
        raise NoJson(f"the number {written[:40]} in the body is too large")
    return value


def _no_number(constant: str) -> NoReturn:
    raise NoJson(f"the body holds {constant}, which is no JSON")
