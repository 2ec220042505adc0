"""Jobs of a run that wait or run for longer than they should: found by the sweep's look, each told once to each place.

Which were told stands in the tally of their shard, in one write a shard. The look holds the run's lease meanwhile, so
that of two sweeps at once one tells. A look that dies between telling and that write is followed by one that tells
again: what it tells has an id that names the very set of jobs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.core.errors import NotTold
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.outbox import Place
from chalicelib.core.notice.preferences import Notify
from chalicelib.core.notice.window import NAMED_MAXIMUM
from chalicelib.core.plan.model import shard_of
from chalicelib.core.plan.task_queues import task_queues
from chalicelib.core.run.notices import jobs_overdue, told_task
from chalicelib.core.run.records import Run, Tally, TaskRecord, told_code
from chalicelib.core.run.requested import requested_of
from chalicelib.core.states import TaskState
from chalicelib.engine.publishing.deliver import deliver
from chalicelib.engine.world.world import RunFacts, World

# An array's job is pending until one of its children runs, from when on it counts as running
# (core/batch/job_change.py).
_WAITS = frozenset({TaskState.SUBMITTED, TaskState.PENDING, TaskState.RUNNABLE, TaskState.STARTING})


@dataclass(slots=True)
class Overdue:
    """The jobs that a look of the sweep finds overdue and that a place was not told, each with the time since when."""

    notify: Notify
    now_ms: int
    found: dict[tuple[NoticeKind, Place], list[tuple[int, TaskRecord]]] = field(default_factory=dict)

    def note(self, record: TaskRecord, tally: Tally) -> None:
        """Look at an open record of a shard."""
        if record.state in _WAITS:
            kind, began_ms, told = NoticeKind.JOB_WAITING, record.claimed_at_ms, tally.waiting_told
        elif record.state is TaskState.RUNNING:
            kind, told = NoticeKind.JOB_RUNNING, tally.running_told
            began_ms = record.started_at_ms or record.claimed_at_ms
        else:
            return
        after_ms = self.notify.after_ms(kind)
        if after_ms is None or began_ms is None or began_ms + after_ms > self.now_ms:
            return
        for place in self.notify.places(kind):
            if told_code(record.attempt, place) not in told:
                self.found.setdefault((kind, place), []).append((began_ms + after_ms, record))


def _drop_told(world: World, run: Run, overdue: Overdue) -> None:
    """Leave out what another sweep has told since this one read the tallies."""
    shards = {shard_of(record.attempt.index) for found in overdue.found.values() for _, record in found}
    tallies = {shard: world.store.read_tally(run.run_id, run.epoch, shard) for shard in sorted(shards)}
    for (kind, place), found in overdue.found.items():
        found[:] = [
            (at_ms, record)
            for at_ms, record in found
            if told_code(record.attempt, place) not in _told(tallies[shard_of(record.attempt.index)], kind)
        ]


def _told(tally: Tally, kind: NoticeKind) -> frozenset[int]:
    return tally.waiting_told if kind is NoticeKind.JOB_WAITING else tally.running_told


def tell_overdue(world: World, run: Run, facts: RunFacts, overdue: Overdue) -> None:
    """Tell the jobs that were found, those of one kind together. The invocation has the run's lease. Raises NotTold
    when a place could not be told."""
    _drop_told(world, run, overdue)
    told: dict[tuple[NoticeKind, int], set[int]] = {}
    failure: NotTold | None = None
    for (kind, place), found in sorted(overdue.found.items()):
        if not found:
            continue
        found.sort(key=lambda one: (one[0], one[1].attempt.index))
        after_ms = overdue.notify.after_ms(kind)
        assert after_ms is not None, "without a duration none is found"
        jobs = tuple(
            told_task(
                facts.plan.tasks[record.attempt.index],
                record,
                None,
                requested=requested_of(facts.plan, record, facts.params),
            )
            for _, record in found[:NAMED_MAXIMUM]
        )
        attempts = [record.attempt for _, record in found]
        rest = (attempt.index for attempt in attempts[NAMED_MAXIMUM:])
        queues = task_queues(facts.plan, rest, facts.run_id, facts.params)
        notice = jobs_overdue(run, world.stage, kind, overdue.now_ms, after_ms, attempts, jobs, queues)
        if deliver(world, run.notify, notice, [place]):
            failure = NotTold(f"{notice.notice_id} did not reach the {place}")
            continue
        for attempt in attempts:
            told.setdefault((kind, shard_of(attempt.index)), set()).add(told_code(attempt, place))
    for (kind, shard), codes in told.items():
        world.store.note_jobs_told(run.run_id, run.epoch, shard, kind, sorted(codes))
    if failure is not None:
        raise failure
