"""Carrying out the messages of the commands queue, one by one."""

from __future__ import annotations

from typing import assert_never

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.result import JobResult
from chalicelib.core.chain import fits_a_message
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import refused_job_name
from chalicelib.core.run.commands import (
    CancelRun,
    Command,
    HealRun,
    JobRefused,
    RetryTask,
    ScheduleNext,
    StartScheduled,
    SubmitTasks,
    TellJobFailures,
    TellTaskFailures,
)
from chalicelib.core.states import JobStatus
from chalicelib.engine.advance.job_events import handle_changes
from chalicelib.engine.advance.submit import TooEarly, Wanted, submit
from chalicelib.engine.control.cancel import cancel_run
from chalicelib.engine.control.heal import heal_run
from chalicelib.engine.publishing.failures import tell_task_failures
from chalicelib.engine.schedules.due_times import attend
from chalicelib.engine.watch.monitors import tell_job_failures
from chalicelib.engine.world.world import DONE, NotBefore, Outcome, RunFacts, World


def carry_out(world: World, command: Command) -> Outcome:
    """Do what one command says. Safe to repeat."""
    match command:
        case SubmitTasks():
            facts = world.facts(command.run_id, command.epoch)
            if facts is None:
                return DONE
            return submit(world, facts, [Wanted(facts.attempt(index)) for index in _of_the_plan(facts, command)])
        case RetryTask():
            return _retry(world, command)
        case JobRefused():
            return handle_changes(world, [_refusal(command)])[0]
        case CancelRun():
            return cancel_run(world, command)
        case HealRun():
            return heal_run(world, command)
        case StartScheduled():
            return attend(world, command.workflow, command.schedule, told_ms=command.scheduled_at_ms)
        case ScheduleNext():
            return attend(world, command.workflow, command.schedule)
        case TellTaskFailures():
            return tell_task_failures(world, command)
        case TellJobFailures():
            return tell_job_failures(world, command)
    assert_never(command)


def _of_the_plan(facts: RunFacts, command: SubmitTasks) -> tuple[int, ...]:
    """The indexes to submit, none of them beyond the plan: a claim would leave a record of a task that is none."""
    tasks = len(facts.plan.tasks)
    if command.indexes and max(command.indexes) >= tasks:
        raise MalformedMessage(f"run {facts.run_id} has {tasks} tasks, and none of index {max(command.indexes)}")
    return command.indexes


def _refusal(command: JobRefused) -> JobChange:
    """A refusal, told as the failure of a job."""
    result = JobResult(command.job_id, succeeded=False, reason=command.reason, failure=FailureClass.REFUSED)
    name = refused_job_name(command.job_id)
    return JobChange(command.attempt, command.job_id, name, JobStatus.FAILED, job_tries=0, result=result)


def _retry(world: World, command: RetryTask) -> Outcome:
    facts = world.facts(command.run_id, command.epoch)
    if facts is None:
        return DONE
    left_ms = command.not_before_ms - world.clock.now_ms()
    left_seconds = -(-left_ms // 1000)
    if not fits_a_message(left_seconds):
        # An earlier release sent timers that were longer than a delay. The sweep sets them now.
        return DONE
    if left_seconds > 0:
        return NotBefore(left_seconds, f"the retry of {command.next_attempt} is not due")
    outcome = submit(world, facts, [Wanted(command.next_attempt, replaces_job=command.failed_job_id)])
    if isinstance(outcome, TooEarly) and -left_ms > world.settings.lease_seconds * 1000:
        # Who set this timer is surely dead, and died before ending the attempt. Whoever ends it sets another timer.
        return DONE
    return outcome
