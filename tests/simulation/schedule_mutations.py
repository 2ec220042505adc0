"""Bugs put into schedules, each of which some seed must catch."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.notice.outbox import Place
from chalicelib.core.schedule import decisions
from chalicelib.core.schedule.decisions import ActiveRun
from chalicelib.engine.control.start import start_scheduled
from chalicelib.engine.publishing import outbox
from chalicelib.engine.schedules import due_times
from tests.bug import Bug
from tests.memory.store import MemoryStore
from tests.simulation.mutation import Mutation


def _put_any_schedule(right, store, record):
    store._schedules[record.workflow, record.name] = record
    return True


def _start_before_the_write(right, world, before, after):
    if after.active_ms not in (None, before and before.active_ms) and not after.active_has_run:
        start_scheduled(world, after, after.schedule, after.active_ms)
    return right(world, before, after)


def _take_for(wrong, right, world, record, *, instead_of):
    run, active = right(world, record)
    return run, wrong if active is instead_of else active


def _decide_in_a_pause(right, record, *now, **rest):
    return replace(right(replace(record, paused_at_ms=None), *now, **rest), paused_at_ms=record.paused_at_ms)


SCHEDULE_MUTATIONS = {
    "a schedule's record is written whatever became of it meanwhile": Mutation(
        Bug(MemoryStore.put_schedule, _put_any_schedule),
        seeds=(458,),
    ),
    "the run of a time is started before the time is in the record": Mutation(
        Bug(due_times.write, _start_before_the_write, used_by=due_times),
        seeds=(5240,),
    ),
    "a run that goes on is taken for one that has ended": Mutation(
        Bug(
            due_times.active_run,
            lambda right, world, record: _take_for(ActiveRun.ENDED, right, world, record, instead_of=ActiveRun.GOING),
        ),
        seeds=(147,),
    ),
    "a time that was begun is taken for started": Mutation(
        Bug(
            due_times.active_run,
            lambda right, world, record: _take_for(
                ActiveRun.GOING, right, world, record, instead_of=ActiveRun.NOT_STARTED
            ),
        ),
        seeds=(227,),
    ),
    "the times of a pause are decided when they come": Mutation(
        Bug(decisions.due, _decide_in_a_pause),
        seeds=(229,),
    ),
    "nobody says that the run of a schedule has ended": Mutation(
        Bug(
            outbox._tell_ended,
            lambda right, world, run, places, *rest: right(
                world, run, [place for place in places if place is not Place.SCHEDULE], *rest
            ),
        ),
        seeds=(898,),
    ),
}
