"""Where a job's lines are: `STREAM` in the log group that Batch uses, or `GROUP:STREAM` in one that the job's
definition names (`awslogs-group`). Neither name may hold a colon, so what an earlier version stored means the same.

Owns that form. Tolerant of odd types, because an event may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LOG_GROUP = "/aws/batch/job"
_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_DRIVER, _OPTION = "awslogs", "awslogs-group"


def log_place(detail: Mapping[str, Any], stream: object) -> str | None:
    """The place of a stream that a job's document names, from an event's detail or DescribeJobs; None without one."""
    if not isinstance(stream, str):
        return None
    group = next(filter(None, map(_group_of, _containers(detail))), LOG_GROUP)
    return stream if group == LOG_GROUP else f"{group}:{stream}"


def group_and_stream(place: str) -> tuple[str, str]:
    """The two names in a place."""
    group, colon, stream = place.partition(":")
    return (group, stream) if colon else (LOG_GROUP, place)


def _group_of(container: Mapping[str, Any]) -> str | None:
    configuration = _object(container.get("logConfiguration"))
    named = _object(configuration.get("options")).get(_OPTION)
    is_group = isinstance(named, str) and _GROUP.fullmatch(named) is not None
    return named if configuration.get("logDriver") == _DRIVER and is_group else None


def _containers(detail: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _object(detail.get("container"))
    for task in _objects(_object(detail.get("ecsProperties")).get("taskProperties")):
        yield from _objects(task.get("containers"))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [_object(one) for one in value] if isinstance(value, list) else []
