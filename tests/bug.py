"""Bugs that are planted on purpose, to see whether the tests that should catch them do.

A bug is a wrong behaviour at a seam. A seam is a function or a method of the product, or of the store in memory. The
wrong behaviour is plain Python that gets the right function as its first argument. It may call that with other
arguments, change its result, or leave it out. Renaming a variable breaks no bug. A seam that is renamed, or that takes
other parameters, is an error, so that no bug outlives the code that it was made for.
"""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Protocol

import pytest

from chalicelib.engine.world.world import World


class Planted(Protocol):
    """A bug of any kind."""

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None: ...


class BrokenBug(BaseException):
    """The wrong code itself does not run. Not an Exception, because the engine survives those, and a bug that cannot
    run would count as caught."""


@dataclass(frozen=True)
class Bug:
    """`wrong` is called in place of the function at the seam, for all its users or for the module `used_by` alone."""

    seam: Callable[..., Any]
    wrong: Callable[..., Any]
    used_by: ModuleType | None = None

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        right, wrong = self.seam, self.wrong
        assert _takes_the_same(right, wrong), f"the wrong {right.__qualname__} takes other parameters than the right"

        @functools.wraps(right)
        def planted(*args: Any, **kwargs: Any) -> Any:
            try:
                return wrong(right, *args, **kwargs)
            except (TypeError, AttributeError, NameError) as mistake:
                raise BrokenBug(f"the wrong {right.__qualname__} does not run: {mistake!r}") from mistake

        places = list(_places_of(right)) if self.used_by is None else [(self.used_by, right.__name__)]
        assert places, f"nothing uses {right.__qualname__}"
        for place, name in places:
            assert getattr(place, name, None) is right, f"{place.__name__} does not use {right.__qualname__}"
            monkeypatch.setattr(place, name, planted)


@dataclass(frozen=True)
class Postponed:
    """Calls of the function at the seam that are made during `until` happen when that has returned, or not at all if it
    raises. Nobody may need the result."""

    seam: Callable[..., Any]
    until: Callable[..., Any]

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting: list[list[Callable[[], Any]]] = []
        """By call of `until` that is under way."""

        def wait(right: Any, *args: Any, **kwargs: Any) -> Any:
            if not waiting:
                return right(*args, **kwargs)
            return waiting[-1].append(functools.partial(right, *args, **kwargs))

        def make_up(right: Any, *args: Any, **kwargs: Any) -> Any:
            waiting.append([])
            try:
                result = right(*args, **kwargs)
            finally:
                calls = waiting.pop()
            for call in calls:
                call()
            return result

        Bug(self.seam, wait).put_in(monkeypatch)
        Bug(self.until, make_up).put_in(monkeypatch)


@dataclass(frozen=True)
class PostponedCalls:
    """The same for calls of a port's method. `until` takes the world, or what has it, as its first argument; meanwhile
    the calls return `answer`."""

    port: str
    method: str
    until: Callable[..., Any]
    answer: Any = None

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def make_up(right: Any, *args: Any, **kwargs: Any) -> Any:
            first, *rest = args
            world = first if isinstance(first, World) else first.world
            late = LatePort(getattr(world, self.port), self.method, self.answer)
            result = right(with_ports(first, **{self.port: late}), *rest, **kwargs)
            late.make_up()
            return result

        Bug(self.until, make_up).put_in(monkeypatch)


@dataclass(frozen=True)
class Constant:
    """A constant of a module that has another value."""

    place: ModuleType
    name: str
    value: Any

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.place, self.name, self.value)


@dataclass(frozen=True)
class Together:
    """A bug of several seams."""

    bugs: tuple[Planted, ...]

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for bug in self.bugs:
            bug.put_in(monkeypatch)


def together(*bugs: Planted) -> Together:
    return Together(bugs)


def returns(value: Any) -> Callable[..., Any]:
    """A wrong function that does nothing, and returns this."""
    return lambda right, *args, **kwargs: value


left_out = returns(None)
"""A wrong function that does nothing."""


class LatePort:
    """A port, the calls of one of whose methods wait for `make_up`."""

    def __init__(self, port: Any, method: str, answer: Any = None) -> None:
        self._port = port
        self._method = method
        self._answer = answer
        self._calls: list[Callable[[], Any]] = []

    def __getattr__(self, name: str) -> Any:
        right = getattr(self._port, name)
        if name != self._method:
            return right

        def wait(*args: Any, **kwargs: Any) -> Any:
            self._calls.append(functools.partial(right, *args, **kwargs))
            return self._answer

        return wait

    @property
    def is_waiting(self) -> bool:
        return bool(self._calls)

    def make_up(self) -> None:
        for call in self._calls:
            call()


def with_ports(first: Any, **ports: Any) -> Any:
    """The world, or what has it, with other ports."""
    if isinstance(first, World):
        return replace(first, **ports)
    changed = copy.copy(first)
    changed.world = replace(first.world, **ports)
    return changed


def _takes_the_same(right: Callable[..., Any], wrong: Callable[..., Any]) -> bool:
    """Whether `wrong` takes the parameters of `right`, behind `right` itself. It calls each by its name, `self` as it
    likes, or takes the rest of them as `*` or `**`."""
    names = list(inspect.signature(right).parameters)
    _, *rest = inspect.signature(wrong).parameters.values()
    given = [one.name for one in rest if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if names[:1] == ["self"]:
        given[:1] = names[: len(given[:1])]
    return given == (names[: len(given)] if len(given) < len(rest) else names)


def _places_of(function: Callable[..., Any]) -> Iterator[tuple[Any, str]]:
    """Where the product, or the memory adapters, have the function: its class, or every module that imported it."""
    owner, _, name = function.__qualname__.rpartition(".")
    if owner:
        yield functools.reduce(getattr, owner.split("."), sys.modules[function.__module__]), name
        return
    for module in [one for name, one in sys.modules.items() if name.startswith(("chalicelib.", "tests.memory."))]:
        for name, value in list(vars(module).items()):
            if value is function:
                yield module, name
