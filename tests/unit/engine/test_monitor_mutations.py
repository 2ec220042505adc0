"""That the scenes of monitors can fail: each is played once more with the bug it guards against put in on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.monitor import nothing_ran
from chalicelib.core.monitor.nothing_ran import BACKLOG_MS
from chalicelib.engine.watch import monitors
from tests.bug import Bug, LatePort, Planted, with_ports
from tests.memory.queue import MemoryCommands
from tests.simulation.monitor_mutations import MONITOR_MUTATIONS
from tests.unit.engine import test_monitor_backlog as backlog
from tests.unit.engine import test_monitor_counts as counts
from tests.unit.engine.watch import test_monitor_looks as looks
from tests.unit.engine.watch import test_monitors as failures

CRASH = looks.test_a_crash_at_any_call_of_a_look_tells_the_same_things_once_each

PLANTED: dict[str, Planted] = {name: mutation.bug for name, mutation in MONITOR_MUTATIONS.items()}
"""The bugs that the simulator catches, too."""


def _with_the_wait_of_before(
    right: Any, deadline: Any, buckets: Any, events_queued: int, awaited_since_ms: int, now_ms: int
) -> Any:
    if awaited_since_ms and now_ms - awaited_since_ms >= BACKLOG_MS:
        return right(deadline, buckets, 0, 0, now_ms)
    return right(deadline, buckets, events_queued, awaited_since_ms, now_ms)


def _that_can_be_received(right: Any, queue: Any) -> int:
    return sum(message.visible_at_ms <= queue._clock.now_ms() for message in queue._stored.values())


def _recorded_before_it_is_added(right: Any, world: Any, record: Any) -> None:
    late = LatePort(world.store, "add_member")
    right(with_ports(world, store=late), record)
    if late.is_waiting:
        world.clock.advance(seconds=11)
        world.store.observe_job(record, 0)
        late.make_up()


SCENES: dict[str, tuple[Callable[[], None], Planted]] = {
    "a failure is judged after its record is put": (
        lambda: failures.test_a_crash_at_any_call_of_any_invocation_tells_each_failure_once(after_effect=True),
        PLANTED["a job's failure is judged after its record is put"],
    ),
    "what did not run is told though its event waits": (
        counts.test_nothing_is_said_while_an_event_in_the_queue_may_say_that_something_ran,
        PLANTED["a time of day does not wait for the events in the queue"],
    ),
    "a queue that is never empty holds a deadline back for ever": (
        counts.test_a_queue_that_is_never_empty_holds_a_notice_back_for_a_quarter_of_an_hour,
        PLANTED["a time of day waits for events for ever"],
    ),
    "events are awaited from the time of day on": (
        backlog.test_the_wait_begins_with_the_first_look_that_may_be_hours_after_the_time_of_day,
        PLANTED["events are awaited from the time of day on, and not from the first look"],
    ),
    "a wait of the day before counts": (
        backlog.test_a_wait_of_the_day_before_is_no_part_of_the_wait_of_this_day,
        Bug(nothing_ran.judge_deadline, _with_the_wait_of_before),
    ),
    "endings are counted before the queue is asked": (
        lambda: backlog.test_an_event_that_is_handled_between_the_two_questions_of_a_look_is_not_missed("waiting"),
        PLANTED["endings are counted before it is asked how many events wait"],
    ),
    "only events that can be received are awaited": (
        backlog.test_an_event_that_is_being_handled_is_awaited,
        Bug(MemoryCommands.waiting, _that_can_be_received),
    ),
    "a repeat counts": (counts.test_a_repeated_event_counts_once, PLANTED["a repeated ending counts"]),
    "a member is added after its window was seen to": (
        lambda: failures.test_a_crash_at_any_call_of_any_invocation_tells_each_failure_once(after_effect=True),
        Bug(monitors.judge, _recorded_before_it_is_added),
    ),
    "jobs are told before it is written which": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        PLANTED["jobs are told before it is written which"],
    ),
    "what was written and not told is taken for told": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        PLANTED["what was written and not told is taken for told"],
    ),
    "a telling is closed before it is told": (
        lambda: CRASH(looks.scene_jobs, after_effect=True),
        PLANTED["a telling is closed before it is told"],
    ),
    "what was told is told again": (
        looks.test_a_job_that_runs_for_too_long_is_told_once,
        PLANTED["a job that was told is told in another notice"],
    ),
    "a rate is told before it is written since when": (
        lambda: CRASH(looks.scene_rate, after_effect=True),
        PLANTED["a rate is told before it is written since when"],
    ),
    "a rate is noted as told before it is": (
        lambda: CRASH(looks.scene_rate, after_effect=True),
        PLANTED["a rate is noted as told before it is"],
    ),
    "a rate is told at every look": (
        counts.test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again,
        PLANTED["a rate is told at every look"],
    ),
    "a rate that fell is not forgotten": (
        counts.test_a_failure_rate_is_told_once_until_it_has_fallen_and_risen_again,
        PLANTED["a rate that fell is not forgotten"],
    ),
    "a rate is left when few jobs end": (
        counts.test_a_rate_that_stays_is_told_once_though_few_jobs_end_now_and_then,
        PLANTED["a rate has fallen when few jobs end"],
    ),
    "a deadline is noted before it is told": (
        lambda: CRASH(looks.scene_nothing, after_effect=True),
        PLANTED["a deadline is noted before it is told"],
    ),
    "a deadline is told at every look": (
        lambda: counts.test_that_nothing_ran_by_a_time_of_day_is_told_two_minutes_later_and_once(
            "2026-11-01T12:00Z", "2026-11-02T05:02Z", "2026-11-02"
        ),
        PLANTED["a deadline is told at every look"],
    ),
    "a time before the monitor watched counts as one without jobs": (
        counts.test_a_monitor_says_nothing_of_a_time_that_it_did_not_watch_from_the_beginning,
        PLANTED["a time before the monitor watched counts as one without jobs"],
    ),
}


@pytest.mark.parametrize("bug", SCENES)
def test_a_scene_fails_with_its_bug(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, mistake = SCENES[bug]
    scene()
    mistake.put_in(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        scene()
