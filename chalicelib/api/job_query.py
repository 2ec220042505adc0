"""A job list's filters as a request's query has them: said once, for who asks over HTTP and for who answers."""

from __future__ import annotations

from typing import Any, Protocol

from chalicelib.core.batch.job_record import JobFilter, JobState, NamePattern

BETWEEN = ","
"""Between several values of one parameter. No queue, state or name has it."""


def query_of(wanted: JobFilter) -> dict[str, str | int | None]:
    """The query's parameters by name; None for what is not filtered by."""
    return {
        "queue": BETWEEN.join(wanted.queues) or None,
        "state": BETWEEN.join(wanted.states) or None,
        "name": BETWEEN.join(pattern.text for pattern in wanted.names) or None,
        "since_ms": wanted.since_ms,
        "until_ms": wanted.until_ms,
        "foreign": "true" if wanted.foreign else None,
    }


class Query(Protocol):
    """The values of a query by name."""

    def __getitem__(self, name: str) -> Any: ...


def filter_of(query: Query) -> JobFilter:
    """The filters of a query that was read and checked (api/http/parse_request.py)."""
    return JobFilter(
        queues=several(query["queue"]),
        states=tuple(map(JobState, several(query["state"]))),
        names=tuple(map(NamePattern, several(query["name"]))),
        since_ms=query["since_ms"],
        until_ms=query["until_ms"],
        foreign=query["foreign"] == "true",
    )


def several(text: str | None) -> tuple[str, ...]:
    """The values of a parameter that may have several."""
    return tuple(text.split(BETWEEN)) if text else ()
