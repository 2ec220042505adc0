"""Items of the table that an earlier version wrote are read as what they were."""

from typing import Any

from chalicelib.aws.table.calls import Table, to_wire
from chalicelib.aws.table.digests import DynamoDigests
from chalicelib.aws.table.items import result_attributes, task_of
from chalicelib.aws.table.monitors import DynamoMonitors
from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import FailureClass
from chalicelib.core.lease import is_free
from chalicelib.core.monitor.records import Telling
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.notice.window import Window
from chalicelib.core.plan.task import Requested

ITEM = {"pk": "RUN#films-abc#00000", "sk": "TASK#000003", "epoch": 0, "number": 2, "state": "failed", "job_id": "job-2"}


def test_results_without_a_class_are_read_without_one():
    past = {"job_id": "job-1", "succeeded": False, "exit_code": 3}
    record = task_of({**ITEM, "result": {"job_id": "job-2", "succeeded": False}, "past": [past]})
    assert record.result == JobResult("job-2", succeeded=False)
    assert record.past == (JobResult("job-1", succeeded=False, exit_code=3),)


def test_a_class_comes_back_as_the_class_it_was():
    result = JobResult("job-2", succeeded=False, failure=FailureClass.SPOT)
    assert result_attributes(result)["failure"] == "spot"
    found = task_of({**ITEM, "result": {"job_id": "job-2", "succeeded": False, "failure": "spot"}}).result
    assert found == result
    assert isinstance(found.failure, FailureClass)


def test_a_record_without_what_was_asked_for_is_read_without_it():
    assert task_of(ITEM).requested is None
    assert task_of({**ITEM, "queue": "gpu"}).requested == Requested("gpu")
    assert task_of({**ITEM, "queue": "gpu", "array_size": 40}).requested == Requested("gpu", 40)


class Holding:
    """A DynamoDB client whose table holds one item."""

    def __init__(self, item: dict[str, Any]) -> None:
        self._item = item

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": {name: to_wire(value) for name, value in self._item.items()}}


def table_with(**attributes: Any) -> Table:
    return Table(Holding({"pk": "DIGEST#films-abc/0", "sk": "WINDOW", **attributes}), "table")


def test_a_window_of_before_leases_is_settled_if_its_mark_says_so_and_open_to_be_told_otherwise():
    known = {"number": 2, "is_open": False, "closes_ms": 5, "opener": "17", "told_count": 4, "step": 2}
    for more, is_settled in (({}, False), ({"is_settled": True}, True), ({"settled_number": 1}, False)):
        window = DynamoDigests(table_with(**known, **more)).window("films-abc/0")
        assert window == Window(2, False, 5, "17", 4, 2, is_settled=is_settled, lease=None)


def test_what_monitors_were_about_to_tell_before_leases_is_anybodys_to_tell():
    look = DynamoMonitors(table_with(revision=3, deadline_ms=7, above_from_ms=5)).look("m")
    assert (look.lease, look.above_from_ms, look.above_is_told) == (None, 5, False)
    telling = DynamoMonitors(table_with(number=3, job_ids=["a"], at_ms=7, is_open=True)).telling(
        "m", NoticeKind.JOB_RUNNING
    )
    assert telling == Telling("m", NoticeKind.JOB_RUNNING, 3, ("a",), 7)
    assert is_free(None, "anybody", 0)


def test_a_queue_that_was_told_to_be_blocked_before_leases_was_told():
    assert DynamoMonitors(table_with(expires_at=10)).was_told("queue/q", 9_000)
    assert not DynamoMonitors(table_with(expires_at=10, lease_owner="a", lease_until_ms=1)).was_told("queue/q", 9_000)
