"""A parameter of a request's path, query or headers, declared once.

Its form is the rule of its text. The form reads the text, writes it and describes it: parse_request.py, the client
(batchwright/client/http_api.py) and openapi.py follow. Which parameters a route has is route_table.py's. Needs no
pydantic.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.rules import Broken, anchored
from chalicelib.core.suggest import Names, shown

COUNT_MAXIMUM = 1_000_000_000
COUNT_DIGITS = 16
CURSOR_CHARACTERS = 4_096
SEVERAL_MAXIMUM = 20
"""Values that one parameter may be given."""
BETWEEN = ","
"""Stands between the values of a parameter. No value has it."""


@dataclass(frozen=True, slots=True)
class Form(ABC):
    """The rule of a parameter's text. `default` is the value of a parameter that is not given."""

    default: Any = field(default=None, kw_only=True)

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""

    def broken(self, text: str) -> Broken | None:
        """What is wrong with a text; nothing unless the form has a rule."""
        return None

    def read(self, text: str) -> Any:
        """The value of a text that nothing is wrong with."""
        return text

    def write(self, value: Any) -> str | None:
        """The text of a value; None if the parameter need not be given."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Count(Form):
    """A whole number."""

    minimum: int = 0
    maximum: int = COUNT_MAXIMUM

    def broken(self, text: str) -> Broken | None:
        is_number = text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS
        if is_number and self.minimum <= int(text) <= self.maximum:
            return None
        return Broken(f"must be a whole number from {self.minimum:,} to {self.maximum:,}, not {shown(text)}")

    def read(self, text: str) -> int:
        return int(text)

    def schema(self) -> dict[str, Any]:
        schema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return schema if self.default is None else {**schema, "default": self.default}


@dataclass(frozen=True, slots=True)
class Choice(Form):
    """One of the members of an enumeration."""

    members: type[StrEnum]

    @property
    def pattern(self) -> str:
        return "|".join(self.members)

    def broken(self, text: str) -> Broken | None:
        return _no_choice(list(self.members), text)

    def read(self, text: str) -> StrEnum:
        return self.members(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.members)}


@dataclass(frozen=True, slots=True)
class Flag(Form):
    """Yes or no."""

    default: bool = field(default=False, kw_only=True)

    def broken(self, text: str) -> Broken | None:
        return _no_choice(["true", "false"], text)

    def read(self, text: str) -> bool:
        return text == "true"

    def write(self, value: bool) -> str | None:
        return "true" if value else None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": ["true", "false"]}


@dataclass(frozen=True, slots=True)
class Text(Form):
    """A text that fits a pattern as a whole. `rule` says in words what the pattern asks for. `makes` makes the value.

    A text that may be a secret is never shown.
    """

    pattern: str
    rule: str
    makes: Callable[[str], Any] = str
    may_be_secret: bool = False

    def broken(self, text: str) -> Broken | None:
        if re.fullmatch(self.pattern, text):
            return None
        return Broken(f"{self.rule}{'; what was given is not' if self.may_be_secret else f', not {shown(text)}'}")

    def read(self, text: str) -> Any:
        return self.makes(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": anchored(self.pattern)}


@dataclass(frozen=True, slots=True)
class Several(Form):
    """Values of one form with commas in between."""

    item: Text | Choice
    default: tuple[()] = field(default=(), kw_only=True)

    def broken(self, text: str) -> Broken | None:
        return self.broken_among(text.split(BETWEEN))

    def broken_among(self, texts: Sequence[str]) -> Broken | None:
        """What is wrong with the first of several texts that breaks the rule, or with how many there are."""
        if len(texts) > SEVERAL_MAXIMUM:
            return Broken(f"may be given {SEVERAL_MAXIMUM} times, not {len(texts)}")
        return next((broken for one in texts if (broken := self.item.broken(one))), None)

    def read(self, text: str) -> tuple[Any, ...]:
        return tuple(map(self.item.read, text.split(BETWEEN)))

    def write(self, value: Sequence[Any]) -> str | None:
        return BETWEEN.join(map(str, value)) or None

    def schema(self) -> dict[str, Any]:
        one = self.item.pattern
        pattern = rf"(?:{one})(?:{BETWEEN}(?:{one})){{0,{SEVERAL_MAXIMUM - 1}}}"
        return {"type": "string", "pattern": anchored(pattern)}


@dataclass(frozen=True, slots=True)
class Cursor(Form):
    """Where a list goes on; what it holds is core/cursors.py's."""

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": CURSOR_CHARACTERS}


class Place(StrEnum):
    """The part of a request that a parameter stands in, as OpenAPI calls it."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and its form. `argument` is the name that the Api (api/port.py) has for it, if that is another one.

    `unknown` is the error for a text that breaks the form's rule: nothing can have such a name.
    """

    name: str
    description: str
    form: Form
    argument: str = ""
    place: Place = Place.QUERY
    is_required: bool = False
    unknown: type[UserMistake] = UserMistake

    @property
    def key(self) -> str:
        """The name of the Api's argument."""
        return self.argument or self.name

    @property
    def label(self) -> str:
        return f"the header {self.name}" if self.place is Place.HEADER else self.name

    def read(self, text: str) -> Any:
        """The value of a text. Raises UserMistake, or `unknown`, with the rule that the text breaks."""
        self.refuse(self.form.broken(text))
        return self.form.read(text)

    def write(self, value: Any) -> str | None:
        """The text of a value; None if the parameter need not be given."""
        return None if value is None else self.form.write(value)

    def refuse(self, broken: Broken | None) -> None:
        """Raises the error of a rule that is broken."""
        if broken is not None:
            ending = f"; {broken.suggestion}" if broken.suggestion else ""
            raise self.unknown(f"{self.label} {broken.text}{ending}")


def written(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, str]:
    """The texts of these parameters by name, from values by the names of the Api's arguments."""
    texts = {parameter.name: parameter.write(values.get(parameter.key)) for parameter in parameters}
    return {name: text for name, text in texts.items() if text is not None}


def _no_choice(choices: Sequence[str], text: str) -> Broken | None:
    if text in choices:
        return None
    return Broken(f"must be one of {', '.join(choices)}, not {shown(text)}", Names(choices).suggestion(text))
