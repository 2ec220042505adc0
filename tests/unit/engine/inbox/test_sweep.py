"""The sweep: what a lost message left behind is found and made good, and what is well is left alone."""

from __future__ import annotations

import pytest

from chalicelib.core import limits
from chalicelib.core.errors import TryAgain
from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.control.cancel import request_cancel
from chalicelib.engine.inbox.messages import MessagesLeft
from chalicelib.engine.inbox.sweep import Swept
from chalicelib.engine.world.world import Settings
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Crash, Cut, Theatre, plan_of, task

LOOK_SECONDS = Settings().sweep_seconds
QUIET_SECONDS = Settings().quiet_seconds
LEASE_SECONDS = Settings().lease_seconds

ONE = plan_of((task("a"), ()))
CHAIN = plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"]))
DIAMOND = plan_of(
    (task("a", attempts=2), ()), (task("b"), ["a"]), (task("c"), ["a"]), (task("d", TriggerRule.ALL_DONE), ["b", "c"])
)


@pytest.fixture(autouse=True)
def shards_of_two(monkeypatch):
    monkeypatch.setattr(limits, "SHARD_SIZE", 2)


def carry_out_commands(theatre: Theatre) -> None:
    """Deliver the commands that are there, and none that is put off."""
    for _ in range(100):
        try:
            if not theatre.deliver_commands():
                return
        except MessagesLeft:
            pass
    raise AssertionError("the commands do not come to an end")


def sweep_until_ended(theatre: Theatre, looks: int = 40) -> None:
    """Let the sweeps alone bring the run to its end; no event is ever told."""
    for _ in range(looks):
        theatre.end_jobs()
        theatre.sweep(after_seconds=LOOK_SECONDS)
        carry_out_commands(theatre)
        if theatre.run.state.ended:
            return
    raise AssertionError(f"the run is {theatre.run.state} after {looks} sweeps")


@pytest.mark.parametrize("inline", [0, 5])
def test_a_run_whose_every_event_is_lost_still_ends(inline):
    theatre = Theatre(DIAMOND, [("a", 1), ("b", 1)], Settings(inline_submissions=inline))
    theatre.start()
    sweep_until_ended(theatre)
    assert theatre.run.state is RunState.FAILED
    assert theatre.endings() == {"a": "succeeded", "b": "failed", "c": "succeeded", "d": "succeeded"}
    assert len(theatre.jobs()) == 5, "a had two attempts, the others one"
    run_id = theatre.run.run_id
    # The failure of b, from the other looks on, and then the end.
    assert set(theatre.notices.ids) == {f"{run_id}/0/task_failed/1", f"{run_id}/0/failed"}


def test_a_run_whose_every_event_and_command_is_lost_ends_through_the_sweep_alone():
    theatre = Theatre(DIAMOND, [("a", 1)])
    theatre.start()
    for _ in range(40):
        theatre.end_jobs()
        theatre.sweep(after_seconds=LOOK_SECONDS)
        for command in theatre.commands.receive(100):
            # A command is lost as often as not; a retry's timer cannot do without one.
            if "retry_task" in command.body:
                theatre.commands.postpone(command.receipt_handle, 0)
        carry_out_commands(theatre)
    assert theatre.run.state is RunState.SUCCEEDED


@pytest.mark.parametrize("died_at", [Cut("claim", after_effect=True), Cut("submit"), Cut("submit", after_effect=True)])
def test_a_dead_claim_is_taken_up_though_its_message_is_lost(died_at):
    theatre = Theatre(CHAIN)
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(died_at, lambda: theatre.deliver_event(end_of_a))
    theatre.events.lose()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    carry_out_commands(theatre)
    assert len(theatre.jobs("b")) == 1, "a job that the dead owner submitted is adopted"
    assert theatre.record("b").job_id == theatre.jobs("b")[0].job_id
    sweep_until_ended(theatre)
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_dead_claim_of_a_retry_is_taken_up():
    theatre = Theatre(plan_of((task("a", attempts=2), ())), [("a", 1)])
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.crash(Cut("submit"), theatre.deliver_commands)
    theatre.commands.lose()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    carry_out_commands(theatre)
    assert [theatre.attempt_of(job).number for job in theatre.jobs()] == [1, 2]


def test_a_claim_whose_owner_may_live_is_left_alone():
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.clock.advance(seconds=LOOK_SECONDS)
    theatre.hooks["submit"] = lambda: theatre.sweep(after_seconds=LEASE_SECONDS - 1)
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.commands.bodies == []
    assert len(theatre.jobs("b")) == 1


