"""Cancelling: nothing more is started, what is alive is terminated, and the run ends cancelled."""

from itertools import count

import pytest

from chalicelib.core.errors import UnknownRun
from chalicelib.core.states import RunState
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

PLAN = plan_of((task("a"), ()), (task("b", attempts=3), ()), (task("c"), ["a", "b"]))


def cancel(theatre: Theatre) -> bool:
    return request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")


def alive(theatre: Theatre) -> list[str]:
    """Jobs that neither were terminated nor ended by themselves."""
    return [job.job_id for job in theatre.jobs() if job.terminated is None]


def test_running_jobs_are_terminated_and_the_rest_never_starts():
    theatre = Theatre(PLAN)
    theatre.start()
    assert cancel(theatre)
    assert theatre.run.state is RunState.CANCELLING
    theatre.deliver_commands()
    assert alive(theatre) == []
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.endings() == dict.fromkeys("abc", "cancelled")
    assert len(theatre.jobs()) == 2, "a terminated job is not retried"


def test_cancelling_twice_or_after_the_end_changes_nothing():
    theatre = Theatre(PLAN)
    theatre.start()
    assert cancel(theatre)
    assert cancel(theatre)
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert not cancel(theatre)
    assert len(set(theatre.notices.ids)) == 1


def test_an_unknown_run_is_refused_by_name():
    theatre = Theatre(PLAN)
    with pytest.raises(UnknownRun, match="there is no run 'nobody'"):
        request_cancel(theatre.world(), "nobody", "")


def test_a_task_between_two_attempts_is_cancelled_and_its_timer_starts_nothing():
    theatre = Theatre(plan_of((task("b", attempts=2, backoff_seconds=60), ())), fails=[("b", 1)])
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("b")[0]))
    cancel(theatre)
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert len(theatre.jobs()) == 1


def test_a_job_submitted_while_the_run_is_cancelled_is_terminated_by_who_records_its_id():
    theatre = Theatre(PLAN)

    def cancelled_meanwhile():
        cancel(theatre)
        with pytest.raises(MessagesLeft):
            theatre.deliver_commands()

    theatre.hooks["submit"] = cancelled_meanwhile
    theatre.start()
    theatre.play_on()
    assert alive(theatre) == []
    assert theatre.run.state is RunState.CANCELLED


def test_a_job_whose_submitter_died_is_found_by_name_and_terminated():
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.batch.faults.append(SubmitFault.LOST_AFTER_EFFECT)
    theatre.start()
    cancel(theatre)
    assert alive(theatre)
    while alive(theatre):
        due = theatre.commands.next_visible_at_ms
        theatre.clock.advance_to(max(due, theatre.clock.now_ms()))
        try:
            theatre.deliver_commands()
        except MessagesLeft:
            continue
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_crash_at_any_call_of_the_cancelling_invocation_leaves_no_job_alive(after_effect):
    cuts = 0
    for call in count():
        theatre = Theatre(PLAN)
        theatre.start()
        cancel(theatre)
        if not theatre.crash(Cut(call, after_effect), theatre.deliver_commands):
            break
        cuts += 1
        theatre.clock.advance(seconds=400)
        theatre.deliver_commands()
        assert alive(theatre) == []
        theatre.play_on()
        assert theatre.run.state is RunState.CANCELLED
    assert cuts > 5
