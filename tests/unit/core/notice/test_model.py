"""Notices: one id for one happening, and listed fields only."""

from dataclasses import replace

import pytest

from chalicelib.core.batch.job_record import JobRecord
from chalicelib.core.ids import Attempt
from chalicelib.core.monitor.notices import told
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.model import ToldJob
from chalicelib.core.notice.publication import attribute_values
from chalicelib.core.notice.schema import read_notice
from chalicelib.core.plan.task import Requested
from chalicelib.core.run.notices import jobs_overdue, run_ended, tasks_failed, told_task
from chalicelib.core.run.records import Run
from chalicelib.core.states import JobStatus, RunState, TaskState
from tests.memory.theatre import Theatre, plan_of, task

RUN = Run(
    run_id="films-abc",
    workflow="films",
    version=3,
    plan_digest="d" * 64,
    params={"password": "hunter2"},
    state=RunState.SUCCEEDED,
    created_at_ms=1_700_000_000_000,
    request_digest="e" * 64,
    epoch=1,
    ended_at_ms=1_700_000_060_000,
)


def test_the_document_of_a_runs_end_has_these_fields_and_no_others():
    assert run_ended(RUN, "dev", RunState.SUCCEEDED, 1_700_000_060_000).document() == {
        "version": "1",
        "id": "films-abc/1/succeeded",
        "kind": "run_succeeded",
        "severity": "info",
        "stage": "dev",
        "thread": "films-abc",
        "run_id": "films-abc",
        "workflow": "films",
        "epoch": 1,
        "subject": "films: run films-abc succeeded",
        "at_ms": 1_700_000_060_000,
        "began_at_ms": 1_700_000_000_000,
        "ended_at_ms": 1_700_000_060_000,
    }


def test_a_runs_params_never_leave():
    notice = run_ended(RUN, "dev", RunState.SUCCEEDED, 0)
    assert "hunter2" not in repr(notice) + str(notice.document())


def test_telling_again_has_the_same_id_whenever_it_is_told():
    assert run_ended(RUN, "dev", RunState.FAILED, 1).notice_id == run_ended(RUN, "dev", RunState.FAILED, 2).notice_id


@pytest.mark.parametrize(
    "other",
    [
        run_ended(RUN, "dev", RunState.FAILED, 0),
        run_ended(replace(RUN, epoch=2), "dev", RunState.SUCCEEDED, 0),
        run_ended(replace(RUN, run_id="films-abd"), "dev", RunState.SUCCEEDED, 0),
    ],
)
def test_another_happening_has_another_id(other):
    assert other.notice_id != run_ended(RUN, "dev", RunState.SUCCEEDED, 0).notice_id


@pytest.mark.parametrize(
    ("failed", "upstream", "said"),
    [
        (1, 0, "1 of its tasks failed for good."),
        (1, 1, "1 of its tasks failed for good, so that 1 that follows from it was not run."),
        (2, 1, "2 of its tasks failed for good, so that 1 that follows from them was not run."),
        (1, 1_200, "1 of its tasks failed for good, so that 1,200 that follow from it were not run."),
        (0, 0, None),
    ],
)
def test_the_notice_of_a_failed_run_says_what_that_stopped(failed, upstream, said):
    counts = ((TaskState.FAILED.value, failed), (TaskState.UPSTREAM_FAILED.value, upstream))
    assert run_ended(RUN, "dev", RunState.FAILED, 0, task_counts=counts).text == said
    assert run_ended(RUN, "dev", RunState.CANCELLED, 0, task_counts=counts).text is None


def test_a_failure_that_is_allowed_stops_no_run_and_is_told_apart():
    counts = ((TaskState.FAILED.value, 3),)

    def text(ending, allowed):
        return run_ended(RUN, "dev", ending, 0, allowed_count=allowed, task_counts=counts).text

    assert text(RunState.FAILED, 1) == "2 of its tasks failed for good. 1 more failed, as the workflow allows."
    assert text(RunState.FAILED, 3) is None
    assert text(RunState.SUCCEEDED, 3) == "3 of its tasks failed, as the workflow allows."


@pytest.mark.parametrize(
    ("failed", "upstream", "said"),
    [
        (1, 1, "1 of its tasks failed, as the workflow allows, but 1 that follows from it was not run."),
        (12, 2, "12 of its tasks failed, as the workflow allows, but 2 that follow from them were not run."),
    ],
)
def test_the_notice_of_a_run_that_only_allowed_failures_failed_says_what_is_missing(failed, upstream, said):
    counts = ((TaskState.FAILED.value, failed), (TaskState.UPSTREAM_FAILED.value, upstream))
    assert run_ended(RUN, "dev", RunState.FAILED, 0, allowed_count=failed, task_counts=counts).text == said


@pytest.mark.parametrize(
    ("queues", "told"),
    [
        (["gpu"], ("gpu",)),
        (["gpu", "gpu", None], ("gpu",)),
        (["gpu", "default"], ("default", "gpu")),
        ([None], ()),
        ([], ()),
    ],
)
def test_a_notice_is_about_all_queues_that_its_jobs_are_in(queues, told):
    jobs = tuple(ToldJob(f"job-{place}", "films", queue) for place, queue in enumerate(queues))
    attempts = [Attempt(RUN.run_id, RUN.epoch, index, 1) for index in range(12)]
    for notice in (
        run_ended(RUN, "dev", RunState.FAILED, 0, jobs=jobs),
        tasks_failed(RUN, "dev", 0, 12, jobs),
        jobs_overdue(RUN, "dev", NoticeKind.JOB_RUNNING, 0, 60_000, attempts, jobs),
    ):
        assert notice.queues == told
        assert attribute_values(notice).get("queue", ()) == told
        assert notice.document().get("queue") == (told[0] if len(told) == 1 else None)
        assert read_notice(notice.document()) == notice


def test_a_notice_that_does_not_name_all_its_jobs_is_about_the_queues_of_the_others_too():
    jobs = (ToldJob("job", "films", "cpu"),) * 10
    for notice in (
        run_ended(RUN, "dev", RunState.FAILED, 0, jobs=jobs, job_count=10_000, more_queues=["gpu", "cpu"]),
        tasks_failed(RUN, "dev", 0, 10_000, jobs, ["gpu", "cpu"]),
    ):
        assert notice.queues == ("cpu", "gpu")


def test_a_job_queue_is_told_by_its_name():
    theatre = Theatre(plan_of((task("only"), ())))
    theatre.start()
    record = theatre.record("only")
    arn = "arn:aws:batch:eu-west-1:111122223333:job-queue/gpu"
    for queue in (arn, "gpu"):
        assert told_task(theatre.plan.tasks[0], record, None, requested=Requested(queue)).queue == "gpu"


def test_a_recorded_array_is_told_with_how_many_of_its_jobs_failed():
    job = JobRecord("job", "nightly", "imports", "nightly:1", JobStatus.FAILED, 0, 0, array_size=40)
    job = replace(job, children={"SUCCEEDED": 37, "FAILED": 3})
    assert (told(job).array_size, told(job).failed_children) == (40, 3)
    running = told(replace(job, status=JobStatus.PENDING))
    assert (running.array_size, running.failed_children) == (40, None), "it may still have more of them"
