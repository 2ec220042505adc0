"""The kinds of notices: one row a kind, with all that differs between kinds.

A new kind is a member of NoticeKind, a row of KIND_ROWS, and the place that publishes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What happened."""

    RUN_STARTED = "run_started"
    """A run started, or was redriven."""
    RUN_SUCCEEDED = "run_succeeded"
    """A run succeeded."""
    RUN_FAILED = "run_failed"
    """A run ended with a task that failed for good."""
    RUN_CANCELLED = "run_cancelled"
    """A run was cancelled, and the last of its jobs has ended."""
    RUN_LATE = "run_late"
    """A run goes on for longer than its workflow allows."""
    TASK_FAILED = "task_failed"
    """Tasks of a run that goes on failed for good. A burst makes one notice."""
    JOB_FAILED = "job_failed"
    """Jobs that a monitor watches failed. A burst makes one notice."""
    JOB_WAITING = "job_waiting"
    """Jobs wait for capacity for too long."""
    JOB_RUNNING = "job_running"
    """Jobs run for too long."""
    FAILURE_RATE = "failure_rate"
    """Too many of the jobs that a monitor watches failed."""
    NOTHING_RAN = "nothing_ran"
    """None of the jobs that a monitor watches succeeded by a time of day."""
    QUEUE_BLOCKED = "queue_blocked"
    """The job at the head of a queue cannot start, and Batch gives the reason."""


class Severity(StrEnum):
    """How much it matters. Subscribers filter by it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Source(StrEnum):
    """The thing that a notice is about: a run, the jobs of a monitor, or a queue."""

    RUN = "run"
    MONITOR = "monitor"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class KindRow:
    """What holds for one kind.

    `heading` stands over the jobs that the notice names. `by_default`: a run publishes it unless its workflow says
    otherwise. `always_to_queue`: a run's own queue gets it, whatever the workflow says. `duration_key` is the key of
    `notify` that says after how long it is published. `is_of_failures`: the jobs that it names failed. `is_of_waiting`:
    they wait in a queue, so they have no log. `names_queues`: the notice says which job queues it is about.
    """

    severity: Severity
    sources: frozenset[Source]
    heading: str = "Jobs"
    by_default: bool = False
    always_to_queue: bool = False
    duration_key: str | None = None
    is_of_failures: bool = False
    is_of_waiting: bool = False
    names_queues: bool = True


_RUN, _MONITOR = frozenset({Source.RUN}), frozenset({Source.MONITOR})
_FAILED = "What failed"
_INFO, _WARNING, _ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

KIND_ROWS: dict[NoticeKind, KindRow] = {
    NoticeKind.RUN_STARTED: KindRow(_INFO, _RUN, always_to_queue=True, names_queues=False),
    NoticeKind.RUN_SUCCEEDED: KindRow(_INFO, _RUN, by_default=True, always_to_queue=True, names_queues=False),
    NoticeKind.RUN_FAILED: KindRow(_ERROR, _RUN, _FAILED, by_default=True, always_to_queue=True, is_of_failures=True),
    NoticeKind.RUN_CANCELLED: KindRow(
        _WARNING, _RUN, _FAILED, by_default=True, always_to_queue=True, is_of_failures=True
    ),
    NoticeKind.RUN_LATE: KindRow(
        _WARNING, _RUN, "What is under way", by_default=True, duration_key="late_after_seconds"
    ),
    NoticeKind.TASK_FAILED: KindRow(_ERROR, _RUN, _FAILED, by_default=True, is_of_failures=True),
    NoticeKind.JOB_FAILED: KindRow(_ERROR, _MONITOR, _FAILED, is_of_failures=True),
    NoticeKind.JOB_WAITING: KindRow(
        _WARNING, _RUN | _MONITOR, "What waits", duration_key="waiting_after_seconds", is_of_waiting=True
    ),
    NoticeKind.JOB_RUNNING: KindRow(_WARNING, _RUN | _MONITOR, "What runs", duration_key="running_after_seconds"),
    NoticeKind.FAILURE_RATE: KindRow(_ERROR, _MONITOR, _FAILED, is_of_failures=True),
    NoticeKind.NOTHING_RAN: KindRow(_ERROR, _MONITOR),
    NoticeKind.QUEUE_BLOCKED: KindRow(
        _ERROR, frozenset({Source.QUEUE}), "What waits at the head of the queue", is_of_waiting=True
    ),
}


def kinds_of(source: Source) -> tuple[NoticeKind, ...]:
    """The kinds that come from a source, in the order of the table."""
    return tuple(kind for kind, row in KIND_ROWS.items() if source in row.sources)
