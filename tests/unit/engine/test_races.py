"""Scenes that simulated worlds fell into (tests/simulation), each played in its smallest form."""

import pytest

from chalicelib.core import limits
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

LEASE_SECONDS = 90


@pytest.fixture
def shards_of_two(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def before_the_second(theatre: Theatre, name: str, act) -> None:
    """Let `act` happen right before the second call of that name."""
    theatre.hooks[name] = lambda: theatre.hooks.__setitem__(name, act)


def deliver_together(theatre: Theatre, *names: str) -> None:
    """The endings of these tasks' jobs, in one batch of messages."""
    theatre.events.send([theatre.ending_document(theatre.jobs(name)[0]) for name in names])
    theatre.deliver_events()


def test_a_child_of_two_shards_starts_though_a_parent_ends_between_the_two_writes_of_one_batch(shards_of_two):
    theatre = Theatre(plan_of((task("a"), ()), (task("q"), ()), (task("e"), ()), (task("d"), ["q", "e"])))
    theatre.start()
    end_of_q = theatre.ending_document(theatre.jobs("q")[0])
    before_the_second(theatre, "tally", lambda: theatre.deliver_event(end_of_q))
    deliver_together(theatre, "a", "e")
    assert len(theatre.jobs("d")) == 1


def test_a_run_ends_though_its_last_task_ends_between_the_two_writes_of_one_batch(shards_of_two):
    theatre = Theatre(plan_of((task("a"), ()), (task("q"), ()), (task("e"), ())))
    theatre.start()
    end_of_q = theatre.ending_document(theatre.jobs("q")[0])
    before_the_second(theatre, "tally", lambda: theatre.deliver_event(end_of_q))
    deliver_together(theatre, "a", "e")
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_child_starts_though_a_parent_ends_between_the_two_writes_of_one_level_of_a_cascade(shards_of_two):
    # t dooms c (shard 1) and e (shard 2) at once; d waits for e and for q, which lies beside c.
    theatre = Theatre(
        plan_of(
            (task("t"), ()),
            (task("other"), ()),
            (task("c"), ["t"]),
            (task("q"), ()),
            (task("e"), ["t"]),
            (task("d", TriggerRule.ALL_DONE), ["q", "e"]),
        ),
        fails=[("t", 1)],
    )
    theatre.start()
    end_of_q = theatre.ending_document(theatre.jobs("q")[0])

    def between_c_and_e():
        # The first tally is t's own, the second that of c, the third that of e.
        before_the_second(theatre, "tally", lambda: theatre.deliver_event(end_of_q))

    theatre.hooks["tally"] = between_c_and_e
    deliver_together(theatre, "t")
    assert len(theatre.jobs("d")) == 1


def test_a_retrys_timer_that_is_early_waits_for_the_record(shards_of_two):
    theatre = Theatre(plan_of((task("a", attempts=2), ())), fails=[("a", 1)])
    theatre.start()

    def the_timer_rings():
        with pytest.raises(MessagesLeft, match="has not ended yet"):
            theatre.deliver_commands()

    theatre.hooks["wait_for_retry"] = the_timer_rings
    deliver_together(theatre, "a")
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs("a")) == 2


def test_a_retrys_timer_lets_go_once_who_set_it_is_surely_dead_and_whoever_ends_the_attempt_sets_another():
    theatre = Theatre(plan_of((task("a", attempts=2), ())), fails=[("a", 1)])
    theatre.start()
    end_of_a = theatre.document(theatre.jobs("a")[0], "FAILED")
    assert theatre.crash(Cut("wait_for_retry"), lambda: theatre.deliver_event(end_of_a))
    theatre.clock.advance(seconds=LEASE_SECONDS - 1)
    with pytest.raises(MessagesLeft, match="has not ended yet"):
        theatre.deliver_commands()
    theatre.clock.advance(seconds=2)
    theatre.deliver_commands()
    assert theatre.commands.bodies == []
    assert len(theatre.jobs("a")) == 1
    theatre.deliver_event(end_of_a)
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs("a")) == 2


def test_what_a_task_that_ended_without_its_submitters_knowledge_dooms_is_doomed_by_the_redelivery():
    # The submitter dies after it told of the refusal. Somebody takes its claim over, and finds the task ended: the
    # refusal's handler was there meanwhile, and died after its tally.
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"])))
    theatre.start()
    theatre.batch.faults.append(SubmitFault.REFUSED)
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("send", after_effect=True), lambda: theatre.deliver_event(end_of_a))
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)

    def the_refusals_handler_dies():
        assert theatre.crash(Cut("tally", after_effect=True), theatre.deliver_commands)

    theatre.hooks["claim"] = the_refusals_handler_dies
    theatre.deliver_event(end_of_a)
    theatre.play_on()
    assert theatre.endings() == {"a": "succeeded", "b": "failed", "c": "upstream_failed"}
    assert theatre.run.state is RunState.FAILED


