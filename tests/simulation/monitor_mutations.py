"""Bugs put into what records the jobs of others and watches them, each of which some seed must catch."""

from __future__ import annotations

import copy
from dataclasses import replace

from chalicelib.core.limits import DESCRIBE_IDS
from chalicelib.core.monitor import failed, failure_rate, nothing_ran
from chalicelib.core.monitor.failed import Failed
from chalicelib.core.monitor.failure_rate import FailureRate
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.nothing_ran import SETTLED_MS, AwaitEvents, NothingSucceeded
from chalicelib.core.monitor.notices import told
from chalicelib.core.monitor.watch import Watch
from chalicelib.core.states import JobStatus
from chalicelib.engine.publishing import deliver, window
from chalicelib.engine.watch import monitor_looks, monitors, observe
from tests.bug import Bug, Postponed, PostponedCalls, left_out, returns, together, with_ports
from tests.memory.jobs import MemoryJobs
from tests.memory.monitors import MemoryMonitors
from tests.memory.store import MemoryStore
from tests.simulation.faults import UNSERVED
from tests.simulation.foreign import NAME
from tests.simulation.lease_mutations import FAR_FUTURE_MS, claims_a_rate
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope

OTHERS = Scope(shares={NAME: 1.0})
"""Jobs of others, and monitors, in every world."""
OUTAGES = Scope(shares={NAME: 1.0, UNSERVED: 1.0})
"""The same, and in nearly every world nobody handles events for a while."""

_NOT_COUNTED_BY_THE_RECORD = Bug(monitors.counted, returns(None), used_by=observe)


def _count_afterwards(right, world, record, **event):
    is_news = right(world, record, **event)
    if is_news and (one := monitors.counted(world, record)):
        world.store.count(one)
    return is_news


def _count_before(right, world, record, **event):
    if one := monitors.counted(world, record):
        world.store.count(one)
    return right(world, record, **event)


def _count_a_repeat(right, store, record, keep_until_ms, counted):
    stored = right(store, record, keep_until_ms, counted)
    if stored is not None and counted is not None:
        store.count(counted)
    return stored


def _put_any_record(right, store, record, *rest):
    store._jobs.pop(record.job_id, None)
    return right(store, record, *rest)


def _silent(world):
    return world.store.silent_jobs(world.clock.now_ms() - observe.SILENT_MS, DESCRIBE_IDS)


def _lost_unasked(right, world):
    silent = _silent(world)
    for job in silent:
        world.store.job_lost(job, world.clock.now_ms())
    return len(silent)


def _end_the_silent(right, world):
    if silent := _silent(world):
        world.batch.terminate([job.job_id for job in silent], "silent")
    return right(world)


def _as_the_record_says(right, store, scope, members):
    return [told(job) for job in map(store.job, members) if job is not None]


def _put_under_a_new_number(right, store, telling):
    before = store.telling(telling.monitor, telling.kind)
    return right(store, replace(telling, number=before.number + 1 if before else 1))


def _put_any_telling(right, store, telling):
    store._tellings[telling.monitor, telling.kind] = telling
    return True


def _already_told(right, store, monitor, kind):
    found = right(store, monitor, kind)
    return found and replace(found, is_open=False)


def _long_overdue(right, around, *of):
    later = copy.copy(around)
    later.now_ms = FAR_FUTURE_MS
    return right(later, *of)


def _of_any_job(right, around, monitor, *of):
    return right(around, replace(monitor, queues=(), names=(), definitions=(), kinds=()), *of)


def _named_by_what_it_is_about(right, watch, stage, rule, above_from_ms, from_ms, *rest):
    return right(watch, stage, rule, from_ms, from_ms, *rest)


def _put_any_look(right, store, look):
    store._looks[look.monitor] = look
    return True


def _never_over(right, rule, buckets, *, was_above):
    return was_above or right(rule, buckets, was_above=False)


def _finds_no_failures(right, *of):
    found = right(*of)
    return replace(found, failed=0) if isinstance(found, NothingSucceeded) else found


def _finds_no_events_left(right, *of):
    found = right(*of)
    return replace(found, events_left=0) if isinstance(found, NothingSucceeded) else found


def _waits_for_ever(right, deadline, buckets, events_queued, awaited_since_ms, now_ms):
    found = right(deadline, buckets, events_queued, awaited_since_ms, now_ms)
    if isinstance(found, NothingSucceeded) and events_queued:
        return AwaitEvents(awaited_since_ms)
    return found


