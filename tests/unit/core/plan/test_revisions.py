from __future__ import annotations

import pytest

from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import name_before_a_run, with_revisions
from chalicelib.core.plan.task import JobSpec, PlannedTask


def plan_of(**written: str) -> Plan:
    tasks = tuple(PlannedTask(name, JobSpec(job_definition=text, queue="q")) for name, text in written.items())
    return Plan("films", tasks, ((),) * len(tasks))


def submitted(plan: Plan) -> list[str]:
    return [task.job.job_definition for task in plan.tasks]


def test_a_task_that_names_the_job_definition_alone_submits_the_revision() -> None:
    plan = plan_of(a="films", b="films:2", c="other", d="arn:aws:batch:eu-west-1:1:job-definition/films")
    assert submitted(with_revisions(plan, ["films:7", "unused:1"])) == [
        "films:7",
        "films:2",
        "other",
        plan.tasks[3].job.job_definition,
    ]


def test_the_tasks_name_is_known_at_a_push_and_params_and_attempts_are_not() -> None:
    plan = plan_of(a="${task.name}-def", b="${params.definition}", c="a-${task.attempt}")
    assert submitted(with_revisions(plan, ["a-def:3", "b:1"])) == [
        "a-def:3",
        "${params.definition}",
        "a-${task.attempt}",
    ]
    assert [name_before_a_run(text, "a") for text in submitted(plan)] == ["a-def", None, None]


def test_a_plan_without_revisions_stays_the_same() -> None:
    plan = plan_of(a="films")
    assert with_revisions(plan, ()) is plan


@pytest.mark.parametrize("given", ["films", "films:0", "films:", ":3", "a b:3", "films:latest", "films:3:4"])
def test_what_is_no_revision_is_refused(given: str) -> None:
    with pytest.raises(
        UserMistake, match=r"^revision must be a job definition with its revision, such as films:3, not "
    ):
        with_revisions(plan_of(a="films"), [given])


def test_two_revisions_of_one_job_definition_are_refused() -> None:
    with pytest.raises(UserMistake, match="two revisions of one job definition: films:3 and films:4"):
        with_revisions(plan_of(a="films"), ["films:3", "films:4"])
    assert submitted(with_revisions(plan_of(a="films"), ["films:3", "films:3"])) == ["films:3"]