def test_a_cancelled_run_ends_though_a_job_ends_while_the_shards_are_looked_at(shards_of_two):
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"])))
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    # b is tallied first, then c; a ends in between, when shard 0 was read and shard 1 is not full yet.
    before_the_second(theatre, "tally", lambda: theatre.deliver_event(end_of_a))
    theatre.deliver_commands()
    assert theatre.run.state is RunState.CANCELLED


def test_the_end_of_a_cancelled_run_is_told_though_who_ended_it_died_before_telling():
    theatre = Theatre(plan_of((task("a", attempts=2, backoff_seconds=60), ())), fails=[("a", 1)])
    theatre.start()
    deliver_together(theatre, "a")
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    assert theatre.crash(Cut("publish"), theatre.deliver_commands)
    assert theatre.run.state is RunState.CANCELLED
    theatre.clock.advance(seconds=361)
    theatre.deliver_commands(10)
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/cancelled"}


@pytest.mark.parametrize("dies_at", [None, "tally", "change_run", "publish", "commit"])
def test_a_cancelled_run_ends_though_its_last_task_went_between_two_attempts_meanwhile(dies_at):
    # The failure's handler saw no halt and arranges a retry; the canceller saw the job and leaves its end to it.
    theatre = Theatre(plan_of((task("a", attempts=2, backoff_seconds=7), ())), fails=[("a", 1)])
    theatre.start()

    def cancelled_meanwhile():
        request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
        theatre.deliver_commands(10)

    theatre.hooks["wait_for_retry"] = cancelled_meanwhile
    deliver_together(theatre, "a")
    theatre.clock.advance(seconds=8)
    if dies_at:
        assert theatre.crash(Cut(dies_at, after_effect=True), theatre.deliver_commands)
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/cancelled"}


def test_what_runs_is_recorded_though_another_job_of_the_batch_must_be_seen_again():
    theatre = Theatre(plan_of((task("a", attempts=2), ()), (task("b"), ())), fails=[("a", 1)])
    theatre.start()
    first = theatre.jobs("a")[0]
    theatre.hooks["wait_for_retry"] = lambda: theatre.deliver_event(theatre.ending_document(first))
    theatre.events.send([theatre.document(first, "RUNNING"), theatre.ending_document(first)])
    theatre.events.send([theatre.document(theatre.jobs("b")[0], "RUNNING")])
    with pytest.raises(MessagesLeft):
        theatre.deliver_events()
    assert theatre.record("b").state == "running"


def test_a_cancelled_tasks_record_is_committed_though_the_canceller_died_between_tally_and_commit():
    theatre = Theatre(plan_of((task("a"), ())))
    theatre.batch.faults.append(SubmitFault.THROTTLED)
    theatre.start()
    for _ in range(2):
        request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    assert theatre.crash(Cut("tally", after_effect=True), theatre.deliver_commands)
    theatre.deliver_commands()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.record("a").state == "cancelled"


def test_a_task_that_its_refusal_ended_in_the_tally_alone_is_not_committed_as_cancelled():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ())))
    theatre.batch.faults.append(SubmitFault.REFUSED)
    assert theatre.crash(Cut("send", after_effect=True), theatre.start)
    assert theatre.crash(Cut("tally", after_effect=True), theatre.deliver_commands)
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.deliver_commands()
    assert theatre.endings()["a"] == theatre.record("a").state == "failed"
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.record("a").state == "failed"


def test_a_late_timer_of_an_earlier_attempt_starts_nothing():
    theatre = Theatre(plan_of((task("a", attempts=3, backoff_seconds=60), ())), fails=[("a", 1), ("a", 2)])
    theatre.start()
    deliver_together(theatre, "a")
    (timer,) = theatre.commands.bodies
    theatre.clock.advance(seconds=61)
    theatre.deliver_commands()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[1]))
    assert theatre.record("a").state == "waiting"
    theatre.commands.send([timer])
    theatre.deliver_commands()
    assert len(theatre.jobs("a")) == 2, "the pause before attempt 3 is not over"
    theatre.play_on()
    assert [theatre.attempt_of(job).number for job in theatre.jobs("a")] == [1, 2, 3]
    assert theatre.run.state is RunState.SUCCEEDED
