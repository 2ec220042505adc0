"""Of several invocations that see what is to be told, one publishes it: nobody hears a thing twice, unless one died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.lookout import Lookout
from tests.memory.theatre import Cut, Theatre, plan_of, task

WIDE = plan_of(*((task(f"part-{number}"), ()) for number in range(8)), (task("slow"), ()))
ALL_FAIL = [(f"part-{number}", 1) for number in range(8)]
ONE = plan_of((task("a"), ()))
BLOCKED = (Path(__file__).parents[2] / "data/events/queue_blocked.doc.json").read_text()
LEASE_SECONDS = Theatre(ONE).settings.lease_seconds
QUEUE = "batchwright-notices-mine"


def left(act: Callable[[], object]) -> bool:
    """Whether an invocation left messages on the queue, because another is about to do what they ask for."""
    try:
        act()
    except MessagesLeft:
        return True
    return False


def meanwhile(stage: Theatre, call: str, *acts: Callable[[], object]) -> list[bool]:
    """Right before the next such call the first of these acts in an invocation of its own, and right before that one's
    call the second; whether each left messages."""
    found: list[bool] = []

    def first(rest: Sequence[Callable[[], object]]) -> None:
        if rest[1:]:
            stage.hooks[call] = lambda: first(rest[1:])
        found.append(left(rest[0]))

    stage.hooks[call] = lambda: first(acts)
    return found


def deliver_all(stage: Theatre) -> None:
    """Deliver what is on the queues, however long that takes."""
    for _ in range(200):
        for deliver in (stage.deliver_events, stage.deliver_commands):
            left(deliver)
        times = [at for queue in (stage.events, stage.commands) if (at := queue.next_visible_at_ms) is not None]
        if not times:
            return
        stage.clock.advance_to(max(min(times), stage.clock.now_ms()))
    raise AssertionError("the queues did not come to rest")


def ids(stage: Theatre, kind: NoticeKind | None = None) -> list[str]:
    return [notice.notice_id for notice in stage.notices.published if kind in (None, notice.kind)]


# Bursts


def test_a_burst_that_five_invocations_meet_at_once_makes_one_notice_of_a_monitor() -> None:
    stage = Lookout({"m": {"failed": True}})
    # Each is about to open the window when the next one looks for it.
    meanwhile(stage, "open_window", *(lambda n=n: stage.happens(f"job{n}", "FAILED") for n in range(1, 5)))
    stage.happens("job0", "FAILED")
    stage.clock.advance(seconds=10)
    # All commands are due at the same millisecond, and handled while the first one publishes.
    meanwhile(stage, "publish", *([stage.deliver_commands] * 4))
    left(stage.deliver_commands)
    deliver_all(stage)
    [notice] = stage.notices.published
    assert notice.job_count == 5


def test_a_burst_that_five_invocations_meet_at_once_makes_one_notice_of_a_run() -> None:
    stage = Theatre(WIDE, ALL_FAIL)
    stage.start()
    while stage.deliver_commands():
        pass
    ends = [stage.ending_document(stage.jobs(f"part-{n}")[0]) for n in range(5)]
    meanwhile(stage, "open_window", *(lambda end=end: stage.deliver_event(end) for end in ends[1:]))
    stage.deliver_event(ends[0])
    stage.clock.advance(seconds=10)
    meanwhile(stage, "publish", *([stage.deliver_commands] * 4))
    left(stage.deliver_commands)
    for _ in range(10):
        left(stage.deliver_commands)
        stage.clock.advance(seconds=1)
    assert ids(stage, NoticeKind.TASK_FAILED) == [f"{stage.run.run_id}/0/task_failed/5"]


@pytest.mark.parametrize("call", ["close_window", "read_tally", "publish", "settle_window"])
def test_a_digest_that_the_sweep_takes_for_lost_while_its_command_is_handled_is_told_once(call: str) -> None:
    stage = Theatre(WIDE, ALL_FAIL)
    stage.start()
    while stage.deliver_commands():
        pass
    stage.deliver_event(stage.ending_document(stage.jobs("part-0")[0]))
    stage.clock.advance(seconds=700)
    meanwhile(stage, call, stage.sweep)
    left(stage.deliver_commands)
    stage.sweep(after_seconds=300)
    assert len(ids(stage, NoticeKind.TASK_FAILED)) == 1


def test_a_place_that_missed_a_digest_hears_the_next_one_once() -> None:
    stage = Theatre(WIDE, ALL_FAIL)
    stage.start(queue=QUEUE)
    while stage.deliver_commands():
        pass
    stage.deliver_event(stage.ending_document(stage.jobs("part-0")[0]))
    stage.notices.failing = True
    stage.clock.advance(seconds=10)
    left(stage.deliver_commands)
    assert stage.run.untold
    stage.notices.failing = False
    stage.deliver_event(stage.ending_document(stage.jobs("part-1")[0]))
    # The sweep finds what was missed right when the next window is told.
    stage.clock.advance(seconds=300)
    meanwhile(stage, "settle_window", stage.sweep)
    left(stage.deliver_commands)
    stage.sweep(after_seconds=300)
    told = [f"{stage.run.run_id}/0/task_failed/2"]
    assert (ids(stage), stage.notices.ids_sent(QUEUE)[1:], stage.run.untold) == (told, told, frozenset())


def test_a_place_that_missed_a_digest_hears_it_later_from_one_of_two_sweeps() -> None:
    stage = Theatre(WIDE, ALL_FAIL)
    stage.start()
    while stage.deliver_commands():
        pass
    stage.deliver_event(stage.ending_document(stage.jobs("part-0")[0]))
    stage.notices.failing = True
    stage.clock.advance(seconds=10)
    left(stage.deliver_commands)
    stage.notices.failing = False
    meanwhile(stage, "publish", stage.sweep)
    stage.sweep(after_seconds=300)
    assert (ids(stage), stage.run.untold) == ([f"{stage.run.run_id}/0/task_failed/1"], frozenset())


# Runs


@pytest.mark.parametrize("call", ["run", "publish", "note_run_told"])
def test_the_end_that_two_invocations_find_is_told_by_one(call: str) -> None:
    stage = Theatre(ONE)
    stage.start(queue=QUEUE)
    end = stage.ending_document(stage.jobs()[0])
    meanwhile(stage, call, lambda: stage.deliver_event(end), lambda: stage.deliver_event(end))
    stage.deliver_event(end)
    deliver_all(stage)
    told = [f"{stage.run.run_id}/0/succeeded"]
    assert (ids(stage), stage.notices.ids_sent(QUEUE)[1:]) == (told, told), "the queue heard of the start, too"
    assert (stage.run.untold, stage.run.lease) == (frozenset(), None)


def test_what_joins_while_the_start_is_told_is_told_by_the_same_invocation() -> None:
    stage = Theatre(ONE, definition={"notify": {"on": ["run_started", "run_succeeded"]}})
    meanwhile(stage, "publish", lambda: stage.deliver_event(stage.ending_document(stage.jobs()[0])))
    stage.start()
    assert [one.rpartition("/")[2] for one in ids(stage)] == ["started", "succeeded"]
    assert (stage.run.untold, stage.run.lease) == (frozenset(), None)
    deliver_all(stage)
    assert len(ids(stage)) == 2


def test_an_end_whose_teller_died_is_told_again_once_its_lease_is_over() -> None:
    stage = Theatre(ONE)
    stage.start()
    stage.events.send([stage.ending_document(stage.jobs()[0])])
    assert stage.crash(Cut("publish", after_effect=True), stage.deliver_events)
    assert stage.run.lease is not None
    stage.clock.advance(seconds=LEASE_SECONDS - 1)
    stage.sweep()
    assert len(ids(stage)) == 1, "its owner may live"
    stage.clock.advance(seconds=300)
    deliver_all(stage)
    assert ids(stage) == [f"{stage.run.run_id}/0/succeeded"] * 2
    assert (stage.run.untold, stage.run.lease) == (frozenset(), None)


def test_a_run_that_was_cancelled_twice_at_once_is_told_so_once() -> None:
    stage = Theatre(ONE)
    stage.start()
    request_cancel(stage.world(), stage.run.run_id, "enough")
    request_cancel(stage.world(), stage.run.run_id, "enough")
    stage.deliver_commands()
    (job,) = stage.jobs()
    end = stage.document(job, "FAILED", job.terminated)
    meanwhile(stage, "publish", lambda: stage.deliver_event(end), stage.deliver_commands)
    stage.deliver_event(end)
    deliver_all(stage)
    assert ids(stage) == [f"{stage.run.run_id}/0/cancelled"]


@pytest.mark.parametrize("kinds", [["task_failed"], ["task_failed", "run_cancelled"]])
def test_no_failure_is_told_of_a_run_that_was_cancelled(kinds: list[str]) -> None:
    stage = Theatre(WIDE, ALL_FAIL, definition={"notify": {"on": kinds}})
    stage.start()
    while stage.deliver_commands():
        pass
    stage.deliver_event(stage.ending_document(stage.jobs("part-0")[0]))
    request_cancel(stage.world(), stage.run.run_id, "enough")
    deliver_all(stage)
    stage.end_jobs()
    stage.tell(["ENDED"])
    deliver_all(stage)
    for _ in range(4):
        stage.sweep(after_seconds=300)
    assert stage.run.state == "cancelled"
    assert ids(stage) == [f"{stage.run.run_id}/0/cancelled"][: len(kinds) - 1]


# Sweeps


@pytest.mark.parametrize("call", ["publish", "read_tally", "lease_run", "note_jobs_told", "swept", "note_run_told"])
@pytest.mark.parametrize(
    "notify",
    [{"on": ["run_late"], "late_after_seconds": 100}, {"on": ["job_waiting"], "waiting_after_seconds": 100}],
)
def test_what_two_sweeps_find_of_a_run_at_once_is_told_by_one(notify: dict[str, object], call: str) -> None:
    stage = Theatre(ONE, definition={"notify": notify})
    stage.start()
    meanwhile(stage, call, stage.sweep)
    stage.sweep(after_seconds=300)
    stage.sweep(after_seconds=300)
    assert len(ids(stage)) == 1
    assert (stage.run.untold, stage.run.lease) == (frozenset(), None)


# Blocked queues


@pytest.mark.parametrize("call", ["was_told", "claim_notice", "publish", "note_notice_told"])
def test_a_blocked_queue_that_two_events_tell_of_at_once_is_told_once(call: str) -> None:
    stage = Theatre(ONE)
    meanwhile(stage, call, lambda: stage.deliver_event(BLOCKED.replace("\n", "")))
    left(lambda: stage.deliver_event(BLOCKED))
    deliver_all(stage)
    assert len(ids(stage)) == 1
