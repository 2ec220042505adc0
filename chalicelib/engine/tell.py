"""Telling what becomes of a run: to the stage's topic, to the run's own queue, and to the event bus.

Owns who hears it. What is told twice has the same id, so everything here may be repeated; it must be done before the
write after which no message would repeat it.
"""

from __future__ import annotations

import logging

from chalicelib.core.changes import Change
from chalicelib.core.errors import UserMistake
from chalicelib.core.notices import Notice, NoticeKind
from chalicelib.core.notify import Notify
from chalicelib.core.records import Run
from chalicelib.core.runnotices import run_change, run_late, run_started
from chalicelib.core.states import RunState
from chalicelib.engine.world import World

log = logging.getLogger(__name__)


def deliver(world: World, notify: Notify, notice: Notice) -> None:
    """Publish a notice of a run to whom it concerns. Raises TryAgain. What can never be delivered is logged and
    dropped: a run must not hang because somebody deleted a queue."""
    if notify.to_topic(notice.kind):
        world.notices.publish(notice)
    if notify.queue is not None and notify.to_queue(notice.kind):
        try:
            world.notices.send(notice, notify.queue)
        except UserMistake as mistake:
            log.warning("notice %s does not reach queue %s: %s", notice.notice_id, notify.queue, mistake)


def tell_changes(world: World, changes: list[Change]) -> None:
    """Put changes on the event bus, if the stage has one. Raises TryAgain."""
    if world.changes is not None and changes:
        world.changes.tell(changes)


def tell_run_change(world: World, run: Run, state: RunState, at_ms: int, *, switches: int = 0) -> None:
    """Tell the event bus that a run is in this state. Raises TryAgain."""
    if world.changes is not None:
        world.changes.tell([run_change(run, world.stage, state, at_ms, switches=switches)])


def tell_started(world: World, run: Run) -> None:
    """Tell that an epoch of a run has begun, before its first task is claimed."""
    tell_run_change(world, run, RunState.RUNNING, run.began_ms)
    if run.notify.to_anybody(NoticeKind.RUN_STARTED):
        deliver(world, run.notify, run_started(run, world.stage))


def tell_if_untouched(world: World, run: Run) -> None:
    """Tell that the run's epoch has begun, unless somebody surely did: whoever began it may have died before telling.

    A task's record proves that it was told, for claims come after; so does a look of the sweep that was noted."""
    wanted = world.changes is not None or run.notify.to_anybody(NoticeKind.RUN_STARTED)
    if wanted and run.swept_at_ms is None and not run.state.ended and not _has_records(world, run):
        tell_started(world, run)


def _has_records(world: World, run: Run) -> bool:
    if run.epoch == 0:
        # The first task in topological order depends on none.
        return world.store.task(run.run_id, run.epoch, 0) is not None
    shards = range(world.facts_of(run).plan.shard_count)
    return any(world.store.tasks(run.run_id, run.epoch, shard) for shard in shards)


def tell_if_late(world: World, run: Run, since_ms: int, now_ms: int) -> None:
    """Tell that a run is late, if it became so since the sweep's last look, which was at `since_ms`."""
    after_ms = run.notify.after_ms(NoticeKind.RUN_LATE)
    if after_ms is not None and not run.state.ended and since_ms < run.began_ms + after_ms <= now_ms:
        deliver(world, run.notify, run_late(run, world.stage, after_ms))