class _CountedBefore:
    """A store whose endings of a monitor were counted when this was made."""

    def __init__(self, store, under):
        self._store = store
        self._buckets = store.buckets(under, 0, FAR_FUTURE_MS)

    def __getattr__(self, name):
        return getattr(self._store, name)

    def buckets(self, under, from_ms, to_ms):
        return [one for one in self._buckets if from_ms <= one.start_ms < to_ms]


def _count_before_asking(right, around, monitor, rule, look):
    counted = _CountedBefore(around.world.store, monitor.counts_under)
    return right(with_ports(around, store=counted), monitor, rule, look)


MONITOR_MUTATIONS = {
    "a job's failure is judged after its record is put": Mutation(
        Postponed(monitors.judge, until=observe.observe_job),
        seeds=(35,),
        scope=OTHERS,
    ),
    "an ending is counted by a write of its own, after its record": Mutation(
        together(_NOT_COUNTED_BY_THE_RECORD, Bug(observe.observe_job, _count_afterwards)),
        seeds=(29,),
        scope=OTHERS,
    ),
    "an ending is counted before its record is put": Mutation(
        together(_NOT_COUNTED_BY_THE_RECORD, Bug(observe.observe_job, _count_before)),
        seeds=(
            12,
            11,
        ),
        scope=OTHERS,
    ),
    "a repeated ending counts": Mutation(
        Bug(MemoryJobs.observe_job, _count_a_repeat),
        seeds=(19,),
        scope=OTHERS,
    ),
    "a record is put whatever its order": Mutation(
        Bug(MemoryJobs.observe_job, _put_any_record),
        seeds=(0,),
        scope=OTHERS,
    ),
    "nobody asks about a job that fell silent": Mutation(
        Bug(observe.ask_about_silent, returns(0)),
        seeds=(
            101,
            40,
        ),
        scope=OTHERS,
    ),
    "what Batch tells of a silent job is not recorded": Mutation(
        Bug(observe._news, returns(None)),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a silent job is taken for lost unasked": Mutation(
        Bug(observe.ask_about_silent, _lost_unasked),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a silent job is ended": Mutation(
        Bug(observe.ask_about_silent, _end_the_silent),
        seeds=(
            101,
            40,
        ),
        scope=OTHERS,
    ),
    "a monitor's every failure is told": Mutation(
        Bug(
            Failed.reports,
            lambda right, rule, job: job.status is JobStatus.FAILED and bool(rule.reported),
        ),
        seeds=(23,),
        scope=OTHERS,
    ),
    "what somebody cancelled counts": Mutation(
        Bug(Monitor.counts, lambda right, monitor, job: right(monitor, replace(job, failure=None))),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a job is watched whatever it is": Mutation(
        Bug(Watch._is_of_kind, returns(True)),
        seeds=(6,),
        scope=OTHERS,
    ),
    "a failed job is added after its window was seen to": Mutation(
        PostponedCalls("store", "add_member", until=monitors.judge),
        seeds=(
            1023,
            3875,
        ),
        scope=OTHERS,
    ),
    "a repeat of a failure opens a window": Mutation(
        Bug(monitors._is_recorded, returns(False)),
        seeds=(154,),
        scope=OTHERS,
    ),
    "of a time of day it is not said how many failed": Mutation(
        Bug(nothing_ran.judge_deadline, _finds_no_failures),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a failed job is told as its record says": Mutation(
        Bug(MemoryStore.told_members, _as_the_record_says),
        seeds=(571,),
        scope=OTHERS,
    ),
    "a monitor's digest is named by its window": Mutation(
        Bug(
            failed.failed_notice,
            lambda right, watch, stage, command, count, *rest: right(watch, stage, command, command.number, *rest),
        ),
        seeds=(48,),
        scope=OTHERS,
    ),
    "failures that nobody told in time are left": Mutation(
        Bug(monitors.tell_left, left_out),
        seeds=(
            313,
            40,
        ),
        scope=OTHERS,
    ),
    "what a closed window did not tell is left": Mutation(
        Bug(
            window.is_overdue,
            lambda right, window, now_ms: window.is_open and right(window, now_ms),
            used_by=monitors,
        ),
        seeds=(15068,),
        scope=OTHERS,
    ),
    "jobs are told before it is written which": Mutation(
        PostponedCalls("store", "put_telling", until=monitor_looks._tell_overdue, answer=True),
        seeds=(0,),
        scope=OTHERS,
    ),
    "what was written and not told is taken for told": Mutation(
        Bug(MemoryMonitors.telling, _already_told),
        seeds=(
            204,
            83,
        ),
        scope=OTHERS,
    ),
    "a job that was told is told in another notice": Mutation(
        Bug(monitor_looks._untold, lambda right, around, monitor, kind, overdue: (one.job for one in overdue)),
        seeds=(0,),
        scope=OTHERS,
    ),
    "a telling takes its number after it was asked which jobs were told": Mutation(
        Bug(MemoryMonitors.put_telling, _put_under_a_new_number),
        seeds=(337,),
        scope=OTHERS,
    ),
    "jobs are marked as told after their telling was closed": Mutation(
        PostponedCalls("store", "mark_jobs_told", until=monitor_looks._tell),
        seeds=(
            87,
            83,
        ),
        scope=OTHERS,
    ),
    "a telling is closed before it is told": Mutation(
        Postponed(deliver.publish, until=monitor_looks._tell),
        seeds=(
            204,
            83,
        ),
        scope=OTHERS,
    ),
    "of two tellings with one number the later one stays": Mutation(
        Bug(MemoryMonitors.put_telling, _put_any_telling),
        seeds=(62,),
        scope=OTHERS,
    ),
    "a job is told however short it runs or waits": Mutation(
        Bug(monitor_looks._overdue, _long_overdue),
        seeds=(
            5,
            0,
        ),
        scope=OTHERS,
    ),
    "jobs that a monitor does not watch are told": Mutation(
        Bug(monitor_looks._overdue, _of_any_job),
        seeds=(9,),
        scope=OTHERS,
    ),
    "what is usual is never asked for": Mutation(
        Bug(monitor_looks._Around._p95_ms, returns(None)),
        seeds=(22,),
        scope=OTHERS,
    ),
    "a rate is told before it is written since when": Mutation(
        Bug(
            monitor_looks._put_next,
            lambda right, world, look: look if claims_a_rate(look) else right(world, look),
        ),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate is noted as told before it is": Mutation(
        Bug(
            monitor_looks._put_next,
            lambda right, world, look: right(world, replace(look, above_is_told=look.above_from_ms is not None)),
        ),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate is told at every look": Mutation(
        Bug(
            monitor_looks._look_at_rate,
            lambda right, around, monitor, rule, look: right(around, monitor, rule, replace(look, above_is_told=False)),
        ),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate that fell is not forgotten": Mutation(
        Bug(FailureRate.is_above, _never_over),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a rate has fallen when few jobs end": Mutation(
        Bug(FailureRate.is_above, lambda right, rule, buckets, *, was_above: right(rule, buckets, was_above=False)),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a rate is named by the time that it is about": Mutation(
        Bug(failure_rate.rate_notice, _named_by_what_it_is_about),
        seeds=(86,),
        scope=OTHERS,
    ),
    "a look is put whatever its revision": Mutation(
        Bug(MemoryMonitors.put_look, _put_any_look),
        seeds=(265, 291),
        scope=OTHERS,
    ),
    "a deadline is noted before it is told": Mutation(
        Postponed(deliver.publish, until=monitor_looks._look_at_deadline),
        seeds=(1758, 10479),
        scope=OTHERS,
    ),
    "a deadline is told at every look": Mutation(
        Bug(
            monitor_looks._look_at_deadline,
            lambda right, around, monitor, rule, look: right(around, monitor, rule, replace(look, deadline_ms=0)),
        ),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time before the monitor watched counts as one without jobs": Mutation(
        Bug(monitor_looks._watched_throughout, returns(True)),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time of day is judged at once": Mutation(
        Bug(
            nothing_ran.last_deadline,
            lambda right, rule, now_ms: right(rule, now_ms + SETTLED_MS),
            used_by=monitor_looks,
        ),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time of day does not wait for the events in the queue": Mutation(
        Bug(monitor_looks._events_waiting, returns(0)),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "a time of day waits for events for ever": Mutation(
        Bug(nothing_ran.judge_deadline, _waits_for_ever),
        seeds=(13,),
        scope=OUTAGES,
    ),
    "events are awaited from the time of day on, and not from the first look": Mutation(
        Bug(
            nothing_ran.judge_deadline,
            lambda right, deadline, buckets, events_queued, awaited_since_ms, now_ms: right(
                deadline, buckets, events_queued, deadline.at_ms, now_ms
            ),
        ),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "each look awaits events anew": Mutation(
        Bug(
            nothing_ran.judge_deadline,
            lambda right, deadline, buckets, events_queued, awaited_since_ms, now_ms: right(
                deadline, buckets, events_queued, 0, now_ms
            ),
        ),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "endings are counted before it is asked how many events wait": Mutation(
        Bug(monitor_looks._look_at_deadline, _count_before_asking),
        seeds=(163, 325),
        scope=OUTAGES,
    ),
    "a notice does not say that it may be wrong": Mutation(
        Bug(nothing_ran.judge_deadline, _finds_no_events_left),
        seeds=(62,),
        scope=OUTAGES,
    ),
}
