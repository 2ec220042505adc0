"""What a run tells of its failed tasks: in digests while it goes on, and in the notice of its end.

Owns how they are counted, which of them are named, and what is looked up of those. A failure that is allowed
(`allow_failure`) is in no digest: the notice of the end tells of it. When a digest is told is window.py's, what their
jobs wrote log_tail.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice

from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import NotTold
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.outbox import Place, Untold, untold
from chalicelib.core.notice.preferences import Notify
from chalicelib.core.notice.window import NAMED_MAXIMUM, Window, next_step, run_scope
from chalicelib.core.plan.job_request import array_labels_of
from chalicelib.core.plan.model import indexes_in, offset_of, shard_of
from chalicelib.core.plan.task_queues import task_queues
from chalicelib.core.run.commands import TellTaskFailures
from chalicelib.core.run.notices import ending_kind, tasks_failed, told_task
from chalicelib.core.run.records import Run, Tally, TaskRecord, in_epoch
from chalicelib.core.run.requested import requested_of
from chalicelib.core.states import RunState
from chalicelib.engine.publishing.deliver import deliver, remember
from chalicelib.engine.publishing.log_tail import LastLines
from chalicelib.engine.publishing.window import is_overdue, see_to_window, tell_digest
from chalicelib.engine.world.world import DONE, NotYet, Outcome, RunFacts, World

Results = Mapping[int, JobResult]
"""How jobs ended of which this invocation has just heard, by their tasks' indexes: their records do not say yet."""
NO_RESULTS: Results = {}


def note_failures(world: World, facts: RunFacts, failed: Collection[int], ending: RunState | None) -> None:
    """See to it that tasks which were just tallied as failed are told. `ending` is the run's, if it has ended by this:
    then its own notice names them, where it is wanted."""
    failed = [index for index in failed if not facts.plan.tasks[index].allow_failure]
    if failed and facts.notify.to_anybody(NoticeKind.TASK_FAILED) and _wants_digest(facts.notify, ending):
        see_to_window(world, partial(TellTaskFailures, facts.run_id, facts.epoch), str(min(failed)))


def note_untold(world: World, run: Run, facts: RunFacts, failed: Mapping[int, int], *, reads_all: bool = False) -> None:
    """Make up for whoever died before `note_failures`, and for commands that were lost. Raises NotTold while another
    invocation tells the failures.

    `failed` are the masks of tasks to be told by shard, as far as the sweep's look has seen them, so that comparing
    takes one read. With `reads_all` every tally is read: at the end of a look that went on over several sweeps, none of
    which has seen all."""
    if not facts.notify.to_anybody(NoticeKind.TASK_FAILED) or not _wants_digest(facts.notify, run.state):
        return
    if reads_all:
        failed = failed_masks(world, facts)
    if not any(failed.values()):
        return
    scope = run_scope(facts.run_id, facts.epoch)
    window = world.store.window(scope)
    if window is not None and window.is_open:
        # Nobody looks at a run that has ended again, so its window is not waited for.
        if not run.state.ended and not is_overdue(window, world.clock.now_ms()):
            return
    elif _count(failed) <= (window.told_count if window else 0):
        return
    number, now_ms = window.number if window else 0, world.clock.now_ms()
    if window is None or window.is_settled:
        number += 1
        world.store.open_window(scope, number, str(next(_indexes(failed))), now_ms, next_step(window, now_ms))
    # At once, and not by a command, which might be lost as well.
    outcome = tell_task_failures(world, TellTaskFailures(facts.run_id, facts.epoch, number, now_ms))
    if isinstance(outcome, NotYet):
        raise NotTold(outcome.why)


def tell_task_failures(world: World, command: TellTaskFailures) -> Outcome:
    """Tell of the tasks that failed in a run's epoch, when the time of their window is over."""
    stored = world.store.run(command.run_id)
    if stored is None or stored.epoch < command.epoch:
        return DONE
    run = in_epoch(stored, command.epoch)
    if not _wants_digest(run.notify, run.state):
        return DONE
    facts = world.facts_of(run)
    failed: dict[int, int] = {}

    def count() -> int:
        failed.update(failed_masks(world, facts))
        return _count(failed)

    def tell(window: Window, members: int) -> None:
        jobs = named(world, facts, failed, opener=int(window.opener))
        queues = more_queues(facts, failed, jobs)
        notice = tasks_failed(run, world.stage, world.clock.now_ms(), members, jobs, queues)
        places = run.notify.places(NoticeKind.TASK_FAILED)
        left = deliver(world, run.notify, notice, places)
        remember(world, command.run_id, untold(command.epoch, Untold.FAILURES, left))
        _note_told(world, command, [place for place in places if place not in left])

    return tell_digest(world, command, count, tell)


def _note_told(world: World, command: TellTaskFailures, places: Iterable[Place]) -> None:
    """Take out of the run's record that these places missed an earlier digest: this one told them of all of it."""
    # Read under the lease, which those have who add to it.
    run = world.store.run(command.run_id)
    missed = run.untold & untold(command.epoch, Untold.FAILURES, places) if run else frozenset()
    if missed:
        world.store.note_run_told(command.run_id, missed, world.owner)