def test_a_timer_that_never_came_is_found_once_its_time_is_over():
    theatre = Theatre(plan_of((task("a", attempts=2, backoff_seconds=400), ())), [("a", 1)])
    theatre.start()
    theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.commands.bodies == [], "the pause before attempt 2 is not over"
    theatre.sweep(after_seconds=LOOK_SECONDS)
    carry_out_commands(theatre)
    assert [theatre.attempt_of(job).number for job in theatre.jobs()] == [1, 2]


def test_a_chunk_that_never_came_is_handed_on_again():
    theatre = Theatre(CHAIN, settings=Settings(inline_submissions=0))
    theatre.start()
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=LOOK_SECONDS)
    carry_out_commands(theatre)
    assert len(theatre.jobs("a")) == 1


def test_a_start_that_died_before_its_roots_is_gone_on_with():
    theatre = Theatre(CHAIN)
    assert theatre.crash(Cut("create_run", after_effect=True), theatre.start)
    assert theatre.jobs() == []
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert len(theatre.jobs("a")) == 1


def test_a_cascade_whose_handler_died_is_finished():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"]), (task("c"), ["b"])), [("a", 1)])
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("tally", after_effect=True), lambda: theatre.deliver_event(end_of_a))
    theatre.events.lose()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.endings() == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed"}
    assert theatre.run.state is RunState.FAILED


def forgotten_job() -> Theatre:
    """A run whose only job Batch does not know any more, when it is time to ask."""
    theatre = Theatre(ONE)
    theatre.start()
    theatre.forgotten = {theatre.jobs()[0].job_id}
    theatre.clock.advance(seconds=QUIET_SECONDS)
    return theatre


def test_a_job_that_batch_forgot_fails_at_the_second_look_and_not_at_the_first():
    theatre = forgotten_job()
    theatre.sweep()
    assert theatre.run.state is RunState.RUNNING
    assert theatre.record("a").missing_since_ms == theatre.clock.now_ms()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.state is RunState.FAILED
    assert "does not know the job" in theatre.record("a").result.reason


def test_a_job_that_batch_knows_again_goes_on():
    theatre = forgotten_job()
    theatre.sweep()
    forgotten, theatre.forgotten = theatre.forgotten, set()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.record("a").missing_since_ms is None
    theatre.forgotten = forgotten
    theatre.sweep(after_seconds=2 * QUIET_SECONDS)
    assert theatre.run.state is RunState.RUNNING, "that it was missing once before does not count"
    theatre.forgotten = set()
    sweep_until_ended(theatre)
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_missing_job_that_tells_its_end_itself_has_that_end():
    theatre = forgotten_job()
    theatre.sweep()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_refusal_that_was_never_handled_fails_its_task():
    theatre = Theatre(ONE)
    theatre.batch.faults.append(SubmitFault.REFUSED)
    theatre.start()
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=QUIET_SECONDS)
    assert theatre.run.state is RunState.FAILED
    assert theatre.record("a").result.failure == "refused"
    assert theatre.batch.described == [], "Batch never had such a job"


def test_a_run_that_goes_well_costs_batch_no_question():
    theatre = Theatre(CHAIN)
    theatre.start()
    for name in "abc":
        job = theatre.jobs(name)[0]
        theatre.deliver_event(theatre.document(job, "RUNNING"))
        for _ in range(2):
            theatre.sweep(after_seconds=LOOK_SECONDS)
        theatre.deliver_event(theatre.ending_document(job))
    assert theatre.run.state is RunState.SUCCEEDED
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.batch.described == []
    assert theatre.batch.finds == 0
    assert theatre.commands.bodies == []


