"""Where a job's lines are: `STREAM` in the log group that Batch uses, or `GROUP:STREAM` in one that the job's
definition names (`awslogs-group`). Neither name may hold a colon, so what an earlier version stored means the same.

Owns that form. `document.py` reads the place off a job's document. Tolerant of odd types, because an event may hold
anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.batch.lenient import object_of

LOG_GROUP = "/aws/batch/job"
_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_DRIVER, _OPTION = "awslogs", "awslogs-group"


def group_and_stream(place: str) -> tuple[str, str]:
    """The two names in a place."""
    group, colon, stream = place.partition(":")
    return (group, stream) if colon else (LOG_GROUP, place)


def group_of(container: Mapping[str, Any]) -> str | None:
    """The log group that a container of a job names; None for Batch's own."""
    configuration = object_of(container.get("logConfiguration"))
    named = object_of(configuration.get("options")).get(_OPTION)
    is_group = isinstance(named, str) and _GROUP.fullmatch(named) is not None
    return named if configuration.get("logDriver") == _DRIVER and is_group else None
