"""What is told to people and programs: notices with a stable id, made of listed fields only.

A Batch event's `container.environment` holds secrets in clear, so nothing here is copied from an event whole. Owns what
a notice is; who is told which is core/notice/preferences.py's, what those of a run say core/run/notices.py's, how it
reads for each kind of subscriber core/notice/publication.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import KIND_ROWS, NoticeKind, Severity

VERSION = "1"


@dataclass(frozen=True, slots=True)
class ToldChild:
    """What the jobs of an array failed of, by one of those that failed the commonest way: its place in the array, from
    0, its label if it has one, and how it ended. `alike` is how many are known to have failed so, of those that were
    looked at."""

    index: int
    failure: FailureClass | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None
    alike: int = 1
    label: str | None = None

    @property
    def title(self) -> str:
        """`child 3`, or `child 3 (south)`."""
        return f"child {self.index}" if self.label is None else f"child {self.index} ({self.label})"


@dataclass(frozen=True, slots=True)
class ToldJob:
    """A job that a notice names: what it died of, or how long it has waited or run. `task` and `attempt` are there for
    one of ours; `log_lines` are the last that it wrote, oldest first; of an array, `array_size` is how many jobs it
    has, and `failed_children` how many of them failed; `child` tells one of those, where Batch could be asked, and the
    `log_lines` are that one's. `is_allowed`: its task may fail (`allow_failure`)."""

    job_id: str | None
    name: str
    queue: str | None = None
    task: str | None = None
    attempt: int | None = None
    failure: FailureClass | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None
    log_lines: tuple[str, ...] = ()
    created_at_ms: int | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    array_size: int | None = None
    failed_children: int | None = None
    child: ToldChild | None = None
    is_allowed: bool = False

    @property
    def cause(self) -> FailureClass | None:
        """What it died of; of an array whose child is known, what that one did."""
        return (self.child and self.child.failure) or self.failure


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth telling. `notice_id` is the same whenever the same thing is told again.

    `thread` is what notices that belong together share: a run's id; a monitor and the day; a queue and the job that
    blocks it. `text` says in a sentence or two what `subject` has no room for. `jobs` are named in full, a few at most,
    and `job_count` tells how many they stand for. `task_counts` are how many tasks of a run ended how, by TaskState.
    `run_id`, `workflow` and `epoch` are there when it is about a run, `monitor` when a monitor asked for it. `queues`
    are the job queues that it is about (`queues_of`).
    """

    notice_id: str
    kind: NoticeKind
    stage: str
    subject: str
    at_ms: int
    thread: str
    text: str | None = None
    run_id: str | None = None
    workflow: str | None = None
    epoch: int | None = None
    monitor: str | None = None
    queues: tuple[str, ...] = ()
    began_at_ms: int | None = None
    ended_at_ms: int | None = None
    jobs: tuple[ToldJob, ...] = ()
    job_count: int = 0
    task_counts: tuple[tuple[str, int], ...] = ()

    @property
    def severity(self) -> Severity:
        return KIND_ROWS[self.kind].severity

    @property
    def queue(self) -> str | None:
        """The job queue that it is about, if there is one and no other."""
        return self.queues[0] if len(self.queues) == 1 else None

    def document(self) -> dict[str, Any]:
        """The JSON that programs receive; its fields are only ever added to within a version. What is not known is
        left out."""
        fields = {
            "version": VERSION,
            "id": self.notice_id,
            "kind": self.kind,
            "severity": self.severity,
            "stage": self.stage,
            "subject": self.subject,
            "text": self.text,
            "at_ms": self.at_ms,
            "thread": self.thread,
            "run_id": self.run_id,
            "workflow": self.workflow,
            "epoch": self.epoch,
            "monitor": self.monitor,
            "queue": self.queue,
            "queues": list(self.queues) or None,
            "began_at_ms": self.began_at_ms,
            "ended_at_ms": self.ended_at_ms,
            "jobs": [_told(job) for job in self.jobs] or None,
            "job_count": self.job_count or None,
            "task_counts": dict(self.task_counts) or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


def queues_of(jobs: Iterable[ToldJob], more: Iterable[str] = ()) -> tuple[str, ...]:
    """The job queues that a notice is about, sorted: those of the jobs that it names, and `more`, which are those that
    the jobs that it does not name may be in, as far as that is known."""
    return tuple(sorted({*(job.queue for job in jobs if job.queue), *more}))


def _told(job: ToldJob) -> dict[str, Any]:
    fields = {
        "job_id": job.job_id,
        "name": job.name,
        "queue": job.queue,
        "task": job.task,
        "attempt": job.attempt,
        "failure": job.failure,
        "exit_code": job.exit_code,
        "reason": job.reason,
        "log_stream": job.log_stream,
        "log_lines": list(job.log_lines) or None,
        "created_at_ms": job.created_at_ms,
        "started_at_ms": job.started_at_ms,
        "stopped_at_ms": job.stopped_at_ms,
        "array_size": job.array_size,
        "failed_children": job.failed_children,
        "child": job.child and _told_child(job.child),
        "is_allowed": job.is_allowed or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _told_child(child: ToldChild) -> dict[str, Any]:
    fields = {
        "index": child.index,
        "label": child.label,
        "failure": child.failure,
        "exit_code": child.exit_code,
        "reason": child.reason,
        "log_stream": child.log_stream,
        "alike": child.alike,
    }
    return {name: value for name, value in fields.items() if value is not None}
