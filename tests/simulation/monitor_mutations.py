"""Bugs put into what records the jobs of others and watches them, each of which some seed must catch."""

from __future__ import annotations

from chalicelib.core.monitor import nothing_ran, too_long
from chalicelib.core.monitor.failed import Failed
from chalicelib.core.monitor.monitor import Monitor
from chalicelib.core.monitor.too_long import RunningLonger
from chalicelib.core.monitor.watch import Watch
from chalicelib.engine.watch import monitor_looks, monitors, observe
from tests.bug import Bug
from tests.memory.jobs import MemoryJobs
from tests.memory.monitors import MemoryMonitors
from tests.simulation.faults import UNSERVED
from tests.simulation.foreign import NAME
from tests.simulation.mutation import Mutation
from tests.simulation.scope import Scope

OTHERS = Scope(shares={NAME: 1.0})
"""Jobs of others, and monitors, in every world."""
OUTAGES = Scope(shares={NAME: 1.0, UNSERVED: 1.0})
"""The same, and in nearly every world nobody handles events for a while."""

_TELL_FIRST = """\
        case NothingSucceeded() as found:
"""

MONITOR_MUTATIONS = {
    "a job's failure is judged after its record is put": Mutation(
        Bug(
            observe,
            "observe_job",
            {
                "    judge(world, record)\n": "",
                "        telemetry.": "        judge(world, record)\n        telemetry.",
            },
        ),
        seeds=(35,),
        scope=OTHERS,
    ),
    "an ending is counted by a write of its own, after its record": Mutation(
        Bug(
            observe,
            "observe_job",
            {
                "counted(world, record)) is None\n": (
                    "None) is None\n    if is_news and (one := counted(world, record)):\n"
                    "        world.store.count(one)\n"
                )
            },
        ),
        seeds=(29,),
        scope=OTHERS,
    ),
    "an ending is counted before its record is put": Mutation(
        Bug(
            observe,
            "observe_job",
            {
                "    is_news = ": (
                    "    if one := counted(world, record):\n        world.store.count(one)\n    is_news = "
                ),
                "counted(world, record)) is None": "None) is None",
            },
        ),
        seeds=(12,),
        scope=OTHERS,
    ),
    "a repeated ending counts": Mutation(
        Bug(
            MemoryJobs,
            "observe_job",
            {
                "        return stored\n": (
                    "        if counted is not None:\n            self.count(counted)\n        return stored\n"
                )
            },
        ),
        seeds=(19,),
        scope=OTHERS,
    ),
    "a record is put whatever its order": Mutation(
        Bug(MemoryJobs, "observe_job", {"stored is not None and stored.order >= record.order": "False"}),
        seeds=(0,),
        scope=OTHERS,
    ),
    "nobody asks about a job that fell silent": Mutation(
        Bug(observe, "ask_about_silent", {"    if not silent:\n": "    if True:\n"}),
        seeds=(101,),
        scope=OTHERS,
    ),
    "what Batch tells of a silent job is not recorded": Mutation(
        Bug(observe, "_news", {"told if told.order > known.order else None": "None"}),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a silent job is taken for lost unasked": Mutation(
        Bug(observe, "ask_about_silent", {"details.get(known.job_id)": "None"}),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a silent job is ended": Mutation(
        Bug(
            observe,
            "ask_about_silent",
            {"    now_ms =": "    world.batch.terminate([one.job_id for one in silent], 'silent')\n    now_ms ="},
        ),
        seeds=(101,),
        scope=OTHERS,
    ),
    "a monitor's every failure is told": Mutation(
        Bug(Failed, "reports", {"(job.failure or FailureClass.UNKNOWN) in self.reported": "bool(self.reported)"}),
        seeds=(23,),
        scope=OTHERS,
    ),
    "what somebody cancelled counts": Mutation(
        Bug(Monitor, "counts", {" and job.failure is not FailureClass.CANCELLED": ""}),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a job is watched whatever it is": Mutation(
        Bug(Watch, "_is_of_kind", {"return all(": "return True or all("}),
        seeds=(6,),
        scope=OTHERS,
    ),
    "a failed job is added after its window was seen to": Mutation(
        Bug(
            monitors,
            "judge",
            {
                "        world.store.add_member(scope_of(command), record.job_id, now_ms, told(record))\n": "",
                "        see_to_window(world, command, record.job_id)": (
                    "        see_to_window(world, command, record.job_id)\n"
                    "        world.store.add_member(scope_of(command), record.job_id, now_ms, told(record))"
                ),
            },
        ),
        seeds=(1023,),
        scope=OTHERS,
    ),
    "a repeat of a failure opens a window": Mutation(
        Bug(monitors, "_is_recorded", {"known is not None and known.order >= record.order": "False"}),
        seeds=(154,),
        scope=OTHERS,
    ),
    "of a time of day it is not said how many failed": Mutation(
        Bug(nothing_ran, "judge_deadline", {"NothingSucceeded(failed,": "NothingSucceeded(0,"}),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a failed job is told as its record says": Mutation(
        Bug(
            monitors,
            "tell_job_failures",
            {
                "world.store.told_members(command.scope, named)": (
                    "[told(job) for job in map(world.store.job, named) if job is not None]"
                )
            },
        ),
        seeds=(571,),
        scope=OTHERS,
    ),
    "a monitor's digest is named by its window": Mutation(
        Bug(monitors, "tell_job_failures", {"command, number, window": "command, window.number, window"}),
        seeds=(48,),
        scope=OTHERS,
    ),
    "failures that nobody told in time are left": Mutation(
        Bug(monitors, "tell_left", {"window is None or window.is_settled or not is_overdue(window, now_ms)": "True"}),
        seeds=(313,),
        scope=OTHERS,
    ),
    "what a closed window did not tell is left": Mutation(
        Bug(
            monitors,
            "tell_left",
            {"not is_overdue(window, now_ms)": "not is_overdue(window, now_ms) or not window.is_open"},
        ),
        seeds=(15068,),
        scope=OTHERS,
    ),
    "jobs are told before it is written which": Mutation(
        Bug(
            monitor_looks,
            "_tell_overdue",
            {
                "    if store.put_telling(following):\n        _tell(around, monitor, rule, following, limits_ms)": (
                    "    _tell(around, monitor, rule, following, limits_ms)\n    store.put_telling(following)"
                )
            },
        ),
        seeds=(0,),
        scope=OTHERS,
    ),
    "what was written and not told is taken for told": Mutation(
        Bug(monitor_looks, "_tell_overdue", {"if telling is not None and telling.is_open:": "if False:"}),
        seeds=(204,),
        scope=OTHERS,
    ),
    "a job that was told is told in another notice": Mutation(
        Bug(monitor_looks, "_untold", {"if job.job_id not in told)": "if job.job_id)"}),
        seeds=(0,),
        scope=OTHERS,
    ),
    "it is asked which jobs were told before it is read what is to be": Mutation(
        Bug(
            monitor_looks,
            "_tell_overdue",
            {
                "    telling = store.telling": (
                    "    early = list(_untold(around, monitor, rule.kind, overdue))\n    telling = store.telling"
                ),
                "for job in _untold(around, monitor, rule.kind, overdue))": "for job in early)",
            },
        ),
        seeds=(337,),
        scope=OTHERS,
    ),
    "jobs are marked as told after their telling was closed": Mutation(
        Bug(
            monitor_looks,
            "_tell",
            {
                "    world.store.mark_jobs_told(telling)\n": "",
                "    world.store.close_telling(telling)\n": (
                    "    world.store.close_telling(telling)\n    world.store.mark_jobs_told(telling)\n"
                ),
            },
        ),
        seeds=(87,),
        scope=OTHERS,
    ),
    "a telling is closed before it is told": Mutation(
        Bug(
            monitor_looks,
            "_tell",
            {"    named = map": "    world.store.close_telling(telling)\n    named = map"},
        ),
        seeds=(204,),
        scope=OTHERS,
    ),
    "of two tellings with one number the later one stays": Mutation(
        Bug(
            MemoryMonitors,
            "put_telling",
            {"        return False\n": "        pass\n"},
        ),
        seeds=(62,),
        scope=OTHERS,
    ),
    "a job is told however short it runs or waits": Mutation(
        Bug(too_long, "judge_duration", {"limit_ms is None or until_ms - since_ms < limit_ms": "limit_ms is None"}),
        seeds=(5,),
        scope=OTHERS,
    ),
    "jobs that a monitor does not watch are told": Mutation(
        Bug(monitor_looks, "_overdue", {"since_ms is None or not monitor.watches(job)": "since_ms is None"}),
        seeds=(9,),
        scope=OTHERS,
    ),
    "what is usual is never asked for": Mutation(
        Bug(RunningLonger, "limit_ms", {"self.than_p95_times is not None and": "False and"}),
        seeds=(22,),
        scope=OTHERS,
    ),
    "a rate is told before it is written since when": Mutation(
        Bug(
            monitor_looks,
            "_look_at_rate",
            {
                "_put_next(world, replace(look, above_from_ms=around.now_ms, lease=world.lease()))": (
                    "replace(look, above_from_ms=around.now_ms)"
                )
            },
        ),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate is noted as told before it is": Mutation(
        Bug(
            monitor_looks,
            "_look_at_rate",
            {"above_from_ms=around.now_ms,": "above_from_ms=around.now_ms, above_is_told=True,"},
        ),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate is told at every look": Mutation(
        Bug(monitor_looks, "_look_at_rate", {"not now.above_is_told": "True"}),
        seeds=(8,),
        scope=OTHERS,
    ),
    "a rate that fell is not forgotten": Mutation(
        Bug(
            monitor_looks, "_look_at_rate", {"now is not None and not rule.is_above(buckets, was_above=True)": "False"}
        ),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a rate has fallen when few jobs end": Mutation(
        Bug(monitor_looks, "_look_at_rate", {"was_above=True": "was_above=False"}),
        seeds=(13,),
        scope=OTHERS,
    ),
    "a rate is named by the time that it is about": Mutation(
        Bug(monitor_looks, "_look_at_rate", {"above_from_ms=around.now_ms": "above_from_ms=from_ms"}),
        seeds=(86,),
        scope=OTHERS,
    ),
    "a look is put whatever its revision": Mutation(
        Bug(MemoryMonitors, "put_look", {"look.revision != self.look(look.monitor).revision + 1": "False"}),
        seeds=(
            265,
            291,
        ),
        scope=OTHERS,
    ),
    "a deadline is noted before it is told": Mutation(
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {
                _TELL_FIRST: (
                    _TELL_FIRST
                    + "            look = _put_next(world, replace(look, deadline_ms=deadline.at_ms)) or look\n"
                )
            },
        ),
        seeds=(1758, 10479),
        scope=OTHERS,
    ),
    "a deadline is told at every look": Mutation(
        Bug(monitor_looks, "_look_at_deadline", {"deadline.at_ms <= look.deadline_ms": "False"}),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time before the monitor watched counts as one without jobs": Mutation(
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {"deadline.from_ms < monitor.since_ms + REMEMBERED_SECONDS * 1000": "False"},
        ),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time of day is judged at once": Mutation(
        Bug(monitor_looks, "_look_at_deadline", {"now_ms - SETTLED_MS": "now_ms"}),
        seeds=(2,),
        scope=OTHERS,
    ),
    "a time of day does not wait for the events in the queue": Mutation(
        Bug(monitor_looks, "_look_at_deadline", {"waiting = around.events_waiting()": "waiting = 0"}),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "a time of day waits for events for ever": Mutation(
        Bug(nothing_ran, "judge_deadline", {"now_ms - since_ms < BACKLOG_MS": "True"}),
        seeds=(13,),
        scope=OUTAGES,
    ),
    "events are awaited from the time of day on, and not from the first look": Mutation(
        Bug(
            nothing_ran,
            "judge_deadline",
            {"awaited_since_ms if awaited_since_ms >= deadline.at_ms else now_ms": "deadline.at_ms"},
        ),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "each look awaits events anew": Mutation(
        Bug(monitor_looks, "_look_at_deadline", {"look.awaited_since_ms, now_ms": "0, now_ms"}),
        seeds=(4,),
        scope=OUTAGES,
    ),
    "endings are counted before it is asked how many events wait": Mutation(
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {
                "    waiting = around.events_waiting()\n": "",
                "    match judge": "    waiting = around.events_waiting()\n    match judge",
            },
        ),
        seeds=(163, 325),
        scope=OUTAGES,
    ),
    "a notice does not say that it may be wrong": Mutation(
        Bug(nothing_ran, "judge_deadline", {"NothingSucceeded(failed, events_queued)": "NothingSucceeded(failed, 0)"}),
        seeds=(62,),
        scope=OUTAGES,
    ),
}
