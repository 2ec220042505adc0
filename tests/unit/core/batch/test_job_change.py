"""Batch's event documents, each with what is read off it; what is not ours; and what is malformed."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batch.job_change import JobChange
from chalicelib.core.batch.result import JobResult, JobTry
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt, identity_parameters
from chalicelib.core.states import JobStatus
from tests.job_events import read_event, read_record

EVENTS = Path(__file__).parents[3] / "data" / "events"
ATTEMPT = Attempt("films-abc", 0, 7, 2)
EXITED = "Essential container in task exited"
LOG = "demo/default/t1"
NAME = "train-0123456789abcdef"


def job(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-0000000000{number:02}"


def at(seconds: int) -> int:
    return 1_768_174_600_000 + seconds * 1000


def going_on(number: int, status: str, started_at_ms: int | None = None) -> JobChange:
    return JobChange(ATTEMPT, job(number), NAME, JobStatus(status), 0, started_at_ms)


def ended(number: int, status: str, job_tries: int, **result) -> JobChange:
    """The change to an ending; the job's times are those of its result."""
    known = {"exit_code": None, "log_stream": None, "started_at_ms": None, "stopped_at_ms": None, **result}
    told = JobResult(job(number), status == "SUCCEEDED", **known)
    return JobChange(ATTEMPT, job(number), NAME, JobStatus(status), job_tries, told.started_at_ms, told)