def tell_digest_again(world: World, run: Run, places: Sequence[Place]) -> list[Place]:
    """Tell these places, which did not hear a digest of the run's epoch when its time came, what they have missed;
    those that could not be told, or not for now."""
    if not _wants_digest(run.notify, run.state):
        return []
    scope = run_scope(run.run_id, run.epoch)
    window = world.store.window(scope)
    if window is None:
        # Forgotten, weeks later.
        return []
    if window.is_open:
        # Its command tells these places of all.
        return list(places)
    window = world.store.close_window(scope, window.number, world.lease(), world.clock.now_ms())
    if window is None:
        return list(places)
    now = world.store.run(run.run_id)
    left = [place for place in places if now and untold(run.epoch, Untold.FAILURES, [place]) <= now.untold]
    facts = world.facts_of(run)
    failed = failed_masks(world, facts)
    # Where there are more by now, the next window tells all of them, these places too.
    is_all = _count(failed) == window.told_count
    if left and is_all:
        jobs = named(world, facts, failed, opener=int(window.opener))
        queues = more_queues(facts, failed, jobs)
        notice = tasks_failed(run, world.stage, world.clock.now_ms(), window.told_count, jobs, queues)
        left = deliver(world, run.notify, notice, left)
    if is_all or window.is_settled:
        world.store.settle_window(scope, window.number, window.told_count, world.owner)
    return left


def named(
    world: World,
    facts: RunFacts,
    failed: Mapping[int, int],
    *,
    opener: int | None = None,
    results: Results = NO_RESULTS,
) -> tuple[ToldJob, ...]:
    """Some of the failed tasks, for a notice: the opener, then in the order of the plan, those that may fail last."""
    allowed = facts.plan.allowed_failures
    indexes: Iterator[int] = chain(
        _indexes({shard: mask & ~allowed.get(shard, 0) for shard, mask in failed.items()}),
        _indexes({shard: mask & allowed.get(shard, 0) for shard, mask in failed.items()}),
    )
    if opener is not None and failed.get(shard_of(opener), 0) >> offset_of(opener) & 1:
        indexes = (index for index in (opener, *(other for other in indexes if other != opener)))
    jobs: list[ToldJob] = []
    last_lines = LastLines(world, facts.notify.log_lines)
    for index in islice(indexes, NAMED_MAXIMUM):
        then, record = _last_record(world, facts, index)
        result = results.get(index) or (record.result if record else None)
        requested = requested_of(then.plan, record, then.params) if record else None
        told = told_task(
            facts.plan.tasks[index],
            record,
            result,
            requested=requested,
        )
        jobs.append(last_lines.looked_up(told, array_labels_of(facts.plan.tasks[index], facts.params)))
    return tuple(jobs)


def more_queues(facts: RunFacts, failed: Mapping[int, int], jobs: Collection[ToldJob]) -> frozenset[str]:
    """The job queues that the failed tasks may have been in which `jobs` does not name."""
    names = {job.task for job in jobs}
    rest = (index for index in _indexes(failed) if facts.plan.tasks[index].name not in names)
    return task_queues(facts.plan, rest, facts.run_id, facts.params)


def _last_record(world: World, facts: RunFacts, index: int) -> tuple[RunFacts, TaskRecord | None]:
    """The record of a task, from the epoch in which it had its last job: one that a redrive kept has none in this; and
    that epoch's facts."""
    record = world.store.task(facts.run_id, facts.epoch, index)
    name, then = facts.plan.tasks[index].name, facts
    for epoch in reversed(range(facts.epoch)):
        if record is not None:
            break
        earlier = world.facts(facts.run_id, epoch)
        if earlier is None or name not in earlier.plan.index_of:
            break
        then, record = earlier, world.store.task(facts.run_id, epoch, earlier.plan.index_of[name])
    return then, record


def _wants_digest(notify: Notify, state: RunState | None) -> bool:
    """Whether digests tell of the failures of a run in this state. They do not once the run is cancelled, because
    somebody has looked at it; nor where the notice of the run's end tells of all failures."""
    if state is None or not (state.ended or state is RunState.CANCELLING):
        return True
    is_cancelled = state in (RunState.CANCELLING, RunState.CANCELLED)
    return not is_cancelled and not notify.to_topic(ending_kind(state))


def failed_masks(world: World, facts: RunFacts) -> dict[int, int]:
    """The masks of the tasks that failed in this epoch and may not, by shard, read consistently."""
    failed: dict[int, int] = {}
    for shard in range(facts.plan.shard_count):
        tally = world.store.read_tally(facts.run_id, facts.epoch, shard)
        mask = to_be_told(facts, shard, tally)
        if mask:
            failed[shard] = mask
    return failed


def to_be_told(facts: RunFacts, shard: int, tally: Tally) -> int:
    """The mask of a shard's failed tasks that digests tell. What a redrive kept failed in an earlier epoch, and was
    told then."""
    return tally.failed & ~tally.kept_failed & ~facts.plan.allowed_failures.get(shard, 0)


def _indexes(failed: Mapping[int, int]) -> Iterator[int]:
    return (index for shard, mask in sorted(failed.items()) for index in indexes_in(shard, mask))


def _count(failed: Mapping[int, int]) -> int:
    return sum(mask.bit_count() for mask in failed.values())
