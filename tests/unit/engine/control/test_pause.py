"""Pause and resume: nothing is started meanwhile, what runs goes on, and nothing that was due is forgotten."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest

from chalicelib.core import limits
from chalicelib.core.errors import UnknownRun, UserMistake
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.control.pause import pause_run, resume_run
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.world.world import Settings
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

LEASE_SECONDS = Settings().lease_seconds
LOOK_SECONDS = Settings().sweep_seconds

CHAIN = plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"]))
FAN = plan_of((task("a"), ()), *[(task(name), ["a"]) for name in "bcdefgh"], (task("z"), list("bcdefgh")))
RETRIED = plan_of((task("a", attempts=2, backoff_seconds=60), ()))


@pytest.fixture(autouse=True)
def shards_of_three(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 3)


def end_of(theatre: Theatre, name: str) -> str:
    return theatre.ending_document(theatre.jobs(name)[0])


def paused(theatre: Theatre) -> Theatre:
    """The theatre with its run started, then paused in every shard."""
    theatre.start()
    assert theatre.pause()
    theatre.deliver_commands()
    assert theatre.run.state is RunState.PAUSED
    return theatre


@pytest.mark.parametrize("inline", [0, 2, 50])
def test_a_paused_run_starts_nothing_and_a_resumed_one_all_that_was_due(inline):
    theatre = Theatre(FAN, settings=Settings(inline_submissions=inline))
    theatre.start()
    theatre.deliver_commands()
    theatre.pause()
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.endings() == {"a": "succeeded"}, "what runs goes on"
    assert len(theatre.jobs()) == 1
    assert theatre.resume()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == len(FAN.tasks)


def test_endings_and_skips_are_tallied_while_the_run_is_paused():
    plan = plan_of((task("a"), ()), (task("b", TriggerRule.ONE_FAILED), ["a"]), (task("c"), ["b"]), (task("d"), ["a"]))
    theatre = paused(Theatre(plan))
    theatre.deliver_event(end_of(theatre, "a"))
    assert theatre.endings() == {"a": "succeeded", "b": "skipped", "c": "skipped"}
    assert theatre.record("a").state == "succeeded", "its event was handled to the end"


def test_a_run_that_ends_while_it_is_paused_has_ended():
    theatre = paused(Theatre(plan_of((task("a"), ()))))
    theatre.deliver_event(end_of(theatre, "a"))
    assert theatre.run.state is RunState.SUCCEEDED
    with pytest.raises(UserMistake, match=r"has ended \(succeeded\), and cannot be resumed"):
        theatre.resume()
    with pytest.raises(UserMistake, match=r"has ended \(succeeded\), and cannot be paused"):
        theatre.pause()


def test_pausing_twice_pauses_once_and_so_does_resuming():
    theatre = paused(Theatre(CHAIN))
    assert not theatre.pause()
    assert theatre.resume()
    assert not theatre.resume()
    assert theatre.run.switches == 2
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


@pytest.mark.parametrize("switch", [pause_run, resume_run])
def test_an_unknown_run_is_refused_by_name(switch):
    with pytest.raises(UnknownRun, match="there is no run 'nobody'"):
        switch(Theatre(CHAIN).world(), "nobody")


def test_a_pause_that_comes_after_the_resume_does_not_undo_it():
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.pause()
    (late,) = theatre.commands.bodies
    theatre.commands.lose()
    theatre.resume()
    theatre.deliver_commands()
    theatre.commands.send([late])
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_slow_pause_that_writes_after_the_resume_does_not_undo_it():
    theatre = Theatre(CHAIN)
    theatre.start()

    def resumed_meanwhile():
        theatre.resume()
        theatre.deliver_commands()

    theatre.hooks["set_pace"] = resumed_meanwhile
    theatre.pause()
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_timer_that_rings_while_the_run_is_paused_rings_in_vain_and_the_retry_follows_the_resume():
    theatre = Theatre(RETRIED, [("a", 1)])
    theatre.start()
    theatre.deliver_event(end_of(theatre, "a"))
    theatre.pause()
    theatre.play_on()
    assert len(theatre.jobs()) == 1
    assert theatre.commands.bodies == []
    theatre.resume()
    theatre.play_on()
    assert [theatre.attempt_of(job).number for job in theatre.jobs()] == [1, 2]
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_resume_does_not_cut_a_retrys_pause_short():
    theatre = Theatre(RETRIED, [("a", 1)])
    theatre.start()
    theatre.deliver_event(end_of(theatre, "a"))
    ends_at_ms = theatre.clock.now_ms() + 60_000
    theatre.pause()
    theatre.deliver_commands()
    theatre.resume()
    theatre.deliver_commands()
    assert len(theatre.jobs()) == 1
    theatre.play_on()
    assert theatre.jobs()[1].created_at_ms >= ends_at_ms


@pytest.mark.parametrize("fault", [SubmitFault.LOST_AFTER_EFFECT, SubmitFault.LOST_BEFORE_EFFECT])
def test_a_dead_owners_claim_that_is_met_while_paused_is_looked_into_after_the_resume(fault):
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.batch.faults.append(fault)
    end_of_a = end_of(theatre, "a")
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(end_of_a)
    theatre.pause()
    with pytest.raises(MessagesLeft, match="task 1 is claimed"):
        theatre.deliver_commands()
    # Its lease is over, and the redelivery takes it over and finds the run paused.
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    theatre.deliver_event(end_of_a)
    theatre.events.lose()
    theatre.resume()
    for _ in range(10):
        theatre.clock.advance(seconds=LEASE_SECONDS)
        try:
            theatre.deliver_commands()
        except MessagesLeft:
            continue
    assert len(theatre.jobs("b")) == 1
    assert theatre.record("b").job_id == theatre.jobs("b")[0].job_id


def test_what_a_submitter_gives_up_for_the_pause_while_the_run_is_resumed_is_started():
    # The submitter reads that its shard is paused; before it gives the claim back, the run is resumed.
    theatre = paused(Theatre(CHAIN))

    def resumed_meanwhile():
        theatre.resume()
        with pytest.raises(MessagesLeft):
            theatre.deliver_commands()

    theatre.hooks["release"] = resumed_meanwhile
    theatre.deliver_event(end_of(theatre, "a"))
    assert theatre.jobs("b") == []
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_what_a_submitter_never_claimed_for_the_pause_is_started_though_its_parent_ended_during_the_resume():
    # b and c lie beside a. Its end is tallied after the resume read the shard and before it raised the pace: b is
    # claimed and given back, and c is not even claimed.
    theatre = paused(Theatre(plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["a"]))))
    theatre.resume()
    theatre.hooks["set_pace"] = partial(theatre.deliver_event, end_of(theatre, "a"))
    theatre.deliver_commands()
    theatre.deliver_commands()
    assert [len(theatre.jobs(name)) for name in "abc"] == [1, 1, 1]


def test_a_paused_run_can_be_cancelled():
    theatre = paused(Theatre(CHAIN))
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    with pytest.raises(UserMistake, match="is being cancelled, and cannot be resumed"):
        theatre.resume()
    theatre.deliver_commands()
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert theatre.endings() == dict.fromkeys("abc", "cancelled")


def test_a_resume_that_comes_after_the_cancel_starts_nothing():
    theatre = paused(Theatre(CHAIN))
    theatre.deliver_event(end_of(theatre, "a"))
    theatre.resume()
    (late,) = theatre.commands.bodies
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.play_on()
    theatre.commands.send([late])
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert len(theatre.jobs()) == 1


def test_a_pause_whose_command_is_lost_is_carried_out_by_the_sweep_and_so_is_a_resume():
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.pause()
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=LOOK_SECONDS)
    theatre.deliver_event(end_of(theatre, "a"))
    assert theatre.jobs("b") == []
    theatre.resume()
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=LOOK_SECONDS)
    theatre.deliver_commands()
    assert len(theatre.jobs("b")) == 1


def test_the_sweep_starts_nothing_of_a_paused_run():
    theatre = paused(Theatre(FAN))
    theatre.deliver_event(end_of(theatre, "a"))
    theatre.deliver_commands()
    for _ in range(3):
        theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.commands.bodies == []
    assert len(theatre.jobs()) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_resume_that_dies_at_any_call_is_made_good_by_its_redelivery(after_effect):
    cuts = 0
    for call in count():
        theatre = Theatre(FAN)
        theatre.start()
        theatre.pause()
        theatre.play_on()
        theatre.resume()
        if not theatre.crash(Cut(call, after_effect), theatre.deliver_commands):
            break
        cuts += 1
        theatre.play_on()
        assert theatre.run.state is RunState.SUCCEEDED
        assert len(theatre.jobs()) == len(FAN.tasks)
    assert cuts > 10
