"""`--param` and `--params-file`: from what was typed to the params of a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from batchwright.files.workflow_file import Problem, load_mapping
from chalicelib.core.errors import UserMistake
from chalicelib.core.params import Declaration, ParamType, check_params
from chalicelib.core.strict_json import NUMBER, NoJson, number_of, read_json
from chalicelib.core.suggest import shown

_F = TypeVar("_F", bound=Callable[..., Any])
_CONSTANTS = {"true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_IN_BRACKETS = re.compile(r"\s*(\[.*\]|\{.*\})\s*", re.DOTALL)


def param_options(command: _F) -> _F:
    """Give a command the options `--param` (as `pairs`) and `--params-file` (as `params_file`)."""
    pairs = click.option(
        "--param",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="A param of the run, a list or object as JSON; repeatable.",
    )
    file = click.option(
        "--params-file",
        type=click.Path(path_type=Path),
        help="A YAML or JSON file of params.",
    )
    return pairs(file(command))


def read_params(declared: Mapping[str, Declaration], pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The complete params of a run: the pairs (`NAME=VALUE`), then the file, then the defaults.

    Raises one UserMistake with a line for each problem; those in the file come with their place.
    """
    complete, _ = check_params(declared, read_given_params(declared, pairs, file))
    return complete


def read_given_params(
    declared: Mapping[str, Declaration],
    pairs: Sequence[str],
    file: Path | None,
    before: Mapping[str, Any] = {},
) -> dict[str, Any]:
    """The params that were given by the pairs and the file, without the defaults. `before` are those that the run has
    already, and that need not be given. Raises as `read_params` does."""
    written, document = load_mapping(file) if file else ({}, None)
    typed, unreadable, lines = _typed(declared, pairs)
    given = {**written, **typed}
    for name, problem in check_params(declared, {**_declared(declared, before), **given})[1].items():
        if name in unreadable:
            lines.append(f"param '{name}': {unreadable[name]}")
        elif name in typed or document is None or name not in written:
            lines.append(problem)
        else:
            line, column = document.place_of([name], at_key=name not in declared)
            lines.append(str(Problem(str(file), line, column, problem)))
    if lines:
        raise UserMistake("\n".join(lines))
    return given


def _declared(declared: Mapping[str, Declaration], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in declared}


def _typed(
    declared: Mapping[str, Declaration], pairs: Sequence[str]
) -> tuple[dict[str, Any], dict[str, NoJson], list[str]]:
    """The values of the pairs by name, why some of them are no JSON that can be used, and a line for each bad pair.

    A value that cannot be read stays as it was typed, so that it does not count as missing.
    """
    typed: dict[str, Any] = {}
    unreadable: dict[str, NoJson] = {}
    problems: list[str] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            problems.append(f"--param takes NAME=VALUE, not {shown(pair)}")
        elif name in typed:
            problems.append(f"--param gives '{name}' twice")
        else:
            typed[name] = text
            try:
                typed[name] = _value(declared[name].type, text) if name in declared else text
            except NoJson as error:
                unreadable[name] = error
    return typed, unreadable, problems


def _value(kind: ParamType, text: str) -> Any:
    """What was typed, as the type reads it; the text itself if it has not the form of the type.

    Raises NoJson for a text that has the form of JSON and is none that can be used.
    """
    match kind:
        case ParamType.STRING:
            return text
        case ParamType.INTEGER:
            return number_of(text.removeprefix("+")) if _INTEGER.fullmatch(text) else text
        case ParamType.BOOLEAN:
            return _CONSTANTS.get(text, text)
        case ParamType.NUMBER | ParamType.LIST | ParamType.OBJECT:
            try:
                return read_json(text)
            except NoJson:
                if NUMBER.fullmatch(text) or _IN_BRACKETS.fullmatch(text):
                    raise
                return text
