"""Records of jobs read off Batch's documents: what is kept of each shape, whose job it is, and what never raises."""

import contextlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batch.job_event import read_job
from chalicelib.core.batch.job_record import JobRecord, ManagedBy
from chalicelib.core.batch.result import JobTry
from chalicelib.core.batch.tries import TRIES_KEPT, TRY_REASON_CHARACTERS
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt, identity_parameters, job_name
from chalicelib.core.states import JobStatus
from tests.job_events import read_event, read_record

EVENTS = Path(__file__).parents[3] / "data" / "events"
CREATED_MS, SEEN_MS = 1_768_174_600_058, 1_768_174_600_000
ATTEMPT = Attempt("films-abc", 0, 7, 2)
EXITED = "Essential container in task exited"


def at(seconds: int) -> int:
    return SEEN_MS + seconds * 1000


def document_of(name: str) -> dict:
    return json.loads((EVENTS / f"{name}.json").read_text())


def job_of(number: int, name: str, status: str, **more) -> JobRecord:
    job_id = f"aaaaaaaa-0000-4000-8000-0000000000{number:02}"
    usual = {"created_at_ms": CREATED_MS, "seen_at_ms": SEEN_MS, "vcpus": 1.0, "memory_mib": 2048}
    return JobRecord(job_id, name, "default", "demo:1", JobStatus(status), **{**usual, **more})


def ran(
    first: int, last: int, stream: str = "demo/default/t1", exit_code: int | None = 0, reason: str = EXITED
) -> dict:
    """The fields of a job with one try."""
    times = {"started_at_ms": at(first), "stopped_at_ms": at(last)}
    told = {**times, "exit_code": exit_code, "reason": reason, "log_stream": stream}
    return {**told, "job_tries": 1, "tries": (JobTry(**told),)}


