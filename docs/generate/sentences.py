"""The sentences that stand below the members of an enum, or below a constant, in the source.

Python does not keep them, so they are read from the module's text.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from types import ModuleType

from docs.generate.markdown import one_line


def of_members(enum: type[StrEnum]) -> dict[str, str]:
    """The sentence of each member, by its value. Raises LookupError if a member has none."""
    module = inspect.getmodule(enum)
    assert module is not None
    (body,) = [node.body for node in _nodes(module) if isinstance(node, ast.ClassDef) and node.name == enum.__name__]
    found = dict(_documented(body))
    missing = [member.name for member in enum if member.name not in found]
    if missing:
        raise LookupError(f"{enum.__name__} has members without a sentence: {', '.join(missing)}")
    return {member.value: found[member.name] for member in enum}


def _nodes(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """The names that are assigned and have a text right below."""
    for node, below in pairwise(body):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield node.targets[0].id, one_line(below.value.value)
