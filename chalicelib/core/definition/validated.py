"""A definition held against its models, a part after the other, so that telling what is wrong with it stays cheap.

pydantic collects all errors of what it is given; of a definition with a hundred thousand mistakes that takes seconds.
So tasks are validated in portions, and whoever has heard enough asks for no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.core.definition.error_words import mistakes_of
from chalicelib.core.definition.model import OWN_KEY_PREFIX, Name, Task, Workflow
from chalicelib.core.mistakes import Mistake

PORTION = 2_000
"""Values in tasks that are validated together."""
_TASKS = TypeAdapter(dict[Name, Task])


class Misshapen(Exception):
    """A definition that does not fit the models. `mistakes` are looked for as they are asked for."""

    def __init__(self, mistakes: Iterator[Mistake]) -> None:
        super().__init__()
        self.mistakes = mistakes


def validated(definition: Any) -> Workflow:
    """The workflow of a definition. Raises Misshapen."""
    if isinstance(definition, dict):
        definition = {key: value for key, value in definition.items() if not str(key).startswith(OWN_KEY_PREFIX)}
    tasks = definition.get("tasks") if isinstance(definition, dict) else None
    if not isinstance(tasks, dict):
        try:
            return Workflow.model_validate(definition)
        except ValidationError as error:
            raise Misshapen(mistakes_of(error)) from None
    frame: Workflow | None = None
    found: Iterator[Mistake] = iter(())
    try:
        frame = Workflow.model_validate({**definition, "tasks": {}})
    except ValidationError as error:
        found = mistakes_of(error)
    valid: dict[str, Task] = {}
    portions = _portions(tasks)
    for portion in portions:
        try:
            valid |= _TASKS.validate_python(portion)
        except ValidationError as error:
            raise Misshapen(_chained(found, error, portions)) from None
    if frame is None:
        raise Misshapen(found)
    return frame.model_copy(update={"tasks": valid})


def _chained(found: Iterator[Mistake], error: ValidationError, portions: Iterator[dict[str, Any]]) -> Iterator[Mistake]:
    """What was found, what this error tells, and what is wrong with the portions that are left."""
    yield from found
    yield from mistakes_of(error, ("tasks",))
    for portion in portions:
        try:
            _TASKS.validate_python(portion)
        except ValidationError as further:
            yield from mistakes_of(further, ("tasks",))


def _portions(tasks: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    portion: dict[str, Any] = {}
    weight = 0
    for name, task in tasks.items():
        portion[name] = task
        weight += 1 + _weight(task)
        if weight >= PORTION:
            yield portion
            portion, weight = {}, 0
    if portion:
        yield portion


def _weight(task: Any) -> int:
    """How many values are in a task, about."""
    if not isinstance(task, dict):
        return 0
    return len(task) + sum(len(value) for value in task.values() if isinstance(value, (dict, list)))
