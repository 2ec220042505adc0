"""The last try of a job: its container and the reasons given, wherever Batch's document has them.

Owns the places: single and multi-container jobs, jobs on EKS, jobs that never started. What the reasons mean is
`failure.py`'s. Tolerant of odd types, for an event may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a container that another one's end took along exits with: SIGKILL's 137 and SIGTERM's 143.
_TAKEN_ALONG = (137, 143)


TRY_FIELDS = ("attempts", "eksAttempts")
"""Where a job's document has the tries that ended: on ECS, and on EKS."""


def job_tries(detail: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tries of a job that ended inside Batch, the last one last; an odd one is an empty one."""
    for field in TRY_FIELDS:
        tries = detail.get(field)
        if isinstance(tries, list) and tries:
            return [one if isinstance(one, dict) else {} for one in tries]
    return []


def last_container(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The container of the last try; of several (ecsProperties, EKS) the one to blame, or the first if none is."""
    last = _last_attempt(detail)
    single = last.get("container")
    if isinstance(single, dict) and single:
        return single
    several = [one for task in _dicts(last.get("taskProperties")) for one in _dicts(task.get("containers"))]
    several += _dicts(last.get("containers"))
    if several:
        return min(several, key=_innocence)
    container = detail.get("container")
    return container if isinstance(container, dict) else {}


def status_reasons(detail: Mapping[str, Any]) -> list[str]:
    """The reasons given for the job as a whole, and for its last try."""
    reasons = (detail.get("statusReason"), _last_attempt(detail).get("statusReason"))
    return [reason for reason in reasons if isinstance(reason, str)]


def number(value: object) -> int | None:
    """An integer, or None for anything else (a boolean is none)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _innocence(container: Mapping[str, Any]) -> int:
    """The lower, the more this container is the cause of the job's end."""
    exit_code = number(container.get("exitCode"))
    if isinstance(container.get("reason"), str) and container["reason"]:
        return 0
    if exit_code is None:
        return 3
    if exit_code == 0:
        return 4
    return 2 if exit_code in _TAKEN_ALONG else 1


def _last_attempt(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    tries = job_tries(detail)
    return tries[-1] if tries else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
