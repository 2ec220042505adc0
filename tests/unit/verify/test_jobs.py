"""The tiny jobs, the workflows and the names that verify makes."""

from __future__ import annotations

import json

import pytest

from batchwright.deploy.policies import Place
from batchwright.local.batch.pattern import check_pattern, matches
from batchwright.verify.jobs import (
    TINY_JOBS,
    run_workflow,
    scheduled_workflow,
    stamp_in,
    stamp_of,
    submission,
    workflow_names,
)
from batchwright.verify.observed import JobKind
from batchwright.verify.watcher import event_pattern
from chalicelib.core.definition.check import workflow_from
from chalicelib.core.ids import attempt_from_parameters, task_of_job_name
from tests.unit.verify.samples import STAMP, as_assumed


def test_a_stamp_is_found_in_every_name_and_in_no_other() -> None:
    assert stamp_of(1_767_323_045_999) == STAMP
    assert [stamp_in(name) for name in workflow_names(STAMP)] == [STAMP, STAMP]
    for other in ("verify", "verify-events", "verify-20260102", "verified-20260102-030405", "verify-20260102-0304056"):
        assert stamp_in(other) is None


def test_every_kind_of_job_is_submitted_once_with_a_name_and_parameters_of_its_own() -> None:
    assert [job.kind for job in TINY_JOBS] == list(JobKind)
    requests = [submission(job, STAMP, "q", "d:1") for job in TINY_JOBS]
    assert len({request["jobName"] for request in requests}) == len(requests)
    for request in requests:
        attempt = attempt_from_parameters(request["parameters"])
        assert attempt is not None
        assert task_of_job_name(attempt, request["jobName"])
        assert len(request["jobName"]) <= 128


def test_the_rule_lets_through_every_job_of_the_call_whatever_it_carries_and_no_other() -> None:
    pattern = event_pattern(STAMP)
    check_pattern(pattern)
    for one in as_assumed():
        assert matches(pattern, one.document)
        detail = {name: value for name, value in one.detail.items() if name != "parameters"}
        assert matches(pattern, {**one.document, "detail": detail})
    assert not any(matches(event_pattern("20260102-030406"), one.document) for one in as_assumed())


@pytest.mark.parametrize("document", [run_workflow(STAMP, "q", "d:1"), scheduled_workflow(STAMP, "q", "d:1", 2**40)])
def test_the_workflows_are_valid_and_their_jobs_bear_the_stamp(document: dict[str, object]) -> None:
    workflow = workflow_from(json.loads(json.dumps(document)))
    assert all(stamp_in(name) == STAMP for name in workflow.tasks)


def test_a_queue_of_a_call_is_never_that_of_a_stage() -> None:
    # The stage `dev-verify` has queues that begin as those of a call on the stage `dev` do.
    theirs = Place("dev-verify", "111122223333", "us-east-1").prefix
    assert not any(stamp_in(f"{theirs}-{name}", "batchwright-dev-verify-") for name in ("events", "commands-dead"))
