"""Jobs of a run that wait or run for longer than they should: found by the sweep's look, told once.

A job is told by the look within which its time came: after the look before, and not after this one. A look that failed
is not noted, so the next one finds the same again, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.core.digests import NAMED_MAXIMUM
from chalicelib.core.notices import NoticeKind
from chalicelib.core.notify import Notify
from chalicelib.core.records import Run, TaskRecord
from chalicelib.core.runnotices import jobs_overdue, told_task
from chalicelib.core.states import TaskState
from chalicelib.engine.failures import queue_of
from chalicelib.engine.tell import deliver
from chalicelib.engine.world import RunFacts, World

_WAITS = frozenset({TaskState.SUBMITTED, TaskState.RUNNABLE, TaskState.STARTING})
# An array's job is pending while its children run.
_RUNS = frozenset({TaskState.RUNNING, TaskState.PENDING})


@dataclass(slots=True)
class Overdue:
    """The jobs whose time came between two looks of the sweep, each with that time."""

    notify: Notify
    since_ms: int
    now_ms: int
    found: dict[NoticeKind, list[tuple[int, TaskRecord]]] = field(default_factory=dict)

    def note(self, record: TaskRecord) -> None:
        """Look at an open record."""
        if record.state in _WAITS:
            kind, began_ms = NoticeKind.JOB_WAITING, record.claimed_at_ms
        elif record.state in _RUNS:
            kind, began_ms = NoticeKind.JOB_RUNNING, record.started_at_ms or record.claimed_at_ms
        else:
            return
        after_ms = self.notify.after_ms(kind)
        if after_ms is not None and began_ms is not None and self.since_ms < began_ms + after_ms <= self.now_ms:
            self.found.setdefault(kind, []).append((began_ms + after_ms, record))


def tell_overdue(world: World, run: Run, facts: RunFacts, overdue: Overdue) -> None:
    """Tell the jobs that were found, those of one kind together, under the id of the one whose time came first."""
    for kind, found in sorted(overdue.found.items()):
        found.sort(key=lambda one: (one[0], one[1].attempt.index))
        after_ms = overdue.notify.after_ms(kind)
        assert after_ms is not None, "without a duration none is found"
        jobs = tuple(
            told_task(facts.plan, record.attempt, record, None, queue=queue_of(facts, record))
            for _, record in found[:NAMED_MAXIMUM]
        )
        at_ms, earliest = found[0]
        notice = jobs_overdue(run, world.stage, kind, at_ms, after_ms, earliest.attempt, jobs, len(found))
        deliver(world, run.notify, notice)
