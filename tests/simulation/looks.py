"""What the looks of a simulated world's sweep must have told: that a run is late, and which jobs wait or run for long.

Owns what follows from looks that were noted, and nothing of how the engine finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import Attempt
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.plan.model import offset_of
from chalicelib.core.run.records import Run
from chalicelib.core.states import TaskState

_WAITS = (TaskState.SUBMITTED, TaskState.PENDING, TaskState.RUNNABLE, TaskState.STARTING)
Overdue = tuple[NoticeKind, Attempt, int]
"""Of which kind, whose job, and how often Batch had tried it."""


@dataclass(slots=True)
class Looks:
    """`late` are the epochs that were late when a look at them was noted. `overdue` are the attempts whose jobs were
    overdue when two successive looks were, between which every call went through: they must have been told."""

    late: set[tuple[str, int]] = field(default_factory=set)
    overdue: set[tuple[NoticeKind, Attempt]] = field(default_factory=set)
    _before: dict[str, tuple[set[Overdue], int]] = field(default_factory=dict)

    def note(self, store: Any, run: Run, swept_at_ms: int, surely_ms: int, judge: Any) -> None:
        """A look at the run as it was read, which began at `swept_at_ms`, was noted; it is surely so late by now."""
        late_ms = run.notify.after_ms(NoticeKind.RUN_LATE)
        if late_ms is not None and run.began_ms + late_ms <= swept_at_ms:
            self.late.add((run.run_id, run.epoch))
        now = _overdue(store, run, surely_ms)
        before, failures = self._before.get(run.run_id, (set(), -1))
        if failures == judge.untold():
            self.overdue |= {(kind, attempt) for kind, attempt, _ in now & before}
        self._before[run.run_id] = now, judge.untold()


def _overdue(store: Any, run: Run, now_ms: int) -> set[Overdue]:
    found: set[Overdue] = set()
    for shard in range(store.plan(run.plan_digest).shard_count):
        tally = store.read_tally(run.run_id, run.epoch, shard)
        for record in store.tasks(run.run_id, run.epoch, shard):
            if tally.halt or tally.ended >> offset_of(record.attempt.index) & 1:
                continue
            began_ms = record.claimed_at_ms
            if record.state in _WAITS:
                kind = NoticeKind.JOB_WAITING
            elif record.state is TaskState.RUNNING:
                kind, began_ms = NoticeKind.JOB_RUNNING, record.started_at_ms or began_ms
            else:
                continue
            after_ms = run.notify.after_ms(kind)
            if after_ms is not None and began_ms is not None and began_ms + after_ms <= now_ms:
                found.add((kind, record.attempt, record.job_tries))
    return found
