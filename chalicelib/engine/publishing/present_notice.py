"""The notice that a run's records give at this moment, for somebody who wants to see it. Publishes nothing."""

from __future__ import annotations

from chalicelib.core.notice.model import Notice
from chalicelib.core.run.notices import run_started, tasks_failed
from chalicelib.core.run.records import Run
from chalicelib.engine.publishing.failures import failed_masks, more_queues, named
from chalicelib.engine.publishing.outbox import notice_of_end
from chalicelib.engine.world.world import World


def present_notice(world: World, run: Run) -> Notice:
    """The notice of the run's end; before it, of the tasks that failed so far; else of the run's start."""
    if run.state.ended and run.ended_at_ms is not None:
        return notice_of_end(world, run)
    facts = world.facts_of(run)
    failed = failed_masks(world, facts)
    if not failed:
        return run_started(run, world.stage)
    jobs = named(world, facts, failed)
    count = sum(mask.bit_count() for mask in failed.values())
    return tasks_failed(run, world.stage, world.clock.now_ms(), count, jobs, more_queues(facts, failed, jobs))
