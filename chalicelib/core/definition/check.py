"""Everything that is wrong with a workflow's definition, at once.

Owns what takes more than one value to judge: the graph, params against their types, expressions against params, and
what defaults and tasks must give together. Works on plain data, so that one mistake does not hide the others; whatever
has the wrong shape is left to the models (`model.py`), which tell it. Retries, schedules and the size of what would
be submitted have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from chalicelib.core import rules
from chalicelib.core.definition.check_notify import notify_mistakes
from chalicelib.core.definition.check_retry import default_retry_mistakes, retry_mistakes
from chalicelib.core.definition.check_schedule import schedule_mistakes
from chalicelib.core.definition.check_size import Sizes, weight
from chalicelib.core.definition.graph import graph_mistakes
from chalicelib.core.definition.model import Workflow
from chalicelib.core.definition.too_much import MISTAKES_MAXIMUM, too_much
from chalicelib.core.definition.validated import Misshapen, validated
from chalicelib.core.errors import InvalidWorkflow
from chalicelib.core.gc_pause import collector_paused
from chalicelib.core.mistakes import Mistake, Path, label_of
from chalicelib.core.params import Declaration, ParamType, comparable, fits
from chalicelib.core.states import TriggerRule
from chalicelib.core.suggest import Names, shown
from chalicelib.core.template import Expression, TemplateMistake, expressions

_LARGE = 10_000
"""Tasks, or entries in them. One look at a definition of more takes tenths of a second."""
_NEEDED = ("job_definition", "queue")
_NEVER_PLAIN = ("retry", "trigger_rule")
_NEVER_WITHOUT_PARENTS = (
    TriggerRule.ONE_SUCCESS,
    TriggerRule.ONE_FAILED,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
)
_NUMBERS = (("vcpus",), ("memory_mib",), ("gpus",), ("array", "size"), ("timeout_seconds",))
_LABELS = ("array", "labels")
_TEXT = {str}


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition's workflow, or why there is none. The mistakes are in no order."""

    workflow: Workflow | None
    mistakes: list[Mistake]


@collector_paused()
def check_definition(definition: Any) -> Checked:
    """Check a definition, given as JSON-like data. Never raises. Of what is too much, or wrong in too many places, no
    more is told than can be read; of a large definition, what the first look tells that finds something."""
    if not isinstance(definition, dict):
        workflow, misshapen = _modelled(definition)
        return Checked(workflow, list(misshapen))
    if mistakes := too_much(definition):
        return Checked(None, mistakes)
    tasks = _mapping(definition.get("tasks"))
    if _is_large(tasks):
        for look in (_graph_mistakes(tasks), _checked_apart(definition, tasks)):
            if mistakes := _first(look):
                return Checked(None, mistakes)
        workflow, misshapen = _modelled(definition)
        return Checked(workflow, _first(misshapen))
    workflow, misshapen = _modelled(definition)
    mistakes = _first(chain(misshapen, _graph_mistakes(tasks), _checked_apart(definition, tasks)))
    return Checked(None if mistakes else workflow, mistakes)


def _is_large(tasks: Mapping[str, Any]) -> bool:
    if len(tasks) > _LARGE:
        return True
    fields = (value for task in tasks.values() for field, value in _mapping(task).items() if field != "depends_on")
    return sum(len(value) for value in fields if isinstance(value, (list, dict))) > _LARGE


def _modelled(definition: Any) -> tuple[Workflow | None, Iterator[Mistake]]:
    """The workflow of the models, or what does not fit them."""
    try:
        return validated(definition), iter(())
    except Misshapen as error:
        return None, error.mistakes


def _first(found: Iterator[Mistake]) -> list[Mistake]:
    """As many mistakes as are told."""
    mistakes = list(islice(found, MISTAKES_MAXIMUM))
    if next(found, None):
        mistakes.append(Mistake((), f"there are more than {MISTAKES_MAXIMUM:,} mistakes"))
    return mistakes


def workflow_from(definition: Any) -> Workflow:
    """The workflow of a definition. Raises InvalidWorkflow with every mistake."""
    checked = check_definition(definition)
    if checked.workflow is None:
        raise InvalidWorkflow(checked.mistakes)
    return checked.workflow