NOTHING_ASKED = {"vcpus": None, "memory_mib": None}
DEPENDENCY = FailureClass.DEPENDENCY
# What is recorded of each document; None: nothing, for something else stands for it.
RECORDED = {
    "array_child_succeeded.captured": None,
    "multinode_node_failed.shape": None,
    "queue_blocked.doc": None,
    "single_runnable.doc": job_of(1, "step-one", "RUNNABLE"),
    "single_running.shape": job_of(1, "step-one", "RUNNING", started_at_ms=at(10)),
    "array_parent_pending.shape": job_of(
        20,
        "fan-out",
        "PENDING",
        array_size=100,
        children={"RUNNABLE": 40, "STARTING": 5, "RUNNING": 20, "SUCCEEDED": 35},
        children_at_ms=at(20),
    ),
    "foreign/eks_failed.shape": job_of(
        50,
        "pods",
        "FAILED",
        vcpus=2.0,
        memory_mib=1536,
        gpus=1,
        started_at_ms=at(70),
        stopped_at_ms=at(100),
        exit_code=137,
        reason=f"OOMKilled; {EXITED}",
        failure=FailureClass.OUT_OF_MEMORY,
        job_tries=2,
        tries=(JobTry(at(10), at(40), 1, "Error; Pod failed"), JobTry(at(70), at(100), 137, "OOMKilled; Pod failed")),
    ),
    "foreign/step_functions_succeeded.shape": job_of(
        51,
        "StateMachineTask",
        "SUCCEEDED",
        vcpus=4.0,
        memory_mib=8192,
        managed_by=ManagedBy.STEP_FUNCTIONS,
        **ran(70, 100),
    ),
    "foreign/array_running_on.shape": job_of(
        52,
        "scan",
        "PENDING",
        seen_at_ms=SEEN_MS + 80_000,
        vcpus=0.25,
        memory_mib=512,
        gpus=2,
        array_size=100,
        children={"RUNNABLE": 10, "RUNNING": 30, "SUCCEEDED": 58, "FAILED": 2},
        children_at_ms=at(80),
    ),
    "foreign/multinode_runnable.shape": job_of(53, "mpi", "RUNNABLE", vcpus=8.0, memory_mib=16384, nodes=4),
    "foreign/multi_container_retrying.shape": job_of(
        54,
        "sidecars",
        "RUNNABLE",
        vcpus=1.5,
        memory_mib=1280,
        managed_by=ManagedBy.STEP_FUNCTIONS,
        job_tries=1,
        tries=(JobTry(at(10), at(40), 143, "Host EC2 (instance i-0abc) terminated.", "demo/proxy/t1"),),
    ),
    "foreign/multi_container_sidecar_out_of_memory.shape": job_of(
        60,
        "mc-main3",
        "FAILED",
        **NOTHING_ASKED,
        failure=FailureClass.APPLICATION,
        **ran(70, 100, "d/main/1", 3),
    ),
    "foreign/multi_container_running.shape": job_of(
        61, "mc-run", "RUNNING", **NOTHING_ASKED, started_at_ms=at(70), log_stream="d/main/1"
    ),
    "foreign/multi_container_succeeded.shape": job_of(
        62, "mc-ok", "SUCCEEDED", **NOTHING_ASKED, **{**ran(70, 100, "d/main/1", 0), "reason": None}
    ),
    "foreign/eks_init_container_failed.shape": job_of(
        63,
        "eks-init",
        "FAILED",
        **NOTHING_ASKED,
        failure=FailureClass.APPLICATION,
        started_at_ms=at(70),
        stopped_at_ms=at(100),
        exit_code=2,
        reason="Error",
        job_tries=1,
        tries=(JobTry(at(70), at(100), 2, "Error"),),
    ),
}
ENDED_ELSEWHERE = {
    "array_parent_failed.shape": (DEPENDENCY, None, 0),
    "array_parent_succeeded.shape": (None, None, 0),
    "failed_dependency_no_attempts.shape": (DEPENDENCY, None, 0),
    "failed_image_pull_no_exit_code.shape": (FailureClass.IMAGE_PULL, None, 1),
    "failed_queue_time_limit.shape": (FailureClass.QUEUE_TIME_LIMIT, None, 0),
    "failed_spot_then_oom.shape": (FailureClass.OUT_OF_MEMORY, 137, 2),
    "failed_terminated.shape": (FailureClass.CANCELLED, 143, 1),
    "failed_timeout.shape": (FailureClass.TIMEOUT, 137, 1),
    "multi_container_failed.shape": (FailureClass.APPLICATION, 2, 1),
    "multinode_parent_succeeded.shape": (None, None, 0),
    "single_failed_exit_1.shape": (FailureClass.APPLICATION, 1, 1),
    "single_succeeded.shape": (None, 0, 1),
}
"""Of documents of jobs that ended, whose shapes test_job_change.py has in full: class, exit code and tries."""


def test_every_document_of_the_folder_is_here() -> None:
    names = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json")}
    assert names == RECORDED.keys() | ENDED_ELSEWHERE.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_a_document_is_recorded_as(name: str) -> None:
    assert read_record(document_of(name)) == RECORDED[name]


@pytest.mark.parametrize("name", ENDED_ELSEWHERE)
def test_a_job_that_ended_is_recorded_with_its_class(name: str) -> None:
    record = read_record(document_of(name))
    assert record is not None and record.status.ended and record.is_over
    assert (record.failure, record.exit_code, record.job_tries) == ENDED_ELSEWHERE[name]
    assert len(record.tries) == record.job_tries
    if record.tries:
        assert (record.tries[-1].exit_code, record.tries[-1].log_stream) == (record.exit_code, record.log_stream)


def test_what_describe_jobs_tells_is_read_as_an_events_detail_is() -> None:
    document = document_of("single_succeeded.shape")
    told = read_job(document["detail"]).record(SEEN_MS)
    assert told == read_record(document)


# Whose job it is


def test_a_job_with_our_parameters_and_our_name_is_ours() -> None:
    document = document_of("single_running.shape")
    document["detail"] |= {"parameters": identity_parameters(ATTEMPT), "jobName": job_name(ATTEMPT, "train")}
    record = read_record(document)
    assert record is not None and not record.is_foreign
    assert (record.managed_by, record.run_id, record.task, record.attempt) == ("batchwright", "films-abc", "train", 2)