RAN = {"started_at_ms": at(70), "stopped_at_ms": at(100), "log_stream": LOG}
# What each document tells, once its job carries our identity. None: it is not our concern even then.
TOLD = {
    "array_child_succeeded.captured": None,
    "array_parent_failed.shape": ended(
        20,
        "FAILED",
        0,
        failure=FailureClass.DEPENDENCY,
        reason="Array Child Job failed",
        stopped_at_ms=at(100),
        failed_children=1,
    ),
    "array_parent_pending.shape": replace(going_on(20, "PENDING"), children_run=True),
    "array_parent_succeeded.shape": ended(20, "SUCCEEDED", 0, stopped_at_ms=at(100)),
    "failed_dependency_no_attempts.shape": ended(
        6, "FAILED", 0, failure=FailureClass.DEPENDENCY, reason="Dependent Job failed"
    ),
    "failed_image_pull_no_exit_code.shape": ended(
        5,
        "FAILED",
        1,
        failure=FailureClass.IMAGE_PULL,
        reason="CannotPullContainerError: context canceled; Task failed to start",
        log_stream=LOG,
    ),
    "failed_queue_time_limit.shape": ended(
        8,
        "FAILED",
        0,
        failure=FailureClass.QUEUE_TIME_LIMIT,
        reason="Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    ),
    "failed_spot_then_oom.shape": ended(
        3,
        "FAILED",
        2,
        failure=FailureClass.OUT_OF_MEMORY,
        exit_code=137,
        reason=f"OutOfMemoryError: Container killed due to memory usage; {EXITED}",
        log_stream="demo/default/t2",
        started_at_ms=at(130),
        stopped_at_ms=at(160),
        tries=(
            JobTry(at(70), at(100), None, "Host EC2 (instance i-0abc) terminated.", "demo/default/t1"),
            JobTry(
                at(130),
                at(160),
                137,
                f"OutOfMemoryError: Container killed due to memory usage; {EXITED}",
                "demo/default/t2",
            ),
        ),
    ),
    "failed_terminated.shape": ended(
        7, "FAILED", 1, failure=FailureClass.CANCELLED, exit_code=143, reason="cancelled by an operator", **RAN
    ),
    "failed_timeout.shape": ended(
        4,
        "FAILED",
        1,
        failure=FailureClass.TIMEOUT,
        exit_code=137,
        reason="Job attempt duration exceeded timeout",
        **RAN,
    ),
    "multi_container_failed.shape": ended(
        40, "FAILED", 1, failure=FailureClass.APPLICATION, exit_code=2, reason=EXITED, log_stream="demo/main/t1"
    ),
    "multinode_node_failed.shape": None,
    "multinode_parent_succeeded.shape": ended(
        30, "SUCCEEDED", 0, reason=EXITED, started_at_ms=at(10), stopped_at_ms=at(40)
    ),
    "queue_blocked.doc": None,
    "single_failed_exit_1.shape": ended(
        2, "FAILED", 1, failure=FailureClass.APPLICATION, exit_code=1, reason=EXITED, **RAN
    ),
    "single_runnable.doc": going_on(1, "RUNNABLE"),
    "single_running.shape": going_on(1, "RUNNING", at(10)),
    "single_succeeded.shape": ended(1, "SUCCEEDED", 1, exit_code=0, reason=EXITED, **RAN),
}


def document(name: str, **detail) -> dict:
    event = json.loads((EVENTS / f"{name}.json").read_text())
    event["detail"] |= detail
    return event


def ours(name: str = "single_succeeded.shape", **detail) -> dict:
    return document(name, **{"parameters": identity_parameters(ATTEMPT), "jobName": NAME, **detail})


def told_by(name: str) -> JobChange | None:
    """TOLD, with what every document holds of its job's making and of its own."""
    event, told = document(name), TOLD[name]
    return told and replace(
        told,
        created_at_ms=event["detail"]["createdAt"],
        queue=event["detail"]["jobQueue"].removeprefix("arn:aws:batch:us-east-1:111122223333:job-queue/"),
        told_at_ms=int(datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S%z").timestamp()) * 1000,
    )


def test_every_document_is_spoken_of():
    assert {path.stem for path in EVENTS.glob("*.json")} == set(TOLD)


@pytest.mark.parametrize("name", TOLD)
def test_a_document_of_batch_tells_exactly_this(name):
    assert read_event(ours(name)) == told_by(name)


@pytest.mark.parametrize("time", [None, 7, "", "soon", "2026-01-11", "2026-01-11T23:36:40"])
def test_an_event_with_an_odd_time_is_read_as_if_it_had_none(time):
    change = read_event({**ours(), "time": time})
    assert change is not None
    assert change.told_at_ms is None


@pytest.mark.parametrize("queue", [None, 7, "", ["arn"]])
def test_an_event_with_an_odd_queue_is_read_as_if_it_named_none(queue):
    change = read_event(ours(jobQueue=queue))
    assert change is not None
    assert change.queue is None


@pytest.mark.parametrize("name", TOLD)
def test_a_job_of_somebody_else_is_not_our_concern(name):
    assert read_event(document(name)) is None


@pytest.mark.parametrize("name", TOLD)
def test_fields_that_batch_may_add_change_nothing(name):
    more = ours(name, newField={"a": [1]})
    assert read_event(more | {"newEnvelopeField": 1}) == told_by(name)


@pytest.mark.parametrize("name", TOLD)
def test_secrets_of_the_environment_and_the_command_stay_behind(name):
    container = {
        "environment": [{"name": "TOKEN", "value": "s3cret"}],
        "command": ["login", "s3cret"],
        "secrets": [{"name": "DB", "valueFrom": "arn:s3cret"}],
        "exitCode": 1,
        "reason": "OutOfMemoryError",
    }
    event = ours(name, container=container, tags={"s3cret": "s3cret"})
    event["detail"]["attempts"] = [{"container": container}]
    event["detail"]["parameters"]["password"] = "s3cret"
    assert "s3cret" in json.dumps(event)
    assert "s3cret" not in repr(read_event(event))


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (None, "the event must be an object, not NoneType"),
        ([], "the event must be an object, not list"),
        ("SUCCEEDED", "the event must be an object, not str"),
        (document("single_running.shape") | {"detail": None}, "detail must be an object, not NoneType"),
        (document("single_running.shape") | {"detail": []}, "detail must be an object, not list"),
        (ours(jobId=None), "detail.jobId must be a job id, not nothing"),
        (ours(jobId=""), "detail.jobId must be a job id, not ''"),
        (ours(jobId=7), "detail.jobId must be a job id, not 7"),
        (ours(parameters="a=b"), "detail.parameters must be an object, not str"),
        (ours(status=None), "detail.status must be a status of a Batch job, not nothing"),
        (ours(status=["FAILED"]), "detail.status must be a status of a Batch job, not"),
        (ours(attempts={"0": {}}), "detail.attempts must be a list"),
        (ours(eksAttempts={"0": {}}), "detail.eksAttempts must be a list"),
    ],
)
def test_a_malformed_event_is_refused_saying_what_is_wrong(event, says):
    with pytest.raises(MalformedMessage) as refusal:
        read_event(event)
    assert str(refusal.value).startswith(says)


@pytest.mark.parametrize("envelope", [{"source": "my.app"}, {"detail-type": "Batch Job Queue Blocked"}, {"source": []}])
def test_other_events_are_not_our_concern_even_when_malformed(envelope):
    assert read_event(ours(jobId=None) | envelope) is None


