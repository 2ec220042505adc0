"""Who waits for whom, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from batchwright.local.batch.dependencies import check_dependencies, met, register
from batchwright.local.batch.errors import ClientError
from batchwright.local.batch.jobs import FAILED, SUCCEEDED, Job

from .samples import make_job


def finder(*jobs: Job) -> Any:
    known = {job.job_id: job for job in jobs}
    return known.get


def test_a_job_waits_for_each_of_its_dependencies() -> None:
    first, second = make_job("first"), make_job("second")
    last = make_job("last", dependsOn=[{"jobId": "first"}, {"jobId": "second"}])
    assert register(last, finder(first, second)) == []
    assert last.unmet == 2
    assert met(last) == []
    assert met(last) == [last]


def test_a_dependency_that_succeeded_is_not_waited_for() -> None:
    first = make_job("first")
    first.status = SUCCEEDED
    last = make_job("last", dependsOn=[{"jobId": "first"}])
    register(last, finder(first))
    assert last.unmet == 0


def test_a_dependency_that_failed_dooms_at_once() -> None:
    first = make_job("first")
    first.status = FAILED
    last = make_job("last", dependsOn=[{"jobId": "first"}])
    assert register(last, finder(first)) == [last]


def test_an_array_waits_once_for_all_its_children() -> None:
    first = make_job("first")
    array = make_job("array", size=4, dependsOn=[{"jobId": "first"}])
    register(array, finder(first))
    assert first.dependents == [array]
    assert [child.unmet for child in array.children or ()] == [1, 1, 1, 1]
    assert met(array) == array.children


def test_sequential_children_wait_for_the_one_before() -> None:
    array = make_job("array", size=3, dependsOn=[{"type": "SEQUENTIAL"}])
    register(array, finder())
    assert array.unmet == 0
    assert [child.unmet for child in array.children or ()] == [0, 1, 1]


def test_n_to_n_children_wait_for_their_counterparts() -> None:
    before = make_job("before", size=3)
    assert before.children is not None
    before.children[0].status = SUCCEEDED
    before.children[2].status = FAILED
    after = make_job("after", size=3, dependsOn=[{"jobId": "before", "type": "N_TO_N"}])
    assert after.children is not None
    assert register(after, finder(before)) == [after.children[2]]
    assert [child.unmet for child in after.children] == [0, 1, 1]
    assert before.children[1].dependents == [after.children[1]]


@pytest.mark.parametrize(
    ("depends_on", "size", "what"),
    [
        ([{"jobId": "missing"}], None, "missing"),
        ([{"type": "SEQUENTIAL"}], None, "only for array jobs"),
        ([{"jobId": "array", "type": "N_TO_N"}], None, "only for array jobs"),
        ([{"jobId": "array", "type": "N_TO_N"}], 2, "3 children and this job 2"),
        ([{"jobId": "single", "type": "N_TO_N"}], 2, "no children"),
        ([{"type": "N_TO_N"}], 2, "needs a jobId"),
        ([{}], None, "needs a jobId"),
    ],
)
def test_refused_dependencies_say_why(depends_on: list[dict[str, str]], size: int | None, what: str) -> None:
    known = finder(make_job("single"), make_job("array", size=3))
    with pytest.raises(ClientError, match=what):
        check_dependencies(depends_on, size, known)
