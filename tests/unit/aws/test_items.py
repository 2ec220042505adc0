"""Items of the table that an earlier version wrote are read as what they were."""

from chalicelib.aws.dynamodb_items import result_attributes, task_of
from chalicelib.core.failure import FailureClass
from chalicelib.core.records import Asked, JobResult

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
    assert task_of(ITEM).asked is None
    assert task_of({**ITEM, "queue": "gpu"}).asked == Asked("gpu")
    assert task_of({**ITEM, "queue": "gpu", "array_size": 40}).asked == Asked("gpu", 40)