def test_a_reason_is_cut_to_what_batch_would_take():
    told = read_event(ours(statusReason="x" * 5000, attempts=[], container={}))
    assert told.result.reason == "x" * 1024


def test_of_several_containers_the_one_that_failed_is_told_and_one_without_an_exit_code_counts_as_failed():
    containers = [{"name": "a", "exitCode": 0}, {"name": "b", "reason": "CannotPullContainerError", "exitCode": None}]
    tries = [{"taskProperties": [{"containers": containers}]}]
    told = read_event(ours(status="FAILED", attempts=tries, container={}, statusReason=None))
    assert (told.result.reason, told.result.exit_code) == ("CannotPullContainerError", None)


def test_a_success_of_several_containers_has_an_exit_code_and_a_log():
    containers = [{"name": "main", "exitCode": 0, "logStreamName": "demo/main/t1"}, {"name": "side", "exitCode": 0}]
    tries = [{"taskProperties": [{"containers": containers}]}]
    told = read_event(ours(status="SUCCEEDED", attempts=tries, container={}))
    assert (told.result.exit_code, told.result.log_stream, told.result.failure) == (0, "demo/main/t1", None)


def test_of_several_containers_the_one_to_blame_is_told_and_not_one_that_its_end_took_along():
    containers = [{"name": "waits"}, {"name": "side", "exitCode": 137}, {"name": "main", "exitCode": 2}]
    tries = [{"taskProperties": [{"containers": containers}]}]
    told = read_event(ours(status="FAILED", attempts=tries, container={}))
    assert (told.result.exit_code, told.result.failure) == (2, FailureClass.APPLICATION)


LATER = [
    ("SUBMITTED", 0),
    ("PENDING", 0),
    ("RUNNABLE", 0),
    ("STARTING", 0),
    ("RUNNING", 0),
    ("RUNNABLE", 1),
    ("STARTING", 1),
    ("RUNNING", 1),
    ("RUNNABLE", 9),
    ("SUCCEEDED", 1),
]


def test_changes_of_one_job_are_ordered_by_its_ended_tries_and_then_by_its_status():
    orders = [JobChange(ATTEMPT, "j", NAME, JobStatus(status), tries).order for status, tries in LATER]
    assert orders == sorted(set(orders))
    succeeded = JobChange(ATTEMPT, "j", NAME, JobStatus.SUCCEEDED, 3)
    assert replace(succeeded, status=JobStatus.FAILED).order == succeeded.order, "an ending is an ending"


@pytest.mark.parametrize("field", ["attempts", "eksAttempts"])
@pytest.mark.parametrize("tries", [0, 1, 3])
def test_the_tries_of_a_job_on_ecs_and_on_eks_count_alike_for_its_run_and_for_its_record(field, tries):
    event = ours(status="RUNNABLE", **{"attempts": [], field: [{"container": {}}] * tries})
    assert read_event(event).job_tries == read_record(event).job_tries == tries


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(list(JobStatus)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({key for name in TOLD for key in document(name)["detail"]})
INNER = [
    "container",
    "exitCode",
    "reason",
    "statusReason",
    "logStreamName",
    "taskProperties",
    "containers",
    *identity_parameters(ATTEMPT),
]
nested = st.recursive(
    anything,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(INNER), inner, max_size=4),
    max_leaves=12,
)


def read_or_refuse(event: object) -> None:
    try:
        told = read_event(event)
    except MalformedMessage as refusal:
        assert str(refusal)
    else:
        assert told is None or isinstance(told, JobChange)
        assert told is None or (told.result is not None) == told.status.ended
        assert told is None or isinstance(hash(told), int)


@given(anything)
def test_any_json_is_read_or_refused(event):
    read_or_refuse(event)


@given(st.sampled_from(sorted(TOLD)), st.dictionaries(st.sampled_from(FIELDS), nested, max_size=4))
def test_a_document_of_which_any_field_holds_anything_is_read_or_refused(name, fields):
    read_or_refuse(ours(name, **fields))


@given(st.dictionaries(st.sampled_from(["source", "detail-type", "detail", "time"]), nested))
def test_an_envelope_that_holds_anything_is_read_or_refused(fields):
    read_or_refuse(ours() | fields)


@given(st.dictionaries(st.sampled_from(list(identity_parameters(ATTEMPT))), anything))
def test_an_identity_that_holds_anything_is_read_or_not_ours(fields):
    read_or_refuse(ours(parameters=identity_parameters(ATTEMPT) | fields))


def test_a_status_that_batch_may_add_one_day_is_ignored():
    assert read_event(ours(status="ASLEEP")) is None
