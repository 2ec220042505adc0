"""The traps of the protocol, each played as the scene in which it was fallen into."""

import pytest

from chalicelib.core.states import RunState, TriggerRule
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

LEASE_SECONDS = 90


def a_then_b(**options) -> Theatre:
    """a, then b; a's job was submitted."""
    theatre = Theatre(plan_of((task("a", **options), ()), (task("b"), ["a"])))
    theatre.start()
    return theatre


def test_no_commit_while_somebody_elses_claim_of_a_child_is_open():
    theatre = a_then_b()
    event = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("claim", after_effect=True), lambda: theatre.deliver_event(event))
    with pytest.raises(MessagesLeft, match="claimed by another"):
        theatre.deliver_event(event)
    assert not theatre.record("a").state.ended, "a's event is not done, for nobody may ever submit b"
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    theatre.deliver_event(event)
    assert len(theatre.jobs("b")) == 1
    assert theatre.record("a").state == "succeeded"


def test_the_loser_of_a_take_over_treats_the_child_as_not_done():
    theatre = a_then_b()
    event = theatre.ending_document(theatre.jobs("a")[0])
    assert theatre.crash(Cut("claim", after_effect=True), lambda: theatre.deliver_event(event))
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)

    def another_takes_over_and_dies():
        assert theatre.crash(Cut("take_over", after_effect=True), lambda: theatre.deliver_event(event))

    theatre.hooks["take_over"] = another_takes_over_and_dies
    with pytest.raises(MessagesLeft, match="taken over by another"):
        theatre.deliver_event(event)
    assert not theatre.record("a").state.ended
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs("b")) == 1


def test_after_a_write_of_a_cascade_other_shards_are_read_again():
    # t dooms c in shard 0; d waits for c and for p, which lies in shard 1.
    fillers = [(task(f"filler-{n}"), ()) for n in range(254)]
    plan = plan_of(
        (task("t"), ()),
        *fillers,
        (task("c"), ["t"]),
        (task("p"), ()),
        (task("d", TriggerRule.ALL_DONE), ["c", "p"]),
    )
    assert plan.index_of["c"] == 255, "c is the last of shard 0"
    theatre = Theatre(plan, fails=[("t", 1)])
    theatre.start()
    while theatre.deliver_commands():
        pass
    failure = theatre.ending_document(theatre.jobs("t")[0])
    success = theatre.ending_document(theatre.jobs("p")[0])

    def between_reading_shard_1_and_writing_c():
        # The first tally is t's own; the second is that of c. p ends in between, and its handler misses c.
        theatre.hooks["tally"] = lambda: theatre.deliver_event(success)

    theatre.hooks["tally"] = between_reading_shard_1_and_writing_c
    theatre.deliver_event(failure)
    assert theatre.record("p").state == "succeeded"
    assert len(theatre.jobs("d")) == 1


def test_a_duplicate_failure_of_attempt_1_does_not_start_attempt_3():
    theatre = a_then_b(attempts=3)
    theatre.fails = {("a", 1)}
    failure = theatre.ending_document(theatre.jobs("a")[0])
    for _ in range(2):
        theatre.deliver_event(failure)
    while theatre.deliver_commands():
        pass
    theatre.deliver_event(failure)
    while theatre.deliver_commands():
        pass
    assert [theatre.attempt_of(job).number for job in theatre.jobs("a")] == [1, 2]
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_late_running_event_leaves_a_succeeded_task_alone():
    theatre = a_then_b()
    job = theatre.jobs("a")[0]
    theatre.deliver_event(theatre.ending_document(job))
    before = theatre.record("a")
    theatre.deliver_event(theatre.document(job, "RUNNING"))
    assert theatre.record("a") == before
    assert before.state == "succeeded"


def test_a_job_that_ends_before_its_id_is_recorded_ends_its_task():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.hooks["record_job"] = lambda: theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    theatre.start()
    assert theatre.record("a").state == "succeeded"
    assert theatre.record("a").job_id == theatre.jobs("a")[0].job_id
    assert len(theatre.jobs("b")) == 1
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 2


def test_a_job_that_fails_before_its_id_is_recorded_is_retried_once():
    theatre = Theatre(plan_of((task("a", attempts=2), ())), fails=[("a", 1)])
    theatre.hooks["record_job"] = lambda: theatre.deliver_event(theatre.ending_document(theatre.jobs("a")[0]))
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs("a")) == 2
    assert theatre.jobs("a")[0].terminated is None


def test_a_submit_whose_answer_was_lost_is_adopted_by_the_jobs_own_event():
    theatre = Theatre(plan_of((task("a"), ()), (task("b"), ["a"])))
    theatre.batch.faults.append(SubmitFault.LOST_AFTER_EFFECT)
    theatre.start()
    assert theatre.record("a").job_id is None
    theatre.deliver_event(theatre.document(theatre.jobs("a")[0], "RUNNING"))
    assert theatre.record("a").job_id == theatre.jobs("a")[0].job_id
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED
    assert len(theatre.jobs()) == 2


@pytest.mark.parametrize("fault", [SubmitFault.LOST_AFTER_EFFECT, SubmitFault.LOST_BEFORE_EFFECT])
def test_a_submit_whose_answer_was_lost_is_found_by_name_or_made_again_once_the_lease_is_over(fault):
    theatre = a_then_b()
    theatre.batch.faults.append(fault)
    event = theatre.ending_document(theatre.jobs("a")[0])
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(event)
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(event)
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    theatre.deliver_event(event)
    assert theatre.batch.finds == 1
    assert len(theatre.jobs("b")) == 1
    assert theatre.record("b").job_id == theatre.jobs("b")[0].job_id


def a_pair_of_jobs_for_b() -> Theatre:
    """b has two jobs: the answer of the first submission was lost and ListJobs lagged, so it was submitted again."""
    theatre = a_then_b()
    theatre.batch.faults.append(SubmitFault.LOST_AFTER_EFFECT)
    theatre.batch.find_lag_ms = 1_000_000
    event = theatre.ending_document(theatre.jobs("a")[0])
    with pytest.raises(MessagesLeft):
        theatre.deliver_event(event)
    theatre.clock.advance(seconds=LEASE_SECONDS + 1)
    theatre.deliver_event(event)
    return theatre


def test_of_two_jobs_for_one_attempt_the_second_is_terminated():
    theatre = a_pair_of_jobs_for_b()
    first, second = theatre.jobs("b")
    assert theatre.record("b").job_id == second.job_id
    theatre.deliver_event(theatre.document(first, "RUNNING"))
    assert first.terminated is not None
    assert second.terminated is None
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_when_the_unrecorded_job_of_a_pair_succeeds_the_recorded_one_is_terminated():
    theatre = a_pair_of_jobs_for_b()
    first, second = theatre.jobs("b")
    theatre.deliver_event(theatre.ending_document(first))
    assert second.terminated is not None
    theatre.play_on()
    assert theatre.endings()["b"] == "succeeded"
    assert theatre.run.state is RunState.SUCCEEDED
