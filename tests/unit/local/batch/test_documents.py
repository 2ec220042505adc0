"""Event documents against the shapes in tests/data/events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchwright.local.batch import documents
from batchwright.local.batch.arns import Account
from batchwright.local.batch.jobs import FAILED, PENDING, RUNNABLE, RUNNING, SUCCEEDED, Attempt, Ending, Job

from .samples import make_job

EVENTS = Path(__file__).parents[3] / "data" / "events"
ACCOUNT = Account("111122223333", "us-east-1")
EXITED = "Essential container in task exited"


def attempt(exit_code: int | None = 0, status_reason: str = EXITED, reason: str | None = None) -> Attempt:
    return Attempt("t1", "demo/default/t1", status_reason, exit_code, reason, 1768174670000, 1768174700000)


def ended(job: Job, status: str, reason: str | None, *attempts: Attempt) -> Job:
    job.status, job.status_reason, job.attempts = status, reason, list(attempts)
    if attempts:
        job.started_at_ms, job.stopped_at_ms = attempts[-1].started_at_ms, attempts[-1].stopped_at_ms
    return job


def runnable() -> Job:
    job = make_job("one")
    job.status = RUNNABLE
    return job


def running() -> Job:
    job = make_job("one")
    job.status, job.started_at_ms = RUNNING, 1768174610000
    return job


def terminated() -> Job:
    job = ended(make_job("one"), FAILED, "cancelled by an operator", attempt(143, "cancelled by an operator"))
    job.ending, job.is_terminated = Ending("terminated", "cancelled by an operator"), True
    return job


def array(status: str, reason: str | None) -> Job:
    job = make_job("array", size=100)
    job.status, job.status_reason = status, reason
    job.stopped_at_ms = None if status == PENDING else 1
    return job


def child() -> Job:
    parent = make_job("array", size=100)
    assert parent.children is not None
    return ended(parent.children[12], SUCCEEDED, EXITED, attempt())


def image_not_pulled() -> Job:
    failed = Attempt(
        "t1", "demo/default/t1", "Task failed to start", None, "CannotPullContainerError: context canceled"
    )
    return ended(make_job("one"), FAILED, "Task failed to start", failed)


CASES = {
    "single_runnable.doc": runnable,
    "single_running.shape": running,
    "single_succeeded.shape": lambda: ended(make_job("one"), SUCCEEDED, EXITED, attempt()),
    "single_failed_exit_1.shape": lambda: ended(make_job("one"), FAILED, EXITED, attempt(1)),
    "failed_image_pull_no_exit_code.shape": image_not_pulled,
    "failed_dependency_no_attempts.shape": lambda: ended(make_job("one"), FAILED, "Dependent Job failed"),
    "failed_terminated.shape": terminated,
    "array_parent_pending.shape": lambda: array(PENDING, None),
    "array_parent_succeeded.shape": lambda: array(SUCCEEDED, None),
    "array_parent_failed.shape": lambda: array(FAILED, "Array Child Job failed"),
    "array_child_succeeded.captured": child,
}


def shape(value: Any) -> Any:
    """The keys and the types; of a list, its first item's."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value[:1]]
    return type(value).__name__


@pytest.mark.parametrize("name", CASES)
def test_an_event_has_the_shape_of_the_recorded_one(name: str) -> None:
    recorded = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    made = documents.event(ACCOUNT, CASES[name](), 1768174600999)
    assert shape(json.loads(json.dumps(made))) == shape(recorded)
    assert made["detail"]["status"] == recorded["detail"]["status"]
    assert made["detail"].get("statusReason") == recorded["detail"].get("statusReason")


def test_a_blocked_queues_event_names_job_and_queue() -> None:
    recorded = json.loads((EVENTS / "queue_blocked.doc.json").read_text(encoding="utf-8"))
    job = runnable()
    job.blocked_reason = "CAPACITY:X - why"
    made = documents.queue_blocked_event(ACCOUNT, job, 1768174600999)
    assert shape(json.loads(json.dumps(made))) == shape(recorded)
    assert made["resources"] == ["arn:aws:batch:us-east-1:111122223333:job/one", make_job("one").spec.queue_arn]


def test_an_events_time_has_whole_seconds() -> None:
    assert documents.event(ACCOUNT, runnable(), 1768174600999)["time"] == "2026-01-11T23:36:40Z"


def test_a_childs_event_carries_the_tags_of_its_parent() -> None:
    detail = documents.event_detail(ACCOUNT, child())
    assert detail["jobId"] == "array:12"
    assert detail["tags"] == {"resourceArn": "arn:aws:batch:us-east-1:111122223333:job/array"}


def test_parameters_are_echoed() -> None:
    job = make_job("one", parameters={"run": "r-1", "task": "t"})
    assert documents.event_detail(ACCOUNT, job)["parameters"] == {"run": "r-1", "task": "t"}


def test_what_blocks_a_job_is_its_status_reason_only_while_it_is_runnable() -> None:
    job = runnable()
    job.status_reason, job.blocked_reason = "Essential container in task exited", "CAPACITY:X - why"
    shown = documents.describe_detail(ACCOUNT, job, {}), documents.summary(ACCOUNT, job)
    assert [document["statusReason"] for document in shown] == ["CAPACITY:X - why"] * 2
    ended(job, FAILED, "cancelled by an operator")
    shown = documents.describe_detail(ACCOUNT, job, {}), documents.summary(ACCOUNT, job)
    assert [document["statusReason"] for document in shown] == ["cancelled by an operator"] * 2
