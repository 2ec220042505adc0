"""What is too much of a workflow, found before anything looks at it closely.

Each check here costs little however large the definition is, and what passes all of them is checked, told of and
compiled in bounded time and memory. The limits are far above what anybody has asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from chalicelib.core import limits
from chalicelib.core.mistakes import Mistake
from chalicelib.core.suggest import shown

MISTAKES_MAXIMUM = 1_000
"""How many mistakes are told. Nobody mends more at once."""
DEPENDENCIES_MAXIMUM = 300_000
NAMED_MAXIMUM = 1_000
"""Params, and schedules."""
CHOICES_MAXIMUM = 1_000
"""Values of a param's enum."""
CHOICES_TOGETHER_MAXIMUM = 100_000
"""Values of all enums."""
ENTRIES_MAXIMUM = 1_000_000
"""Entries of environment, parameters and tags in all tasks, with those of defaults that are joined to them."""

NAME_CHARACTERS_MAXIMUM = 1_000
"""Of any name; what is shorter and still too long is told with the name."""
KEYS_MAXIMUM = 100
"""Of a task, a param, and whatever else has a fixed list of keys."""
ITEMS_MAXIMUM = 5_000
"""Of one list or mapping in a task but depends_on. Batch takes 30 KiB for a whole submission."""

LABELS_TOGETHER_MAXIMUM = 1_000_000
"""Labels of the arrays of all tasks. AWS Batch takes as many waiting jobs from an account."""

_JOINED = ("environment", "parameters", "tags")


def too_much(definition: Mapping[str, Any]) -> list[Mistake]:
    """The first thing that there is too much of, if any: it is reason enough to look no further."""
    return list(islice(_too_much(definition), 1))


def _too_much(definition: Mapping[str, Any]) -> Iterator[Mistake]:
    tasks = _mapping(definition.get("tasks"))
    params = _mapping(definition.get("params"))
    if len(tasks) > limits.TASKS_MAXIMUM:
        yield _mistake(("tasks",), "tasks", limits.TASKS_MAXIMUM, len(tasks))
    for part in ("params", "schedules"):
        if (count := len(_mapping(definition.get(part)))) > NAMED_MAXIMUM:
            yield _mistake((part,), part, NAMED_MAXIMUM, count)
    together = 0
    for name, param in params.items():
        choices = _length(_mapping(param).get("enum"))
        together += choices
        if choices > CHOICES_MAXIMUM:
            yield _mistake(("params", name, "enum"), "enum", CHOICES_MAXIMUM, choices)
    if together > CHOICES_TOGETHER_MAXIMUM:
        yield _mistake(("params",), "values of all enums together", CHOICES_TOGETHER_MAXIMUM, together)
    for part in ("params", "schedules", "tasks"):
        yield from _too_long_names((part,), _mapping(definition.get(part)))
    yield from _too_long_names((), definition)
    if len(definition) > KEYS_MAXIMUM:
        yield _mistake((), "keys of a workflow", KEYS_MAXIMUM, len(definition))
    for path, settings in _settings(definition, params, tasks):
        yield from _too_large(path, settings)
    labels = _labels_together(_mapping(definition.get("defaults")), tasks)
    if labels > LABELS_TOGETHER_MAXIMUM:
        text = "labels of the arrays of all tasks together, with those of defaults,"
        yield _mistake(("tasks",), text, LABELS_TOGETHER_MAXIMUM, labels)
    dependencies, entries = _sums(_mapping(definition.get("defaults")), tasks)
    if dependencies > DEPENDENCIES_MAXIMUM:
        yield _mistake(("tasks",), "depends_on of all tasks together", DEPENDENCIES_MAXIMUM, dependencies)
    if entries > ENTRIES_MAXIMUM:
        text = "environment, parameters and tags of all tasks together, with those of defaults,"
        yield _mistake(("tasks",), text, ENTRIES_MAXIMUM, entries)


