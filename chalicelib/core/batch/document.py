"""What Batch's document of a job says of its containers: an event's detail and DescribeJobs' answer have one shape.

Owns the places: jobs of one container, of several (`ecsProperties`), on EKS with their init containers, of several
nodes, and jobs that never started. Owns which container's end is the job's. What the reasons mean is `failure.py`'s.
Tolerant of odd types, because an event may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.batch.lenient import number, object_of, objects_of
from chalicelib.core.batch.log_location import LOG_GROUP, group_of

TRY_FIELDS = ("attempts", "eksAttempts")
"""Where a job's document has the tries that ended: on ECS, and on EKS."""
_TAKEN_ALONG = (137, 143)
"""What a container exits with that was stopped because of another one: SIGKILL's and SIGTERM's exit codes."""
_SAYS_NOTHING = frozenset({"Completed", "ContainerCreating", "Error", "PodInitializing"})
"""Reasons that Kubernetes gives for any end, and for a container that never began."""


@dataclass(frozen=True, slots=True)
class ContainerEnd:
    """How one container ended, or that it has not, and where it writes."""

    name: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job, or one try of it, ended: by the container whose end is the job's. `status_reasons` are those that
    Batch gives for the job as a whole and for the try."""

    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None
    status_reasons: tuple[str, ...] = ()


def job_tries(detail: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tries of a job that ended inside Batch, the last one last; an odd one is an empty one."""
    for field in TRY_FIELDS:
        tries = detail.get(field)
        if isinstance(tries, list) and tries:
            return [one if isinstance(one, dict) else {} for one in tries]
    return []


def end_of(detail: Mapping[str, Any]) -> JobEnd:
    """How the job ended, by its last try; by what is said of the job itself where that names no container."""
    last: Mapping[str, Any] = next(reversed(job_tries(detail)), {})
    found = _containers_of_try(last) or _own_containers(detail)
    return _end(detail, found, (detail, last), succeeded=detail.get("status") == "SUCCEEDED")


def end_of_try(detail: Mapping[str, Any], told: Mapping[str, Any]) -> JobEnd:
    """How one of `job_tries` ended."""
    is_last = told is next(reversed(job_tries(detail)), None)
    succeeded = is_last and detail.get("status") == "SUCCEEDED"
    return _end(detail, _containers_of_try(told), (told,), succeeded=succeeded)


def stream_now(detail: Mapping[str, Any]) -> str | None:
    """Where the try under way writes, as far as Batch says so by now."""
    return log_place(detail, _stream(_that_count(detail, _own_containers(detail))))


def stream_of(detail: Mapping[str, Any]) -> str | None:
    """Where the job writes: its try under way, or the last one that wrote anything."""
    if detail.get("status") in ("SUCCEEDED", "FAILED") and (stream := end_of(detail).log_stream):
        return stream
    ended = (end_of_try(detail, told).log_stream for told in reversed(job_tries(detail)))
    return stream_now(detail) or next((stream for stream in ended if stream), None)


def log_place(detail: Mapping[str, Any], stream: str | None) -> str | None:
    """The place of a stream: in the group that a container of the job names, or in Batch's own."""
    if stream is None:
        return None
    group = next(filter(None, map(group_of, asked_containers(detail))), LOG_GROUP)
    return stream if group == LOG_GROUP else f"{group}:{stream}"


def main_node_id(detail: Mapping[str, Any]) -> str | None:
    """The id of the main node's own job; None for a job that is not one of several nodes."""
    nodes, job_id = object_of(detail.get("nodeProperties")), detail.get("jobId")
    if not nodes.get("numNodes") or not isinstance(job_id, str):
        return None
    return f"{job_id}#{number(nodes.get('mainNode')) or 0}"


def asked_containers(detail: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The containers as the job asks for them; those of its first node if it has several, of its pod on EKS."""
    ranges = objects_of(object_of(detail.get("nodeProperties")).get("nodeRangeProperties"))
    for place in (detail, *ranges[:1]):
        yield object_of(place.get("container"))
        for task in objects_of(object_of(place.get("ecsProperties")).get("taskProperties")):
            yield from objects_of(task.get("containers"))
        yield from objects_of(_pod(place).get("containers"))


# Which container's end is the job's


def _end(
    detail: Mapping[str, Any], found: Sequence[ContainerEnd], said: Sequence[Mapping[str, Any]], *, succeeded: bool
) -> JobEnd:
    reasons = tuple(reason for one in said if isinstance(reason := one.get("statusReason"), str))
    if not found:
        return JobEnd(status_reasons=reasons)
    counting = _that_count(detail, found)
    if succeeded:
        decisive = next((one for one in counting if one.exit_code == 0), counting[0])
    else:
        # A container that others wait for may fail before any that is essential has begun.
        told = [one for one in counting if one.exit_code is not None or _says_why(one)]
        decisive = min(told or found, key=_innocence)
    place = log_place(detail, decisive.log_stream or _stream(counting))
    return JobEnd(decisive.exit_code, decisive.reason, place, reasons)


def _that_count(detail: Mapping[str, Any], found: Sequence[ContainerEnd]) -> Sequence[ContainerEnd]:
    """The essential containers, whose end is the job's: a container is one unless the job says that it is not."""
    others = {one.get("name") for one in asked_containers(detail) if one.get("essential") is False}
    return [one for one in found if one.name is None or one.name not in others] or found


def _innocence(container: ContainerEnd) -> int:
    """The lower, the more this container is the cause of the job's end."""
    if _says_why(container):
        return 0
    if container.exit_code is None:
        return 3
    if container.exit_code == 0:
        return 4
    return 2 if container.exit_code in _TAKEN_ALONG else 1


def _says_why(container: ContainerEnd) -> bool:
    return container.reason is not None and container.reason not in _SAYS_NOTHING


def _stream(containers: Sequence[ContainerEnd]) -> str | None:
    return next((one.log_stream for one in containers if one.log_stream), None)


# Where the document has them


def _containers_of_try(told: Mapping[str, Any]) -> list[ContainerEnd]:
    single = object_of(told.get("container"))
    tasks = objects_of(told.get("taskProperties"))
    of_tasks = [one for task in tasks for one in objects_of(task.get("containers"))]
    # Init containers come to their end one after the other before the others begin.
    of_pod = [*objects_of(told.get("initContainers")), *objects_of(told.get("containers"))]
    return [_container(one) for one in ([single] if single else of_tasks or of_pod)]


def _own_containers(detail: Mapping[str, Any]) -> list[ContainerEnd]:
    single = object_of(detail.get("container"))
    tasks = objects_of(object_of(detail.get("ecsProperties")).get("taskProperties"))
    of_tasks = [one for task in tasks for one in objects_of(task.get("containers"))]
    of_pod = [*objects_of(_pod(detail).get("initContainers")), *objects_of(_pod(detail).get("containers"))]
    return [_container(one) for one in ([single] if single else of_tasks or of_pod)]


def _pod(place: Mapping[str, Any]) -> Mapping[str, Any]:
    return object_of(object_of(place.get("eksProperties")).get("podProperties"))


def _container(told: Mapping[str, Any]) -> ContainerEnd:
    return ContainerEnd(
        _text(told.get("name")),
        number(told.get("exitCode")),
        _text(told.get("reason")),
        _text(told.get("logStreamName")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