def _graph_mistakes(tasks: Mapping[str, Any]) -> Iterator[Mistake]:
    yield from graph_mistakes({name: _strings(_mapping(task).get("depends_on")) for name, task in tasks.items()})


def _checked_apart(definition: dict[str, Any], tasks: Mapping[str, Any]) -> Iterator[Mistake]:
    """What takes more than one value to judge, but for the graph."""
    declared = _mapping(definition.get("params"))
    defaults = _mapping(definition.get("defaults"))
    yield from _param_mistakes(declared)
    if definition.get("tasks") == {}:
        yield Mistake(("tasks",), "tasks must not be empty")
    judge = _Expressions(declared)
    yield from judge.mistakes(("defaults",), defaults)
    yield from default_retry_mistakes(defaults)
    yield from _default_null_mistakes(defaults)
    sizes = Sizes(defaults)
    yield from sizes.of_defaults
    enough = not (any(_missing_mistakes((), {}, defaults)) or isinstance(defaults.get("retry"), dict))
    for name, task in tasks.items():
        if not isinstance(task, dict) or (enough and _is_plain(task, sizes.room)):
            continue
        path = ("tasks", name)
        yield from judge.mistakes(path, task)
        yield from _missing_mistakes(path, task, defaults)
        yield from retry_mistakes(path, task, defaults)
        yield from sizes.mistakes(path, name, task)
    declarations = {name: _declaration(param) for name, param in declared.items()}
    yield from notify_mistakes(definition.get("notify"))
    yield from schedule_mistakes(definition.get("schedules"), declarations)


def _is_plain(task: Mapping[str, Any], room: int) -> bool:
    """Whether a glance says that nothing is wrong with the task that a look at it beside sound defaults would find: no
    expression, nothing taken back, and too little to break a limit. `room`: the weight that it may have for that."""
    for field, value in task.items():
        if field == "depends_on":
            continue
        if field in _NEVER_PLAIN or (field in _NEEDED and value is None):
            return False
        if isinstance(value, str):
            texts: Iterable[Any] = (value,)
        elif isinstance(value, list):
            texts = value
        elif isinstance(value, dict):
            texts = [*value, *value.values()]
        else:
            continue
        for text in texts:
            if isinstance(text, str):
                if "${" in text:
                    return False
                room -= weight(text)
    return room > 0


