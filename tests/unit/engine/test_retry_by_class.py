"""What a failure's class makes of the next attempt, through the engine: which there is, where, and with how much."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.core.batch.classify import classify
from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import ClassPolicy, RetryPolicy
from chalicelib.core.run.commands import CancelRun, decode
from chalicelib.core.states import RunState
from chalicelib.engine.advance.submit import CANCEL_REASON, SECOND_JOB_REASON
from chalicelib.engine.control.cancel import cancel_run
from chalicelib.engine.inbox.messages import MessagesLeft
from tests.memory.batch import MemoryJob, SubmitFault
from tests.memory.theatre import Cut, Theatre, plan_of, task

SPOT = {"statusReason": "Host EC2 (instance i-0abc) terminated.", "container": {}}
OOM = {"statusReason": "Essential container in task exited", "container": {"exitCode": 137}}
EXITED = {"statusReason": "Essential container in task exited", "container": {"exitCode": 1}}
POLICY = RetryPolicy(
    on=(
        ClassPolicy(FailureClass.OUT_OF_MEMORY, 9, memory_factor=2.0, memory_maximum_mib=4_000),
        ClassPolicy(FailureClass.SPOT, 5, queue="on-demand"),
    )
)


def one_task(policy: RetryPolicy) -> Plan:
    plan = plan_of((task("a"), ()))
    (a,) = plan.tasks
    return replace(plan, tasks=(replace(a, job=replace(a.job, memory_mib=1_024), retry=policy),))


def fail(theatre: Theatre, job: MemoryJob, attempt: dict[str, object]) -> None:
    """Tell that a job failed so."""
    event = json.loads(theatre.document(job, "FAILED"))
    event["detail"] |= {"attempts": [attempt], **attempt}
    theatre.deliver_event(json.dumps(event))


def asked(theatre: Theatre) -> list[tuple[str, int | None]]:
    return [(job.request.queue, job.request.memory_mib) for job in theatre.jobs("a")]


def failing(theatre: Theatre, *attempts: dict[str, object]) -> None:
    """Let the jobs of the task fail so, one after the other, each timer waited for."""
    for attempt in attempts:
        fail(theatre, theatre.jobs("a")[-1], attempt)
        theatre.clock.advance(seconds=3_600)
        theatre.deliver_commands(10)


def test_a_host_lost_is_retried_unless_told_otherwise_and_a_failing_program_is_not():
    theatre = Theatre(one_task(RetryPolicy()))
    theatre.start()
    failing(theatre, SPOT, EXITED)
    assert len(theatre.jobs("a")) == 2
    assert theatre.run.state is RunState.FAILED
    record = theatre.record("a")
    assert [one.failure for one in (*record.past, record.result)] == ["spot", "application"]


def test_infrastructure_that_goes_on_failing_gets_three_attempts():
    theatre = Theatre(one_task(RetryPolicy()))
    theatre.start()
    failing(theatre, SPOT, SPOT)
    assert theatre.run.state is RunState.RUNNING
    failing(theatre, SPOT)
    assert len(theatre.jobs("a")) == 3
    assert theatre.run.state is RunState.FAILED


def test_each_attempt_asks_for_what_the_failures_before_it_call_for():
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    failing(theatre, OOM, SPOT, OOM)
    assert asked(theatre) == [("queue", 1_024), ("queue", 2_048), ("on-demand", 2_048), ("on-demand", 4_000)]
    theatre.play_on()
    assert theatre.run.state is RunState.SUCCEEDED


def test_out_of_memory_at_the_maximum_ends_the_task_though_attempts_are_left():
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    failing(theatre, OOM, OOM, OOM)
    assert [memory_mib for _, memory_mib in asked(theatre)] == [1_024, 2_048, 4_000]
    assert theatre.run.state is RunState.FAILED


@pytest.mark.parametrize("fault", [None, SubmitFault.LOST_AFTER_EFFECT])
def test_who_takes_a_claim_over_looks_for_the_job_in_the_queue_that_it_was_submitted_to(fault):
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    fail(theatre, theatre.jobs("a")[0], SPOT)
    theatre.clock.advance(seconds=60)
    if fault:
        theatre.batch.faults.append(fault)
        with pytest.raises(MessagesLeft):
            theatre.deliver_commands()
    else:
        assert theatre.crash(Cut("submit", after_effect=True), theatre.deliver_commands)
    theatre.clock.advance(seconds=400)
    theatre.play_on()
    assert asked(theatre) == [("queue", 1_024), ("on-demand", 1_024)], "the second was found, not made again"
    assert theatre.run.state is RunState.SUCCEEDED


def test_a_canceller_finds_a_dead_owners_job_in_the_queue_of_its_retry():
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    fail(theatre, theatre.jobs("a")[0], SPOT)
    theatre.clock.advance(seconds=60)
    assert theatre.crash(Cut("submit", after_effect=True), theatre.deliver_commands)
    theatre.clock.advance(seconds=400)
    cancel_run(theatre.world(), CancelRun(theatre.run.run_id, 0, "no longer wanted"))
    assert theatre.jobs("a")[1].terminated == "no longer wanted"


def test_a_submitter_that_finds_the_run_cancelled_finds_a_dead_owners_job_in_the_queue_of_its_retry():
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    fail(theatre, theatre.jobs("a")[0], SPOT)
    theatre.clock.advance(seconds=60)
    assert theatre.crash(Cut("submit", after_effect=True), theatre.deliver_commands)
    theatre.clock.advance(seconds=400)
    theatre.store.halt(theatre.run.run_id, 0, 0)
    theatre.deliver_commands()
    assert theatre.jobs("a")[1].terminated


def test_what_an_operator_terminated_is_not_tried_again():
    theatre = Theatre(one_task(RetryPolicy(5)))
    theatre.start()
    fail(theatre, theatre.jobs("a")[0], {**EXITED, "isTerminated": True})
    theatre.play_on()
    assert len(theatre.jobs("a")) == 1
    assert theatre.run.state is RunState.FAILED


@pytest.mark.parametrize("reason", [SECOND_JOB_REASON, CANCEL_REASON])
def test_what_we_terminated_is_known_by_our_words_alone(reason):
    assert classify({"statusReason": reason}) is FailureClass.CANCELLED


def test_what_batch_refused_says_so():
    theatre = Theatre(one_task(RetryPolicy()))
    theatre.batch.faults.append(SubmitFault.REFUSED)
    theatre.start()
    theatre.play_on()
    assert theatre.run.state is RunState.FAILED
    assert theatre.record("a").result.failure is FailureClass.REFUSED


def test_the_pause_is_drawn_and_a_repeated_handling_draws_the_same():
    theatre = Theatre(one_task(RetryPolicy(2, 600)))
    theatre.start()
    event = theatre.document(theatre.jobs("a")[0], "FAILED")
    assert theatre.crash(Cut("wait_for_retry"), lambda: theatre.deliver_event(event))
    theatre.deliver_event(event)
    first, second = (decode(body).not_before_ms for body in theatre.commands.bodies)
    assert first == second == theatre.record("a").retry_at_ms
    assert 0 < first - theatre.clock.now_ms() < 600_000


def test_a_first_attempt_reads_no_record():
    theatre = Theatre(one_task(POLICY))
    theatre.start()
    assert "task" not in theatre.calls
