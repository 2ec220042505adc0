"""What pydantic found wrong with a file, as mistakes with a place and a suggestion.

Owns the text for each type of error that the models of `model.py` and `monitor/file_model.py` can raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from chalicelib.core.definition.model import (
    Array,
    ClassRetry,
    MemoryGrowth,
    Param,
    Retry,
    Schedule,
    Task,
    TaskSettings,
    Workflow,
)
from chalicelib.core.mistakes import Mistake, Path, broken_at, label_of
from chalicelib.core.pydantic_rules import MAPPING_TYPES, broken_of, is_of_type, rule_of
from chalicelib.core.rules import Broken
from chalicelib.core.suggest import Names, shown

_KEY_MARK = "[key]"
"""What pydantic puts at the end of the place of an error that is about a key."""

_EMPTY = {"string_type": '""', "list_type": "[]", **dict.fromkeys(MAPPING_TYPES, "{}")}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: what its whole is called, what it needs, and the model of the part at a path."""

    whole: str
    needs: str
    model_at: Callable[[Path], type[BaseModel]]
    hint_at: Callable[[Path, Any], str | None] = lambda path, value: None
    """What to write at a path in place of a value of the wrong type, where that is not as it is elsewhere."""


def mistakes_of(error: ValidationError, path: Path = (), of: Kind | None = None) -> Iterator[Mistake]:
    """The errors of a validation as mistakes: of a workflow unless another kind of file is given, or of the part of
    one that stands at `path`."""
    for one in error.errors(include_url=False):
        yield _mistake(of or WORKFLOW, one["type"], (*path, *one["loc"]), one["input"], one.get("ctx", {}))


def _mistake(of: Kind, kind: str, loc: Path, value: Any, context: Mapping[str, Any]) -> Mistake:
    at_key = kind != "missing" and bool(loc) and loc[-1] == _KEY_MARK
    path = loc[:-1] if at_key else loc
    if kind == "missing":
        return _missing(of, path)
    if kind == "extra_forbidden":
        return _unknown(of, path)
    if is_of_type(kind):
        what = label_of(path) if path else of.whole
        text = f"{what} {rule_of(kind, context, mapping='a mapping')}, not {_with_kind(value)}".lstrip()
        return Mistake(path, text, of.hint_at(path, value) or _hint(kind, value) if path else None)
    broken = broken_of(kind, context, value, mapping="a mapping")
    return _about_a_key(path, broken) if at_key else broken_at(path, broken)


def _about_a_key(path: Path, broken: Broken) -> Mistake:
    """A name that breaks a rule: of a task or param, or an entry of one of its mappings."""
    label = label_of(path[:-1]) if len(path) > 2 else ""
    if label:
        return Mistake(path, f"{label} {broken.text}", broken.suggestion, at_key=True)
    return Mistake(path, broken.text, broken.suggestion, at_key=True)


def _missing(of: Kind, path: Path) -> Mistake:
    label = label_of(path)
    if not path[:-1]:
        return Mistake(path, f"{label} is missing", of.needs)
    return Mistake(path, f"{label} is missing")


def _unknown(of: Kind, path: Path) -> Mistake:
    key = str(path[-1])
    known = [field.alias or name for name, field in of.model_at(path[:-1]).model_fields.items()]
    suggestion = Names(known).suggestion(key) or f"known keys: {', '.join(one for one in known if one != '$schema')}"
    return Mistake(path, f"{label_of(path)} is no key that is known here", suggestion, at_key=True)


def _part_of_a_workflow(path: Path) -> type[BaseModel]:
    if not path:
        return Workflow
    if path[0] == "params":
        return Param
    if path[0] == "schedules":
        return Schedule
    within = path[2:] if path[0] == "tasks" else path[1:]
    if not within:
        return Task if path[0] == "tasks" else TaskSettings
    if within[0] == "array":
        return Array
    # retry, retry.on.CLASS, retry.on.CLASS.memory_mib
    return (Retry, Retry, Retry, ClassRetry, MemoryGrowth)[len(within)]


WORKFLOW = Kind("a workflow", "a workflow needs a name and tasks", _part_of_a_workflow)


def _with_kind(value: Any) -> str:
    """The value, and what it is when that is the point: a number where a string is needed looks right in a file."""
    if isinstance(value, bool):
        return f"the boolean {shown(value)}"
    if isinstance(value, (int, float)):
        return f"the number {shown(value)}"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return shown(value)


def _hint(kind: str, value: Any) -> str | None:
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return "put it in quotes"
    if kind == "list_type" and isinstance(value, str):
        return f"write [{value}]" if value.replace("-", "").replace("_", "").isalnum() else "write a list of strings"
    if kind == "bool_type" and isinstance(value, str):
        return "take the quotes away" if value in ("true", "false") else None
    return f"write {_EMPTY[kind]} for an empty one" if value is None and kind in _EMPTY else None
