"""Lenient readings of single values of a document that may hold anything, such as an event of Batch.

A value of an unexpected type counts as absent. `dataclass_json.py` has the strict reading, which refuses such a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(value: object) -> int | None:
    """An integer, or None for anything else. A boolean is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def object_of(value: object) -> Mapping[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; nothing for anything else."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
