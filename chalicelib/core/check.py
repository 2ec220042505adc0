"""Everything that is wrong with a workflow's definition, at once.

Owns what takes more than one value to judge: the graph, params against their types, expressions against params, what
defaults and tasks must give together, and the size of what would be submitted. Works on plain data, so that one
mistake does not hide the others; whatever has the wrong shape is left to the models (`workflow.py`), which tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib.core import ids, limits, rules
from chalicelib.core.errors import InvalidWorkflow
from chalicelib.core.graph import graph_mistakes
from chalicelib.core.job import JobRequest, size_problems
from chalicelib.core.mistakes import Mistake, Path, broken_at, label_of
from chalicelib.core.notifycheck import notify_mistakes
from chalicelib.core.params import Declaration, ParamType, fits, same
from chalicelib.core.retrycheck import default_retry_mistakes, retry_mistakes
from chalicelib.core.schedulecheck import schedule_mistakes
from chalicelib.core.states import TriggerRule
from chalicelib.core.suggest import Names, shown
from chalicelib.core.template import Expression, TemplateMistake, expressions, parse
from chalicelib.core.too_much import MISTAKES_MAXIMUM, too_much
from chalicelib.core.validated import Misshapen, validated
from chalicelib.core.workflow import Workflow

_JOINED = ("environment", "parameters", "tags")
_NEVER_WITHOUT_PARENTS = (
    TriggerRule.ONE_SUCCESS,
    TriggerRule.ONE_FAILED,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
)
_NUMBERS = (("vcpus",), ("memory_mib",), ("gpus",), ("array", "size"), ("timeout_seconds",))
# What is lighter breaks no limit on a submission: not on its size, nor (51 tags weigh more) on its tags.
_LIGHT = 6_000
_WEIGHT_OF_AN_ITEM = 120
_SHORTEST_ATTEMPT = ids.Attempt("", 0, 0, 1)


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition's workflow, or why there is none. The mistakes are in no order."""

    workflow: Workflow | None
    mistakes: list[Mistake]


def check_definition(definition: Any) -> Checked:
    """Check a definition, given as JSON-like data. Never raises. Of what is too much, or wrong in too many places, no
    more is told than can be read."""
    workflow = None
    mistakes: list[Mistake] = []
    if isinstance(definition, dict) and (mistakes := too_much(definition)):
        return Checked(None, mistakes)
    try:
        workflow = validated(definition)
    except Misshapen as error:
        mistakes += islice(error.mistakes, MISTAKES_MAXIMUM + 1)
    if isinstance(definition, dict):
        mistakes += islice(_checked_together(definition), MISTAKES_MAXIMUM + 1)
    if len(mistakes) > MISTAKES_MAXIMUM:
        mistakes = [*mistakes[:MISTAKES_MAXIMUM], Mistake((), f"there are more than {MISTAKES_MAXIMUM:,} mistakes")]
    return Checked(None if mistakes else workflow, mistakes)


def workflow_from(definition: Any) -> Workflow:
    """The workflow of a definition. Raises InvalidWorkflow with every mistake."""
    checked = check_definition(definition)
    if checked.workflow is None:
        raise InvalidWorkflow(checked.mistakes)
    return checked.workflow


def _checked_together(definition: dict[str, Any]) -> Iterator[Mistake]:
    declared = _mapping(definition.get("params"))
    defaults = _mapping(definition.get("defaults"))
    tasks = {name: _mapping(task) for name, task in _mapping(definition.get("tasks")).items()}
    yield from _param_mistakes(declared)
    yield from _count_mistakes(definition.get("tasks"))
    yield from graph_mistakes({name: _strings(task.get("depends_on")) for name, task in tasks.items()})
    judge = _Expressions(declared)
    yield from judge.mistakes(("defaults",), defaults)
    yield from default_retry_mistakes(defaults)
    sizes = _Sizes(defaults)
    yield from sizes.of_defaults
    for name, task in tasks.items():
        if not isinstance(definition["tasks"][name], dict):
            continue
        path = ("tasks", name)
        yield from judge.mistakes(path, task)
        yield from _missing_mistakes(path, task, defaults)
        yield from retry_mistakes(path, task, defaults)
        yield from sizes.mistakes(path, name, task)
    declarations = {name: _declaration(param) for name, param in declared.items()}
    yield from notify_mistakes(definition.get("notify"))
    yield from schedule_mistakes(definition.get("schedules"), declarations)