def test_a_job_of_a_day_is_asked_about_a_few_times():
    theatre = Theatre(ONE)
    theatre.start()
    theatre.deliver_event(theatre.document(theatre.jobs()[0], "RUNNING"))
    for _ in range(24 * 3600 // LOOK_SECONDS):
        theatre.sweep(after_seconds=LOOK_SECONDS)
    assert len(theatre.batch.described) == 7, "after 1/4, 1/2, 1, 2, 4, 8 and 16 hours"


def test_a_sweep_that_is_out_of_time_goes_on_where_it_stopped():
    theatre = Theatre(plan_of(*[(task(f"t{n}"), ()) for n in range(6)]), settings=Settings(inline_submissions=0))
    theatre.start()
    theatre.commands.lose()
    theatre.hooks["tasks"] = lambda: theatre.clock.advance(seconds=theatre.settings.sweep_budget_seconds)
    began_ms = theatre.clock.now_ms() + LOOK_SECONDS * 1000
    assert theatre.sweep(after_seconds=LOOK_SECONDS) == Swept(runs=1, unfinished=1)
    assert (theatre.run.sweep_shard, theatre.run.sweep_at_ms, theatre.run.swept_at_ms) == (1, began_ms, None)
    carry_out_commands(theatre)
    assert len(theatre.jobs()) == 2
    theatre.hooks.clear()
    assert theatre.sweep() == Swept(runs=1, unfinished=0)
    assert (theatre.run.sweep_shard, theatre.run.swept_at_ms) == (0, began_ms)
    carry_out_commands(theatre)
    assert len(theatre.jobs()) == 6


def test_the_last_look_begins_with_the_first_shard_though_the_run_ended_amid_a_look():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ()), (task("c"), ())))
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    theatre.hooks["tasks"] = lambda: theatre.clock.advance(seconds=theatre.settings.sweep_budget_seconds)
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.sweep_shard == 1
    assert theatre.crash(Cut("commit"), lambda: theatre.deliver_event(end_of_a))
    theatre.events.lose()
    for name in "bc":
        theatre.deliver_event(theatre.ending_document(theatre.jobs(name)[0]))
    for _ in range(3):
        theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.sweep_at_ms is None
    assert theatre.record("a").state == "succeeded"


@pytest.mark.parametrize("method", ["run", "read_tally", "tasks"])
@pytest.mark.parametrize("error", [TryAgain("told to fail"), KeyError("a record that nobody can read")])
def test_a_run_that_cannot_be_looked_at_does_not_keep_the_sweep_from_the_others(monkeypatch, method, error):
    theatre = Theatre(ONE)
    broken = theatre.start("broken")
    theatre.clock.advance(ms=1)
    other = theatre.start("other")
    theatre.end_jobs()
    real = getattr(theatre.store, method)

    def of_the_broken(run_id, *rest):
        if run_id == broken.run_id:
            raise error
        return real(run_id, *rest)

    monkeypatch.setattr(theatre.store, method, of_the_broken)
    assert theatre.sweep(after_seconds=QUIET_SECONDS) == Swept(runs=2, unfinished=1)
    assert theatre.store.run(other.run_id).state is RunState.SUCCEEDED
    monkeypatch.undo()
    assert theatre.store.run(broken.run_id).state is RunState.RUNNING
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.store.run(broken.run_id).state is RunState.SUCCEEDED


def test_all_runs_that_are_due_are_looked_at_however_many():
    theatre = Theatre(ONE)
    for number in range(120):
        theatre.start(str(number))
    theatre.end_jobs()
    assert theatre.sweep(after_seconds=QUIET_SECONDS) == Swept(runs=120, unfinished=0)
    assert {run.state for run in theatre.store.list_runs("play", 200).runs} == {RunState.SUCCEEDED}


def test_an_ended_run_is_looked_at_once_more_and_then_never_again():
    theatre = Theatre(CHAIN)
    theatre.start()
    theatre.play_on()
    assert theatre.sweep(after_seconds=LOOK_SECONDS) == Swept(runs=1, unfinished=0)
    assert theatre.run.sweep_at_ms is None
    assert theatre.sweep(after_seconds=10 * LOOK_SECONDS) == Swept(runs=0, unfinished=0)
    assert theatre.notices.ids == [f"{theatre.run.run_id}/0/succeeded"], "nobody is told again"


@pytest.mark.parametrize("dies_at", [Cut("change_run", after_effect=True), Cut("publish")])
def test_an_ending_that_a_sweep_died_over_is_told_by_the_next(dies_at):
    theatre = Theatre(ONE)
    theatre.start()
    theatre.end_jobs()
    theatre.clock.advance(seconds=QUIET_SECONDS)
    assert theatre.crash(dies_at, theatre.sweep)
    assert theatre.run.state is RunState.SUCCEEDED
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/succeeded"}


def test_an_ending_that_could_not_be_told_is_told_by_a_later_sweep(monkeypatch):
    theatre = Theatre(ONE)
    theatre.start()
    theatre.end_jobs()

    def down(notice):
        raise TryAgain("the topic does not answer")

    monkeypatch.setattr(theatre.notices, "publish", down)
    for _ in range(5):
        theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.state is RunState.SUCCEEDED
    monkeypatch.undo()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/succeeded"}


def test_a_record_that_its_handler_left_open_gets_the_result_that_batch_tells():
    theatre = Theatre(CHAIN)
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("commit"), lambda: theatre.deliver_event(end_of_a))
    theatre.events.lose()
    theatre._told.add((theatre.jobs("a")[0].job_id, "ENDED"))
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert not theatre.record("a").state.ended
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.record("a").result.exit_code == 0
    assert theatre.run.sweep_at_ms is not None, "it is looked at again, for something was open"
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.sweep_at_ms is None