def _param_mistakes(declared: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, param in declared.items():
        declaration = _declaration(param)
        if declaration is None:
            continue
        path: Path = ("params", name)
        choices = declaration.enum or ()
        seen: set[Any] = set()
        if declaration.enum is not None and not choices:
            yield Mistake((*path, "enum"), "enum must not be empty")
        for place, choice in enumerate(choices):
            if not fits(declaration.type, choice):
                text = f"enum[{place}] must be of type {declaration.type}, not {shown(choice)}"
                yield Mistake((*path, "enum", place), text)
            elif (kept := comparable(choice)) in seen:
                yield Mistake((*path, "enum", place), f"enum names {shown(choice)} twice", "once is enough")
            else:
                seen.add(kept)
        if declaration.default is None:
            continue
        if declaration.required:
            yield Mistake((*path, "default"), "default is of no use, for the param is required", "take one of them out")
        misfit = declaration.misfit(declaration.default)
        if misfit:
            yield Mistake((*path, "default"), f"default {misfit}")


def _default_null_mistakes(defaults: Mapping[str, Any]) -> Iterator[Mistake]:
    """Null takes a value of the defaults away, so in the defaults there is nothing that it could take."""
    for field in ("environment", "parameters", "tags"):
        for name, value in _mapping(defaults.get(field)).items():
            if value is None:
                yield Mistake(("defaults", field, name), f"{field}.{name} must be a string, not nothing")


def _missing_mistakes(path: Path, task: dict[str, Any], defaults: Mapping[str, Any]) -> Iterator[Mistake]:
    for field in _NEEDED:
        if (task[field] if field in task else defaults.get(field)) is None:
            yield Mistake((*path, field), f"{field} is missing", "give it in the task or in defaults", at_key=True)
    rule = task.get("trigger_rule", defaults.get("trigger_rule"))
    if rule in _NEVER_WITHOUT_PARENTS and task.get("depends_on", []) == []:
        yield Mistake(
            (*path, "trigger_rule"),
            f"trigger_rule {rule} can never hold without depends_on",
            "all_success lets it start at once",
        )


class _Expressions:
    """Expressions against the declared params: their names everywhere, their types where only some fit."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._declared = declared
        self._names = Names(declared)
        self._of_params: dict[str, list[Expression]] = {}
        """By text: the expressions in it that name a param."""

    def mistakes(self, path: Path, settings: Mapping[str, Any]) -> Iterator[Mistake]:
        for field, value in settings.items():
            if isinstance(value, str):
                yield from self._of_text((*path, field), value)
            elif isinstance(value, list):
                for place, item in enumerate(value):
                    if isinstance(item, str) and "${" in item:
                        yield from self._of_text((*path, field, place), item)
            elif isinstance(value, dict) and field == "retry":
                for name, one in _mapping(value.get("on")).items():
                    yield from self._of_text((*path, field, "on", name, "queue"), _mapping(one).get("queue"))
            elif isinstance(value, dict):
                for name, item in value.items():
                    yield from self._of_text((*path, field, name), item)

    def _of_text(self, path: Path, text: Any) -> Iterator[Mistake]:
        if not isinstance(text, str) or "${" not in text:
            return
        field = path[2:] if path[0] == "tasks" else path[1:]
        if field[0] in ("depends_on", "trigger_rule", "allow_failure"):
            return
        found = self._of_params.get(text)
        if found is None:
            try:
                found = [one for one in dict.fromkeys(expressions(text)) if one.root == "params"]
            except TemplateMistake:
                found = []  # the models tell it
            self._of_params[text] = found
        for expression in found:
            yield from self._of_param(path, field, expression)

    def _of_param(self, path: Path, field: Path, expression: Expression) -> Iterator[Mistake]:
        label = label_of(path)
        if expression.name not in self._declared:
            nearest = self._names.nearest(expression.name)
            suggestion = f"did you mean '${{params.{nearest}}}'?" if nearest else "declare it under params"
            yield Mistake(path, f"{label} names the param '{expression.name}', which is not declared", suggestion)
            return
        param = self._declared[expression.name]
        kind = param.get("type") if isinstance(param, dict) else None
        allowed = _types_for(field)
        if allowed and kind in tuple(ParamType) and kind not in allowed:
            text = f"{label} needs a param of type {' or '.join(allowed)}, but '{expression.name}' is of type {kind}"
            yield Mistake(path, text)
        elif allowed:
            yield from self._of_default(path, field, expression, param)

    def _of_default(self, path: Path, field: Path, expression: Expression, param: Any) -> Iterator[Mistake]:
        """A number, or the labels of an array, whose param has a default that no run could use."""
        default = param.get("default") if isinstance(param, dict) else None
        if field == _LABELS and isinstance(default, list):
            if mistake := rules.array_labels_mistake(default):
                text = f"{label_of(path)}{mistake[0]} {mistake[1].text}, in the default of '{expression.name}'"
                yield Mistake(path, text, mistake[1].suggestion)
            return
        rule = rules.NUMBERS.get("_".join(map(str, field)))
        if rule is None or isinstance(default, bool) or not isinstance(default, (int, float)):
            return
        broken = rule(default)
        if broken:
            text = f"{label_of(path)} {broken.text}, the default of '{expression.name}'"
            yield Mistake(path, text, broken.suggestion)


def _types_for(field: Path) -> tuple[ParamType, ...]:
    """The types of param that a field takes; none for any."""
    if field == ("vcpus",):
        return (ParamType.INTEGER, ParamType.NUMBER)
    if field in _NUMBERS:
        return (ParamType.INTEGER,)
    if field == _LABELS:
        return (ParamType.LIST,)
    if field[-1] == "queue" or field == ("job_definition",):
        return (ParamType.STRING, ParamType.INTEGER)
    return ()


def _declaration(param: Any) -> Declaration | None:
    """The declaration, if it is sound enough to judge values by."""
    if not isinstance(param, dict) or param.get("type") not in tuple(ParamType):
        return None
    choices = param.get("enum")
    if choices is not None and not isinstance(choices, list):
        return None
    enum = None if choices is None else tuple(choices)
    return Declaration(ParamType(param["type"]), param.get("default"), param.get("required") is True, enum)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    """A list of strings; empty when it is none, for then the models tell it."""
    return value if isinstance(value, list) and {*map(type, value)} <= _TEXT else []