def _param_mistakes(declared: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, param in declared.items():
        declaration = _declaration(param)
        if declaration is None:
            continue
        path: Path = ("params", name)
        choices = declaration.enum or ()
        if declaration.enum is not None and not choices:
            yield Mistake((*path, "enum"), "enum must not be empty")
        for place, choice in enumerate(choices):
            if not fits(declaration.type, choice):
                text = f"enum[{place}] must be of type {declaration.type}, not {shown(choice)}"
                yield Mistake((*path, "enum", place), text)
            elif any(same(choice, earlier) for earlier in choices[:place]):
                yield Mistake((*path, "enum", place), f"enum names {shown(choice)} twice", "once is enough")
        if declaration.default is None:
            continue
        if declaration.required:
            yield Mistake((*path, "default"), "default is of no use, for the param is required", "take one of them out")
        misfit = declaration.misfit(declaration.default)
        if misfit:
            yield Mistake((*path, "default"), f"default {misfit}")


def _count_mistakes(tasks: Any) -> Iterator[Mistake]:
    if tasks == {}:
        yield Mistake(("tasks",), "tasks must not be empty")


def _missing_mistakes(path: Path, task: dict[str, Any], defaults: Mapping[str, Any]) -> Iterator[Mistake]:
    for field in ("job_definition", "queue"):
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

    def mistakes(self, path: Path, settings: Mapping[str, Any]) -> Iterator[Mistake]:
        for field, value in settings.items():
            if isinstance(value, str):
                yield from self._of_text((*path, field), value)
            elif isinstance(value, list):
                for place, item in enumerate(value):
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
        try:
            found = expressions(text)
        except TemplateMistake:
            return  # the models tell it
        for expression in dict.fromkeys(found):
            if expression.root == "params":
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
        """A number whose param has a default that no run could use."""
        rule = rules.NUMBERS.get("_".join(map(str, field)))
        default = param.get("default") if isinstance(param, dict) else None
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
    if field[-1] == "queue" or field == ("job_definition",):
        return (ParamType.STRING, ParamType.INTEGER)
    return ()


class _Sizes:
    """Batch's limits on a whole submission, judged by what is literal in it: a run can only make it longer."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._joined = {field: _texts(defaults.get(field)) for field in _JOINED}
        self._weight = _weight(defaults)
        lengths = {field: sum(len(name) + len(text) for name, text in self._joined[field].items()) for field in _JOINED}
        self.of_defaults = [
            Mistake(
                ("defaults", field),
                f"{field} must come to {limits.SUBMIT_PAYLOAD_BYTES:,} characters or less, not {length:,}",
                "put what is long into S3 and pass its address",
            )
            for field, length in lengths.items()
            if length > limits.SUBMIT_PAYLOAD_BYTES
        ]
        """What no task could be submitted with; the tasks are not told of it one by one."""

    def mistakes(self, path: Path, name: str, task: Mapping[str, Any]) -> Iterator[Mistake]:
        if self._weight + _weight(task) < _LIGHT or self.of_defaults:
            return
        merged = {**self._defaults, **task}
        joined = {field: {**self._joined[field], **_texts(task.get(field))} for field in _JOINED}
        command = merged.get("command")
        request = JobRequest(
            name=ids.job_name(_SHORTEST_ATTEMPT, name),
            queue=_literal(merged.get("queue")),
            job_definition=_literal(merged.get("job_definition")),
            command=tuple(_literal(item) for item in command) if isinstance(command, list) else None,
            environment=tuple(joined["environment"].items()),
            parameters=(*joined["parameters"].items(), *ids.identity_parameters(_SHORTEST_ATTEMPT).items()),
            tags=tuple(joined["tags"].items()),
        )
        for broken in size_problems(request):
            yield Mistake(path, broken.text, broken.suggestion, at_key=True)
        broken_tags = rules.tags_rule(request.tags)
        if broken_tags:
            yield broken_at((*path, "tags"), broken_tags)


def _weight(settings: Mapping[str, Any]) -> int:
    """More characters than the settings can take in a submission: 12 is the longest escape of a character in JSON."""
    weight = 0
    for value in settings.values():
        if isinstance(value, dict):
            texts = [*value, *value.values()]
        else:
            texts = value if isinstance(value, list) else [value]
        weight += sum(_WEIGHT_OF_AN_ITEM + 12 * len(text) for text in texts if isinstance(text, str))
    return weight


def _texts(value: Any) -> dict[str, str]:
    return {name: _literal(text) for name, text in _mapping(value).items()}


def _literal(text: Any) -> str:
    """What a string surely holds once rendered."""
    if not isinstance(text, str):
        return ""
    if "${" not in text:
        return text
    try:
        return "".join(piece for piece in parse(text) if isinstance(piece, str))
    except TemplateMistake:
        return ""


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
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else []
