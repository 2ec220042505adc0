"""Everything that is wrong with the definition of monitors, at once.

Owns what takes more than one value to judge. Works on plain data, so that one mistake does not hide the others;
whatever has the wrong shape is left to the models (`file_model.py`), which tell it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from chalicelib.core.definition.error_words import Kind, mistakes_of
from chalicelib.core.definition.too_much import MISTAKES_MAXIMUM
from chalicelib.core.errors import InvalidMonitors
from chalicelib.core.limits import MONITORS_MAXIMUM
from chalicelib.core.mistakes import Mistake, Path
from chalicelib.core.monitor.file_model import RULE_MODELS, Monitor, Monitors
from chalicelib.core.monitor.monitor import RULES

PATTERNS_MAXIMUM = 100
"""Of one list of a monitor: each event of a job is held against all of them."""
CHARACTERS_MAXIMUM = 200_000
"""Of the whole definition: it is one item of the table, and read by each process once a minute."""
_LISTS = ("queues", "names", "definitions", "kinds")


def _part_at(path: Path) -> type[BaseModel]:
    if len(path) < 2:
        return Monitors
    return Monitor if len(path) == 2 else RULE_MODELS[str(path[2])]


_YES, _NO = ("yes", "on", "y", "true"), ("no", "off", "n", "false")


def _hint_at(path: Path, value: Any) -> str | None:
    if len(path) == 2 and value is None:
        return f"give one of {', '.join(RULES)}, such as {{failed: true}}"
    if path[2:] == ("failed",):
        word = value.lower() if isinstance(value, str) else None
        return "write false" if word in _NO else "write true" if word in _YES else "write true for all failures"
    return None


_KIND = Kind("a monitor file", "a monitor file needs monitors", _part_at, _hint_at)


def monitor_mistakes(definition: Any) -> list[Mistake]:
    """Everything that is wrong with a definition, given as JSON-like data; in no order. Never raises."""
    monitors = definition.get("monitors") if isinstance(definition, dict) else None
    if isinstance(monitors, dict) and len(monitors) > MONITORS_MAXIMUM:
        text = f"monitors must be {MONITORS_MAXIMUM:,} or less, not {len(monitors):,}"
        return [Mistake(("monitors",), text, "one monitor may watch several queues and names")]
    found: list[Mistake] = []
    if (length := len(json.dumps(definition))) > CHARACTERS_MAXIMUM:
        text = f"the monitors must come to {CHARACTERS_MAXIMUM:,} characters of JSON or less, not {length:,}"
        return [Mistake((), text, "use '*' and '?'")]
    try:
        Monitors.model_validate(definition)
    except ValidationError as error:
        found += islice(mistakes_of(error, of=_KIND), MISTAKES_MAXIMUM)
    for name, monitor in monitors.items() if isinstance(monitors, dict) else ():
        if isinstance(monitor, dict):
            found += _checked_together(("monitors", name), monitor)
    return found


def check_monitors(definition: Any) -> dict[str, Any]:
    """The definition, if nothing is wrong with it. Raises InvalidMonitors with every mistake."""
    mistakes = monitor_mistakes(definition)
    if mistakes:
        raise InvalidMonitors(mistakes)
    checked: dict[str, Any] = definition
    return checked


def _checked_together(path: Path, monitor: Mapping[str, Any]) -> Iterator[Mistake]:
    if not any(monitor.get(rule) not in (None, False) for rule in RULES):
        text = "says nothing about the jobs that it watches"
        yield Mistake(path, text, f"give one of {', '.join(RULES)}", at_key=True)
    for field in _LISTS:
        yield from _list_mistakes((*path, field), monitor.get(field))
    for key, rule in RULES.items():
        given = monitor.get(key)
        if isinstance(given, dict):
            for field, value in given.items():
                yield from _list_mistakes((*path, key, str(field)), value)
            for one in rule.mistakes(given):
                yield replace(one, path=(*path, key, *one.path))


def _list_mistakes(path: Path, value: Any) -> Iterator[Mistake]:
    label = ".".join(str(piece) for piece in path[2:])
    if value == []:
        yield Mistake(path, f"{label} must not be empty", "leave it out for all")
    elif isinstance(value, list) and len(value) > PATTERNS_MAXIMUM:
        yield Mistake(path, f"{label} must be {PATTERNS_MAXIMUM} or less, not {len(value):,}", "use '*' and '?'")
