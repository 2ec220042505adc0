"""That the scenes of monitors can fail: each is played once more with the bug it guards against put in on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.core.monitor import nothing_ran
from chalicelib.engine.watch import monitor_looks, monitors, observe
from tests.bug import Bug
from tests.memory.jobs import MemoryJobs
from tests.memory.queue import MemoryCommands
from tests.unit.engine import test_monitor_backlog as backlog
from tests.unit.engine import test_monitor_counts as counts
from tests.unit.engine.watch import test_monitor_looks as looks
from tests.unit.engine.watch import test_monitors as failures

CRASH = looks.test_a_crash_at_any_call_of_a_look_tells_the_same_things_once_each

SCENES: dict[str, tuple[Callable[[], None], Bug]] = {
    "a failure is judged after its record is put": (
        lambda: failures.test_a_crash_at_any_call_of_any_invocation_tells_each_failure_once(after_effect=True),
        Bug(
            observe,
            "observe_job",
            {
                "    judge(world, record)\n": "",
                "        telemetry.": "        judge(world, record)\n        telemetry.",
            },
        ),
    ),
    "what did not run is told though its event waits": (
        counts.test_nothing_is_said_while_an_event_in_the_queue_may_say_that_something_ran,
        Bug(monitor_looks, "_events_waiting", {"world.backlog is None": "True"}),
    ),
    "a queue that is never empty holds a deadline back for ever": (
        counts.test_a_queue_that_is_never_empty_holds_a_notice_back_for_a_quarter_of_an_hour,
        Bug(nothing_ran, "judge_deadline", {"now_ms - since_ms < BACKLOG_MS": "True"}),
    ),
    "events are awaited from the time of day on": (
        backlog.test_the_wait_begins_with_the_first_look_that_may_be_hours_after_the_time_of_day,
        Bug(
            nothing_ran,
            "judge_deadline",
            {"awaited_since_ms if awaited_since_ms >= deadline.at_ms else now_ms": "deadline.at_ms"},
        ),
    ),
    "a wait of the day before counts": (
        backlog.test_a_wait_of_the_day_before_is_no_part_of_the_wait_of_this_day,
        Bug(nothing_ran, "judge_deadline", {"awaited_since_ms >= deadline.at_ms": "awaited_since_ms"}),
    ),
    "endings are counted before the queue is asked": (
        lambda: backlog.test_an_event_that_is_handled_between_the_two_questions_of_a_look_is_not_missed("waiting"),
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {
                "    waiting = around.events_waiting()\n": "",
                "    match judge": "    waiting = around.events_waiting()\n    match judge",
            },
        ),
    ),
    "only events that can be received are awaited": (
        backlog.test_an_event_that_is_being_handled_is_awaited,
        Bug(
            MemoryCommands,
            "waiting",
            {"len(self._stored)": "sum(m.visible_at_ms <= self._clock.now_ms() for m in self._stored.values())"},
        ),
    ),
    "a repeat counts": (
        counts.test_a_repeated_event_counts_once,
        Bug(MemoryJobs, "observe_job", {"stored is not None and": "stored is not None and counted is None and"}),
    ),
    "a member is added after its window was seen to": (
        lambda: failures.test_a_crash_at_any_call_of_any_invocation_tells_each_failure_once(after_effect=True),
        Bug(
            monitors,
            "judge",
            {
                "        world.store.add_member(scope_of(command), record.job_id, now_ms, told(record))\n": "",
                "see_to_window(world, command, record.job_id)": (
                    "see_to_window(world, command, record.job_id) or world.clock.advance(seconds=11) or "
                    "world.store.observe_job(record, 0) or "
                    "world.store.add_member(scope_of(command), record.job_id, 0, told(record))"
                ),
            },
        ),
    ),
    "jobs are told before it is written which": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        Bug(
            monitor_looks,
            "_tell_overdue",
            {
                "    if store.put_telling(following):\n        _tell(around, monitor, rule, following, limits_ms)": (
                    "    _tell(around, monitor, rule, following, limits_ms)\n    store.put_telling(following)"
                )
            },
        ),
    ),
    "what was written and not told is taken for told": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        Bug(monitor_looks, "_tell_overdue", {"if telling is not None and telling.is_open:": "if False:"}),
    ),
    "a telling is closed before it is told": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        Bug(
            monitor_looks,
            "_tell",
            {
                "    named = map": "    world.store.close_telling(telling)\n    named = map",
            },
        ),
    ),
    "what was told is told again": (
        looks.test_a_job_that_runs_for_too_long_is_told_once,
        Bug(monitor_looks, "_untold", {"if job.job_id not in told)": "if job.job_id)"}),
    ),
    "a rate is told before it is written since when": (
        lambda: CRASH(looks.scene_rate, after_effect=True),
        Bug(
            monitor_looks,
            "_look_at_rate",
            {
                "_put_next(world, replace(look, above_from_ms=around.now_ms, lease=world.lease()))": (
                    "replace(look, above_from_ms=around.now_ms)"
                )
            },
        ),
    ),
    "a rate is noted as told before it is": (
        lambda: CRASH(looks.scene_rate, after_effect=True),
        Bug(
            monitor_looks,
            "_look_at_rate",
            {"above_from_ms=around.now_ms,": "above_from_ms=around.now_ms, above_is_told=True,"},
        ),
    ),
    "a rate is told at every look": (
        counts.test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again,
        Bug(monitor_looks, "_look_at_rate", {"not now.above_is_told": "True"}),
    ),
    "a rate that fell is not forgotten": (
        counts.test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again,
        Bug(
            monitor_looks, "_look_at_rate", {"now is not None and not rule.is_above(buckets, was_above=True)": "False"}
        ),
    ),
    "a rate is left when few jobs end": (
        counts.test_a_rate_that_stays_is_told_once_though_few_jobs_end_now_and_then,
        Bug(monitor_looks, "_look_at_rate", {"was_above=True": "was_above=False"}),
    ),
    "a deadline is noted before it is told": (
        lambda: CRASH(looks.scene_nothing, after_effect=True),
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {
                "        case NothingSucceeded() as found:\n": (
                    "        case NothingSucceeded() as found:\n"
                    "            look = _put_next(world, replace(look, deadline_ms=deadline.at_ms))\n"
                )
            },
        ),
    ),
    "a deadline is told at every look": (
        lambda: counts.test_that_nothing_ran_by_a_time_of_day_is_told_two_minutes_later_and_once(
            "2026-11-01T12:00Z", "2026-11-02T05:02Z", "2026-11-02"
        ),
        Bug(monitor_looks, "_look_at_deadline", {"deadline.at_ms <= look.deadline_ms": "False"}),
    ),
    "a time before the monitor watched counts as one without jobs": (
        counts.test_a_monitor_says_nothing_of_a_time_that_it_did_not_watch_from_the_beginning,
        Bug(
            monitor_looks,
            "_look_at_deadline",
            {"deadline.from_ms < monitor.since_ms + REMEMBERED_SECONDS * 1000": "False"},
        ),
    ),
}


@pytest.mark.parametrize("bug", SCENES)
def test_a_scene_fails_with_its_bug(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, mistake = SCENES[bug]
    scene()
    mistake.put_in(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        scene()