@pytest.mark.parametrize(
    "name", ["train-again", "train", "", job_name(replace(ATTEMPT, number=1), "train"), "-0123456789abcdef"]
)
def test_a_copy_of_a_job_of_ours_is_foreign(name: str) -> None:
    document = document_of("single_running.shape")
    document["detail"] |= {"parameters": identity_parameters(ATTEMPT), "jobName": name}
    record = read_record(document)
    assert record is not None and record.is_foreign and record.managed_by is None
    assert (record.run_id, record.task, record.attempt) == (None, None, None)


# Order


def test_records_of_a_job_are_ordered_by_tries_and_status_and_those_of_an_array_by_their_snapshots() -> None:
    running = job_of(1, "a", "RUNNING")
    again = replace(running, status=JobStatus.RUNNABLE, job_tries=1)
    ended = replace(running, status=JobStatus.SUCCEEDED, job_tries=0)
    assert running.order < again.order < ended.order
    assert replace(ended, seen_at_ms=ended.seen_at_ms + 1, children_at_ms=5).order == ended.order
    array = replace(running, status=JobStatus.PENDING, array_size=10, children={"RUNNING": 3}, children_at_ms=5)
    later = replace(array, children={"RUNNING": 10}, children_at_ms=6)
    assert array.order < later.order < running.order


# Only listed fields, and no exceptions

SECRET = "s3cr3t-in-clear"


def test_no_secret_of_a_document_is_recorded() -> None:
    document = document_of("foreign/step_functions_succeeded.shape")
    detail = document["detail"]
    detail["parameters"] = {"password": SECRET}
    detail["tags"] = {"owner": SECRET}
    detail["container"]["environment"].append({"name": "TOKEN", "value": SECRET})
    detail["container"] |= {"command": [SECRET], "image": SECRET, "secrets": [{"name": "A", "valueFrom": SECRET}]}
    assert SECRET not in repr(read_record(document))


def test_long_texts_and_many_tries_are_cut() -> None:
    document = document_of("failed_spot_then_oom.shape")
    detail = document["detail"]
    detail["attempts"] = [{"statusReason": "r" * 9_999, "startedAt": at(n)} for n in range(40)]
    detail["statusReason"] = "s" * 9_999
    record = read_record(document)
    assert record is not None
    assert [len(one.reason or "") for one in record.tries] == [TRY_REASON_CHARACTERS] * TRIES_KEPT
    assert record.tries[-1].started_at_ms == at(39)
    assert len(record.reason or "") == 1_024


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["FAILED", "1", "1Gi", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_any_json_is_recorded_or_is_none_or_is_malformed(document: object) -> None:
    for wrapped in (document, {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": document}):
        with contextlib.suppress(MalformedMessage):
            assert read_record(wrapped) is None


def put_in(document: dict, path: tuple, value: object) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def inner_paths(value: object, path: tuple = ()) -> list[tuple]:
    if isinstance(value, dict):
        return [path, *(found for key in value for found in inner_paths(value[key], (*path, key)))]
    if isinstance(value, list):
        return [path, *(found for place, one in enumerate(value) for found in inner_paths(one, (*path, place)))]
    return [path]


@given(st.data())
def test_a_document_with_anything_at_any_place_raises_nothing_else(data: st.DataObject) -> None:
    document = document_of(data.draw(st.sampled_from([*RECORDED, *ENDED_ELSEWHERE])))
    for _ in range(data.draw(st.integers(1, 3))):
        put_in(document, data.draw(st.sampled_from(inner_paths(document)[1:])), data.draw(JSON))
    try:
        record = read_record(document)
    except MalformedMessage:
        return
    if record is not None:
        # Whatever it was, it can be written down, and is small.
        assert len(json.dumps(asdict(record), allow_nan=False, ensure_ascii=False).encode()) < 30_000
        assert record.order > (-1,)


def test_what_is_read_as_a_change_of_ours_is_recorded_too() -> None:
    for name in [*RECORDED, *ENDED_ELSEWHERE]:
        document = document_of(name)
        document["detail"] |= {"parameters": identity_parameters(ATTEMPT), "jobName": job_name(ATTEMPT, "train")}
        change, record = read_event(document), read_record(document)
        assert (change is None) == (record is None)
        if change and record:
            assert (record.job_id, record.status) == (change.job_id, change.status)