def test_a_record_that_was_left_open_and_whose_job_batch_forgot_has_the_tallys_ending():
    theatre = Theatre(ONE)
    theatre.start()
    end_of_a = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("commit"), lambda: theatre.deliver_event(end_of_a))
    theatre.events.lose()
    theatre.forgotten = {theatre.jobs("a")[0].job_id}
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.record("a").state == "succeeded"


def test_the_second_job_of_a_task_that_ended_is_terminated_and_counted():
    theatre = Theatre(ONE)
    theatre.start()
    job = theatre.jobs()[0]
    # The first submission's answer was lost and the attempt was adopted by another job, which ended it.
    second = theatre.batch.submit(job.request)
    theatre.deliver_event(theatre.document(job, "RUNNING"))
    end_of_second = theatre.document(theatre.batch.jobs[second], "SUCCEEDED")
    assert theatre.crash(Cut("commit"), lambda: theatre.deliver_event(end_of_second))
    theatre.events.lose()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert job.terminated is not None
    assert theatre.record("a").second_jobs == {job.job_id}
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.record("a").state == "succeeded"
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.run.sweep_at_ms is None


def test_a_cancelling_run_whose_command_was_lost_is_cancelled():
    theatre = Theatre(CHAIN)
    theatre.start()
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    assert theatre.commands.lose() == 1
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert theatre.jobs("a")[0].terminated is not None
    theatre.play_on()
    assert theatre.run.state is RunState.CANCELLED
    assert len(theatre.jobs()) == 1


def test_a_cancelling_run_whose_events_are_lost_too_ends():
    theatre = Theatre(CHAIN)
    theatre.start()
    request_cancel(theatre.world(), theatre.run.run_id, "no longer wanted")
    theatre.commands.lose()
    sweep_until_ended(theatre)
    assert theatre.run.state is RunState.CANCELLED
    assert set(theatre.notices.ids) == {f"{theatre.run.run_id}/0/cancelled"}


def test_two_sweeps_at_once_do_what_one_does():
    theatre = Theatre(DIAMOND)
    theatre.start()
    theatre.end_jobs()
    theatre.clock.advance(seconds=QUIET_SECONDS)
    theatre.hooks["describe"] = theatre.sweep
    theatre.sweep()
    assert [len(theatre.jobs(name)) for name in "abcd"] == [1, 1, 1, 0]
    assert theatre.run.sweep_at_ms == theatre.clock.now_ms() + LOOK_SECONDS * 1000


def test_what_waits_its_turn_in_the_commands_queue_is_not_sent_again():
    """A large fan-out takes longer than the sweep's interval; whoever is not started yet is not lost for that."""
    theatre = Theatre(
        plan_of(*[(task(f"t{n}"), ()) for n in range(20)]), settings=Settings(inline_submissions=0, chunk_size=2)
    )
    theatre.start()
    theatre.clock.advance(seconds=LOOK_SECONDS - 1)
    theatre.deliver_commands()
    theatre.sweep(after_seconds=1)
    waiting = len(theatre.commands.bodies)
    assert len(theatre.jobs()) == 2
    theatre.deliver_commands()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    assert len(theatre.commands.bodies) < waiting
    theatre.commands.lose()
    theatre.sweep(after_seconds=LOOK_SECONDS)
    carry_out_commands(theatre)
    assert len(theatre.jobs()) == 20, "what was lost is found once nothing is being started"


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_sweep_that_dies_at_any_call_is_made_good_by_the_next(after_effect):
    cuts = 0
    for call in range(1_000):
        theatre = Theatre(DIAMOND, [("a", 1), ("c", 1)])
        theatre.start()
        theatre.end_jobs()
        theatre.clock.advance(seconds=QUIET_SECONDS)
        if not theatre.crash(Cut(call, after_effect), theatre.sweep):
            break
        cuts += 1
        sweep_until_ended(theatre)
        assert theatre.endings() == {"a": "succeeded", "b": "succeeded", "c": "failed", "d": "succeeded"}
        assert len(theatre.jobs()) == 5
    assert cuts > 10


def test_a_crash_is_no_exception_that_a_sweep_survives():
    theatre = Theatre(ONE)
    theatre.start()
    theatre.cut = Cut("read_tally")
    with pytest.raises(Crash):
        theatre.sweep(after_seconds=LOOK_SECONDS)
