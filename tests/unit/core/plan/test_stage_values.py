"""What differs between stages is put into a plan when it is pushed."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.job_request import job_request
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.stage_values import PLACEHOLDERS, at_stage
from chalicelib.core.plan.task import ClassPolicy, JobSpec, PlannedTask, RetryPolicy

VALUES = {"name": "dev", "bucket": "batchwright-dev-111122223333-eu-west-1", "queue": "batchwright-dev-default"}
JOB = JobSpec(
    "etl-${stage.name}",
    "${stage.queue}",
    ("load", "s3://${stage.bucket}/runs/${run.id}/$${stage.name}/${params.day}"),
    environment=(("BUCKET", "${stage.bucket}"),),
    parameters=(("stage", "${stage.name}"),),
    tags=(("stage", "${stage.name}"),),
)
RETRY = RetryPolicy(on=(ClassPolicy(FailureClass.SPOT, 3, queue="${stage.name}-calm"),))
PLAN = Plan("etl", (PlannedTask("load", JOB, retry=RETRY), PlannedTask("then", JobSpec("d", "q"))), ((), (0,)))


def test_every_text_of_a_task_may_name_what_differs_by_stage() -> None:
    first, second = at_stage(PLAN, VALUES).tasks
    assert first.job == JobSpec(
        "etl-dev",
        "batchwright-dev-default",
        ("load", "s3://batchwright-dev-111122223333-eu-west-1/runs/${run.id}/$${stage.name}/${params.day}"),
        environment=(("BUCKET", "batchwright-dev-111122223333-eu-west-1"),),
        parameters=(("stage", "dev"),),
        tags=(("stage", "dev"),),
    )
    assert first.retry.on[0].queue == "dev-calm"
    assert second is PLAN.tasks[1]


def test_what_is_rendered_afterwards_keeps_the_literal_beginnings() -> None:
    request = job_request(at_stage(PLAN, VALUES), Attempt("run-1", 0, 0, 1), params={"day": "monday"})
    assert request.command is not None
    assert request.command[1] == f"s3://{VALUES['bucket']}/runs/run-1/${{stage.name}}/monday"
    assert request.queue == "batchwright-dev-default"


def test_a_plan_that_names_nothing_of_a_stage_stays_itself() -> None:
    plan = Plan("etl", (PlannedTask("then", JobSpec("d", "q", ("$${stage.x} ${params.y}",))),), ((),))
    assert at_stage(plan, {}) is plan


def test_a_value_that_a_stage_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(UserMistake, match=r"task 'load': \$\{stage\.bucket\} has no value here"):
        at_stage(PLAN, {**VALUES, "bucket": ""})


def test_placeholders_keep_the_rules_of_names() -> None:
    request = job_request(at_stage(PLAN, PLACEHOLDERS), Attempt("run-1", 0, 0, 1), params={"day": "monday"})
    assert (request.queue, request.job_definition) == ("STAGE-QUEUE", "etl-STAGE")


def test_a_plan_that_was_never_pushed_to_a_stage_names_the_expression() -> None:
    with pytest.raises(UserMistake, match=r"queue must be the name .*, not '\$\{stage\.queue\}'"):
        job_request(PLAN, Attempt("run-1", 0, 0, 1), params={"day": "monday"})


def test_a_value_that_breaks_a_rule_of_batch_is_refused_by_the_push() -> None:
    plan = Plan("etl", (PlannedTask("load", JobSpec("etl-${stage.name}", "q")),), ((),))
    with pytest.raises(UserMistake, match=r"task 'load': job_definition must be .*, not 'etl-a b'"):
        at_stage(plan, {"name": "a b"})


def test_a_task_that_names_a_param_is_checked_when_a_run_gives_it() -> None:
    plan = Plan("etl", (PlannedTask("load", JobSpec("${params.of}-${stage.name}", "q")),), ((),))
    assert at_stage(plan, {"name": "dev"}).tasks[0].job.job_definition == "${params.of}-dev"