def _settings(
    definition: Mapping[str, Any], params: Mapping[str, Any], tasks: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    yield ("defaults",), _mapping(definition.get("defaults"))
    for part, named in (("params", params), ("schedules", _mapping(definition.get("schedules"))), ("tasks", tasks)):
        for name, settings in named.items():
            if isinstance(settings, dict) and not _surely_little(settings):
                yield (part, name), settings


def _surely_little(settings: Mapping[str, Any]) -> bool:
    """Whether a glance at the settings of a task says that there is not too much of anything: so it is of most."""
    if len(settings) > KEYS_MAXIMUM:
        return False
    for field, value in settings.items():
        if len(field) > NAME_CHARACTERS_MAXIMUM or field in ("retry", "array"):
            return False
        if isinstance(value, (dict, list)) and len(value) > ITEMS_MAXIMUM:
            return False
        if isinstance(value, dict) and value and len(max(value, key=len)) > NAME_CHARACTERS_MAXIMUM:
            return False
    return True


def _too_large(path: tuple[str, ...], settings: Mapping[str, Any]) -> Iterator[Mistake]:
    if len(settings) > KEYS_MAXIMUM:
        yield _mistake(path, "keys", KEYS_MAXIMUM, len(settings))
    yield from _too_long_names(path, settings)
    for field, value in settings.items():
        if isinstance(value, dict):
            yield from _too_long_names((*path, field), value)
        if field == "depends_on" and isinstance(value, list) and len(value) > ITEMS_MAXIMUM:
            wrong = next((place for place, parent in enumerate(value) if not isinstance(parent, str)), None)
            if wrong is not None:
                found = shown(value[wrong])
                yield Mistake((*path, field, wrong), f"depends_on[{wrong}] must be a string, not {found}")
        elif isinstance(value, (dict, list)) and field not in ("depends_on", "enum", "default"):
            if len(value) > ITEMS_MAXIMUM:
                yield _mistake(
                    (*path, field), f"entries of {field[:NAME_CHARACTERS_MAXIMUM]}", ITEMS_MAXIMUM, len(value)
                )
            elif field == "retry" and _length(_mapping(value).get("on")) > KEYS_MAXIMUM:
                yield _mistake((*path, field, "on"), "entries of retry.on", KEYS_MAXIMUM, len(_mapping(value)["on"]))
            elif field == "array" and (count := _label_count(value)) > limits.ARRAY_SIZE_MAXIMUM:
                yield _mistake((*path, field, "labels"), "entries of array.labels", limits.ARRAY_SIZE_MAXIMUM, count)


def _too_long_names(path: tuple[str, ...], named: Mapping[str, Any]) -> Iterator[Mistake]:
    longest = max(map(len, named), default=0)
    if longest > NAME_CHARACTERS_MAXIMUM:
        place = f" in {path[-1]}" if path else ""
        yield _mistake(path, f"the characters of a name{place}", NAME_CHARACTERS_MAXIMUM, longest)


def _sums(defaults: Mapping[str, Any], tasks: Mapping[str, Any]) -> tuple[int, int]:
    """How many dependencies the tasks have, and how many entries those that have some of their own, once those of
    defaults are joined to them."""
    shared = {field: _length(defaults.get(field)) for field in _JOINED}
    dependencies, entries = 0, sum(shared.values())
    for task in tasks.values():
        for field, value in task.items() if isinstance(task, dict) else ():
            if field == "depends_on":
                dependencies += _length(value)
            elif field in shared and (own := _length(value)):
                entries += own + shared[field]
    return dependencies, entries


def _labels_together(defaults: Mapping[str, Any], tasks: Mapping[str, Any]) -> int:
    """How many labels the plan would hold: a task without an array of its own has that of defaults."""
    shared = _label_count(defaults.get("array"))
    return sum(
        _label_count(task["array"]) if "array" in task else shared for task in tasks.values() if isinstance(task, dict)
    )


def _label_count(array: Any) -> int:
    return _length(_mapping(array).get("labels"))


def _mistake(path: tuple[str, ...], what: str, most: int, found: int) -> Mistake:
    return Mistake(path, f"{what} must be {most:,} or less, not {found:,}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (dict, list)) else 0
