"""Which container's end is the job's, and where the job writes, whatever kind of job it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batch.classify import classify
from chalicelib.core.batch.document import JobEnd, end_of, end_of_try, main_node_id, stream_now, stream_of
from chalicelib.core.batch.job_event import read_result
from chalicelib.core.failure import FailureClass

EVENTS = Path(__file__).parents[3] / "data/events"
OOM = "OutOfMemoryError: Container killed due to memory usage"
EXITED = "Essential container in task exited"


def detail_of(name: str) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads((EVENTS / f"foreign/{name}.shape.json").read_text())["detail"]
    return detail


def several(*containers: dict[str, Any], status: str = "FAILED", asked: list[dict[str, Any]] | None = None) -> Any:
    """A job of several containers whose one try ended so."""
    properties = {"taskProperties": [{"containers": asked or [{"name": one["name"]} for one in containers]}]}
    last = {"taskProperties": [{"containers": list(containers)}], "statusReason": EXITED}
    return {"jobId": "j", "status": status, "statusReason": EXITED, "attempts": [last], "ecsProperties": properties}


MAIN_AND_SIDE = [{"name": "main", "essential": True}, {"name": "side", "essential": False}]


def main_and_side(main: dict[str, Any], side: dict[str, Any], status: str = "FAILED") -> Any:
    return several({"name": "main", **main}, {"name": "side", **side}, status=status, asked=MAIN_AND_SIDE)


def test_a_success_with_a_sidecar_that_was_stopped_has_the_exit_code_of_its_essential_container() -> None:
    result = read_result(detail_of("multi_container_succeeded"))
    assert (result.succeeded, result.exit_code, result.log_stream) == (True, 0, "d/main/1")


def test_a_sidecar_that_ran_out_of_memory_does_not_make_the_job_out_of_memory() -> None:
    result = read_result(detail_of("multi_container_sidecar_out_of_memory"))
    assert (result.failure, result.exit_code, result.reason) == (FailureClass.APPLICATION, 3, EXITED)
    assert result.log_stream == "d/main/1"


@pytest.mark.parametrize(
    ("main", "side", "failure"),
    [
        ({"exitCode": 137, "reason": OOM}, {"exitCode": 143}, FailureClass.OUT_OF_MEMORY),
        ({"exitCode": 0}, {"exitCode": 137, "reason": OOM}, FailureClass.UNKNOWN),
        ({}, {"exitCode": 1}, FailureClass.APPLICATION),
        ({}, {"reason": "CannotPullContainerError: unauthorized"}, FailureClass.IMAGE_MISSING),
        ({"reason": "CannotPullContainerError: unauthorized"}, {"exitCode": 1}, FailureClass.IMAGE_MISSING),
        ({}, {}, FailureClass.UNKNOWN),
    ],
)
def test_a_container_that_is_not_essential_counts_only_if_no_essential_one_began(
    main: dict[str, Any], side: dict[str, Any], failure: FailureClass
) -> None:
    assert classify(main_and_side(main, side)) is failure


def test_of_several_essential_containers_the_one_to_blame_is_told_and_of_a_success_none_is() -> None:
    taken_along, failed = {"name": "a", "exitCode": 137}, {"name": "b", "exitCode": 4, "logStreamName": "b"}
    assert end_of(several(taken_along, failed)) == JobEnd(4, None, "b", (EXITED, EXITED))
    well = {"name": "b", "exitCode": 0, "logStreamName": "b"}
    assert end_of(several({"name": "a", "exitCode": 143}, well, status="SUCCEEDED")).exit_code == 0


def test_a_container_is_essential_unless_the_job_says_otherwise() -> None:
    for asked in ([{"name": "a"}, {"name": "b", "essential": False}], [{"name": "a", "essential": True}]):
        ended = several({"name": "a", "exitCode": 2}, {"name": "b", "exitCode": 3}, asked=asked)
        assert end_of(ended).exit_code == 2
    none_is = [{"name": "a", "essential": False}, {"name": "b", "essential": False}]
    assert end_of(several({"name": "a", "exitCode": 0}, {"name": "b", "exitCode": 3}, asked=none_is)).exit_code == 3


def test_an_init_container_that_failed_is_what_its_pod_failed_of() -> None:
    result = read_result(detail_of("eks_init_container_failed"))
    assert (result.failure, result.exit_code, result.reason) == (FailureClass.APPLICATION, 2, "Error")


def test_of_a_pod_the_container_that_was_killed_for_its_memory_is_told_and_not_what_ended_with_it() -> None:
    ended = {
        "initContainers": [{"name": "init", "exitCode": 0, "reason": "Completed"}],
        "containers": [
            {"name": "side", "exitCode": 143, "reason": "Error"},
            {"name": "main", "exitCode": 137, "reason": "OOMKilled"},
        ],
    }
    assert classify({"status": "FAILED", "eksAttempts": [ended]}) is FailureClass.OUT_OF_MEMORY
    assert end_of({"status": "SUCCEEDED", "eksAttempts": [{"containers": [{"exitCode": 0}]}]}).exit_code == 0


@pytest.mark.parametrize(
    "own",
    [
        {"container": {"exitCode": 7, "logStreamName": "s"}},
        {"ecsProperties": {"taskProperties": [{"containers": [{"exitCode": 7, "logStreamName": "s"}]}]}},
    ],
)
def test_what_is_said_of_the_job_itself_counts_where_no_try_names_a_container(own: dict[str, Any]) -> None:
    for tries in ([], [{"statusReason": EXITED}], [{}]):
        end = end_of({"status": "FAILED", "attempts": tries, **own})
        assert (end.exit_code, end.log_stream) == (7, "s")
    pod = {"podProperties": {"containers": [{"exitCode": 7}], "initContainers": [{"exitCode": 0}]}}
    assert end_of({"status": "FAILED", "eksProperties": pod}).exit_code == 7


def test_a_job_of_several_containers_writes_where_its_essential_one_does_while_it_runs_too() -> None:
    running = detail_of("multi_container_running")
    assert stream_now(running) == stream_of(running) == "d/main/1"
    ended = detail_of("multi_container_sidecar_out_of_memory")
    assert stream_of(ended) == "d/main/1"
    asked = {"taskProperties": [{"containers": MAIN_AND_SIDE}]}
    retrying = {**running, "attempts": ended["attempts"], "ecsProperties": asked}
    assert (stream_now(retrying), stream_of(retrying)) == (None, "d/main/1")


def test_a_try_is_told_as_the_job_would_be_that_ended_with_it() -> None:
    ended = detail_of("multi_container_sidecar_out_of_memory")
    [told] = ended["attempts"]
    assert end_of_try(ended, told) == JobEnd(3, None, "d/main/1", (EXITED,))


def test_the_main_node_of_a_job_of_several_has_a_job_of_its_own() -> None:
    assert main_node_id({"jobId": "j", "nodeProperties": {"numNodes": 3, "mainNode": 2}}) == "j#2"
    assert main_node_id({"jobId": "j", "nodeProperties": {"numNodes": 3}}) == "j#0"
    for other in (
        {"jobId": "j"},
        {"jobId": "j#1", "nodeDetails": {"nodeIndex": 1}},
        {"nodeProperties": {"numNodes": 1}},
    ):
        assert main_node_id(other) is None


_KEYS = (
    *("attempts", "eksAttempts", "container", "taskProperties", "containers", "initContainers", "ecsProperties"),
    *("name", "exitCode", "reason", "logStreamName", "essential", "statusReason"),
    *("eksProperties", "podProperties", "nodeProperties", "numNodes"),
)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from(["attempts", "eksAttempts", "container", "ecsProperties", "eksProperties"]), ODD)
)
def test_no_document_is_too_odd(detail: dict[str, Any]) -> None:
    for status in ("RUNNING", "SUCCEEDED", "FAILED"):
        end_of({**detail, "status": status})
        stream_of({**detail, "status": status})
        main_node_id(detail)
