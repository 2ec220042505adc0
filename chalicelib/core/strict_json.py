"""JSON as everything here reads it: strict, of bounded depth, in bounded time.

Owns what is refused that other readers would take for something else: a key given twice, NaN and Infinity, a number
that is no finite double, half of a surrogate pair. batchwright/files/json_text.py reads a file by the same rules and
adds the places.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from chalicelib.core.errors import UserMistake
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.limits import DEPTH_MAXIMUM, DIGITS_MAXIMUM
from chalicelib.core.suggest import shown

TOO_DEEP = f"values are nested more than {DEPTH_MAXIMUM} deep"
HALF_A_PAIR = "half of a surrogate pair stands alone"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTAINERS = {list, dict}
_CONSTANTS = {"true": True, "false": False, "null": None}
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class NoJson(UserMistake):
    """Refuse: the text is not JSON that can be used."""


@collector_paused()
def read_json(text: str) -> Any:
    """The value of a JSON text. Raises NoJson with the rule that it breaks, and where its syntax is wrong."""
    try:
        value = json.loads(
            text, parse_constant=_no_number, parse_int=number_of, parse_float=number_of, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        words = error.msg[:1].lower() + error.msg[1:]
        raise NoJson(f"not valid JSON: {words} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise NoJson(TOO_DEEP) from None
    _check_depth(value)
    if "\\u" in text:
        _check_characters(value)
    return value


def number_of(written: str) -> int | float:
    """The number that JSON writes so. Raises NoJson for one that is too long or too large."""
    if len(written) > DIGITS_MAXIMUM:
        raise NoJson(too_many_digits(written))
    if written.lstrip("-").isdigit():
        return int(written)
    value = float(written)
    if not math.isfinite(value):
        raise NoJson(f"'{written[:40]}' is too large for a number")
    return value


def too_many_digits(written: str) -> str:
    """The words for a number that is too long; also YAML's reader uses them."""
    return f"a number has {len(written)} digits; {DIGITS_MAXIMUM} are the most"


def read_scalar(written: str) -> Any:
    """The value of a number, or of true, false or null. Raises NoJson for anything else."""
    if written in _CONSTANTS:
        return _CONSTANTS[written]
    if not NUMBER.fullmatch(written):
        raise NoJson(f"'{written[:40]}' is no number that can be used")
    return number_of(written)


def _check_depth(value: Any) -> None:
    """Level by level, so that no call is nested."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEPTH_MAXIMUM):
        items = (one.values() if isinstance(one, dict) else one for one in level)
        level = [item for some in items if not _CONTAINERS.isdisjoint(map(type, some)) for item in some]
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return
    raise NoJson(TOO_DEEP)


def _check_characters(value: Any) -> None:
    if LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise NoJson(f"{HALF_A_PAIR}; it is no character")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise NoJson(f"the key {shown(name)} stands twice in one object")
            seen.add(name)
    return found


def _no_number(constant: str) -> NoReturn:
    raise NoJson(f"'{constant}' is no number that can be used")
