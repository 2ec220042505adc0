"""What a job died of: reasons seen in the field, each with its class, and the order in which the tests are asked."""
# ruff: noqa: E501  (a reason stays on one line with its class)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batch.classify import classify
from chalicelib.core.batch.result import JobResult
from chalicelib.core.failure import INFRASTRUCTURE, NEVER_RETRIED, FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.plan.retry import GiveUp, Retry, after_failure
from chalicelib.core.plan.task import ClassPolicy, RetryPolicy

EVENTS = Path(__file__).parents[3] / "data" / "events"
EXITED = "Essential container in task exited"
NO_START = "Task failed to start"
REGISTRY = "111122223333.dkr.ecr.us-east-1.amazonaws.com"

DOCUMENTS = {
    "array_parent_failed.shape": "dependency",
    "failed_dependency_no_attempts.shape": "dependency",
    "failed_image_pull_no_exit_code.shape": "image_pull",
    "failed_queue_time_limit.shape": "queue_time_limit",
    "failed_spot_then_oom.shape": "out_of_memory",
    "failed_terminated.shape": "cancelled",
    "failed_timeout.shape": "timeout",
    "multi_container_failed.shape": "application",
    "multinode_node_failed.shape": "unknown",
    "single_failed_exit_1.shape": "application",
}

# The job's reason, the container's, the exit code; and what it was.
SEEN: list[tuple[str | None, str | None, int | None, str]] = [
    ("batchwright: the run was cancelled", None, 143, "cancelled"),
    ("Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", None, None, "queue_time_limit"),
    ("Job attempt duration exceeded timeout", None, None, "timeout"),
    ("Job attempt duration exceeded timeout", None, 137, "timeout"),
    ("Host EC2 (instance i-0737c70432d64f82a) terminated.", None, None, "spot"),
    ("Host EC2 (instance i-0737c70432d64f82a) terminated.", None, 137, "spot"),
    ("Host EC2 Terminated", None, None, "spot"),
    ("Your Spot Task was interrupted.", None, None, "spot"),
    (EXITED, "OutOfMemoryError: Container killed due to memory usage", 137, "out_of_memory"),
    (EXITED, "OutOfMemoryError: container killed due to memory usage", 1, "out_of_memory"),
    (EXITED, "OutOfMemoryError: Container killed due to memory usage", 2, "out_of_memory"),
    (EXITED, "OutofMemoryError: Container killed due to memory usage", 0, "out_of_memory"),
    (EXITED, None, 137, "out_of_memory"),
    (NO_START, "CannotPullContainerError: context canceled", None, "image_pull"),
    (NO_START, "CannotPullContainerError: API error (500): Get https://registry-1.docker.io/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)", None, "image_pull"),
    (NO_START, "CannotPullContainerError: Error response from daemon: error parsing HTTP 503 response body: 503 SlowDown", None, "image_pull"),
    (NO_START, "CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob887491687: no space left on device", None, "image_pull"),
    (NO_START, "CannotPullContainerError: failed to register layer: write /usr/local/bin/tool: no space left on device", None, "image_pull"),
    (NO_START, "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating", None, "image_pull"),
    (NO_START, "CannotPullContainerError: timeout", None, "image_pull"),
    ("CannotPullContainerError: inspect image has been retried 5 time(s): ", None, None, "image_pull"),
    ("CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code", None, None, "image_pull"),
    (NO_START, "CannotPullContainerError: denied: Your authorization token has expired. Reauthenticate and try again.", None, "image_pull"),
    (NO_START, "CannotPullContainerError: Error response from daemon: manifest for films:9 not found: manifest unknown: Requested image not found", None, "image_missing"),
    (NO_START, "CannotPullContainerError: API error (404): repository films not found: does not exist or no pull access", None, "image_missing"),
    (NO_START, f"CannotPullContainerError: Error response from daemon: Get https://{REGISTRY}/v2/films/manifests/1: no basic auth credentials", None, "image_missing"),
    (NO_START, "CannotPullContainerError: unauthorized: authentication required", None, "image_missing"),
    (NO_START, "CannotPullContainerError: pull access denied for films, repository does not exist or may require 'docker login'", None, "image_missing"),
    (EXITED, "CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: ecr:GetAuthorizationToken", None, "image_missing"),
    (f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {REGISTRY}/films:latest: unexpected status from HEAD request to https://{REGISTRY}/v2/films/manifests/latest: 403 Forbidden", None, None, "image_missing"),
    (f"CannotPullContainerError: ref pull has been retried 1 time(s): failed to resolve reference \"{REGISTRY}/timeout/503:1\": not found", None, None, "image_missing"),
    (NO_START, f"CannotPullContainerError: Get https://{REGISTRY}/v2/denied/not-found: i/o timeout", None, "image_pull"),
    (NO_START, 'CannotPullContainerError: image operating system "windows" cannot be used on this platform', None, "image_missing"),
    (NO_START, 'CannotStartContainerError: Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "python": executable file not found in $PATH: unknown', None, "misconfigured"),
    (NO_START, 'CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "timeout": executable file not found in $PATH: unknown', 127, "misconfigured"),
    (NO_START, 'CannotStartContainerError: API error (500): Cannot start container 54b6: [8] System error: exec: "node index.js": executable file not found in $PATH', None, "misconfigured"),
    (NO_START, 'CannotStartContainerError: Error response from daemon: OCI runtime create failed: container_linux.go:348: starting container process caused "exec: \\"/bin/x\\": permission denied": unknown', 126, "misconfigured"),
    ('CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: OCI runtime create failed: container_linux.go:370: starting container process caused: exec: "/opt/run.sh": stat /opt/run.sh...no such file or direct...', None, None, "misconfigured"),
    (EXITED, "exec /usr/bin/python: exec format error", 255, "misconfigured"),
    (NO_START, 'CannotStartContainerError: Error response from daemon: error gathering device information while adding custom device "/dev/dri/renderD130": no such file or directory', None, "misconfigured"),
    (NO_START, "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.", None, "misconfigured"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: secretsmanager:GetSecretValue", None, None, "misconfigured"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: RequestCanceled: request context canceled caused by: context deadline exceeded", None, None, "start_failure"),
    (NO_START, 'CannotStartContainerError: Error response from daemon: OCI runtime create failed: container_linux.go:348: starting container process caused "process_linux.go:402: container init caused: running prestart hook 0 caused: error running hook', None, "start_failure"),
    (EXITED, None, 127, "application"),
    (NO_START, None, None, "start_failure"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth", None, None, "start_failure"),
    (NO_START, "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream", None, "start_failure"),
    ("CannotStartContainerError: ResourceInitializationError: unable to create new container: mount callback failed", None, None, "start_failure"),
    (NO_START, "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s", None, "start_failure"),
    (NO_START, "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m", None, "start_failure"),
    (EXITED, "CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s", None, "start_failure"),
    ("Timeout waiting for network interface provisioning to complete.", None, None, "start_failure"),
    ("Agent", "AGENT", None, "start_failure"),
    ("Dependent Job failed", None, None, "dependency"),
    ("Array Child Job failed", None, None, "dependency"),
    (EXITED, None, 1, "application"),
    (EXITED, None, 143, "application"),
    (EXITED, "the agent said no", 3, "application"),
    (EXITED, None, 0, "unknown"),
    (EXITED, None, None, "unknown"),
    (None, None, None, "unknown"),
]  # fmt: skip


def detail(status_reason: str | None, reason: str | None, exit_code: int | None, **more: Any) -> dict[str, Any]:
    container = {"reason": reason, "exitCode": exit_code, "logStreamName": "log"}
    last = {"container": container, "statusReason": status_reason}
    return {"status": "FAILED", "statusReason": status_reason, "attempts": [last], "container": container, **more}


def test_every_document_of_a_failure_has_its_class() -> None:
    failed = {}
    for path in EVENTS.glob("*.json"):
        told = json.loads(path.read_text())["detail"]
        if told.get("status") == "FAILED":
            failed[path.stem] = classify(told).value
    assert failed == DOCUMENTS


@pytest.mark.parametrize("cased", [str, str.lower, str.upper], ids=["as_seen", "lower", "upper"])
@pytest.mark.parametrize(("status_reason", "reason", "exit_code", "failure"), SEEN)
def test_a_reason_seen_in_the_field_has_its_class_in_any_casing(
    status_reason: str | None, reason: str | None, exit_code: int | None, failure: str, cased: Any
) -> None:
    told = detail(status_reason and cased(status_reason), reason and cased(reason), exit_code)
    assert classify(told) == failure


@pytest.mark.parametrize("flag", ["isCancelled", "isTerminated"])
def test_what_somebody_ended_is_cancelled_whatever_else_it_died_of(flag: str) -> None:
    for status_reason, reason, exit_code, failure in SEEN:
        told = detail(status_reason, reason, exit_code, **{flag: True})
        assert classify(told) == ("queue_time_limit" if failure == "queue_time_limit" else "cancelled")


def test_a_flag_that_is_not_raised_means_nothing() -> None:
    assert classify(detail(EXITED, None, 1, isCancelled=False, isTerminated=None)) == "application"


def test_the_last_try_decides_and_not_the_ones_before() -> None:
    spot = {"statusReason": "Host EC2 (instance i-1) terminated.", "container": {}}
    exited = {"statusReason": EXITED, "container": {"exitCode": 1}}
    assert classify({"statusReason": EXITED, "attempts": [spot, exited]}) == "application"
    assert classify({"attempts": [exited, spot]}) == "spot"


def test_a_job_that_never_got_an_attempt_is_judged_by_its_own_reason() -> None:
    assert classify({"statusReason": "Dependent Job failed", "attempts": []}) == "dependency"
    assert classify({"attempts": []}) == "unknown"
    assert classify({}) == "unknown"


def test_of_several_containers_the_one_to_blame_is_judged() -> None:
    containers = [{"name": "side", "exitCode": 137}, {"name": "main", "exitCode": 2}]
    assert classify({"attempts": [{"taskProperties": [{"containers": containers}]}]}) == "application"
    containers[0]["reason"] = "OutOfMemoryError: Container killed due to memory usage"
    assert classify({"attempts": [{"taskProperties": [{"containers": containers}]}]}) == "out_of_memory"


def test_a_job_on_eks_is_judged_by_its_last_pod() -> None:
    pods = [{"containers": [{"exitCode": 1}]}, {"containers": [{"exitCode": 137, "reason": "OOMKilled"}]}]
    assert classify({"attempts": [], "eksAttempts": pods}) == "out_of_memory"


FIELDS = [
    "attempts",
    "eksAttempts",
    "container",
    "containers",
    "taskProperties",
    "exitCode",
    "reason",
    "statusReason",
    "isCancelled",
    "isTerminated",
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["attempts", "eksAttempts", "container", "statusReason"]), anything))
def test_whatever_a_document_holds_it_has_a_class(told: dict[str, Any]) -> None:
    assert isinstance(classify(told), FailureClass)


def test_what_is_never_retried_is_nobodys_fault() -> None:
    assert {FailureClass.SPOT, FailureClass.IMAGE_PULL, FailureClass.START_FAILURE} == INFRASTRUCTURE
    assert not INFRASTRUCTURE & NEVER_RETRIED


def test_a_start_that_another_try_cannot_mend_is_not_tried_again_unless_asked() -> None:
    attempt = Attempt("r", 0, 0, 1)
    result = JobResult("j", succeeded=False, failure=FailureClass.MISCONFIGURED)
    assert isinstance(after_failure(RetryPolicy(), attempt, result, ()), GiveUp)
    asked = RetryPolicy(on=(ClassPolicy(FailureClass.MISCONFIGURED, 2),))
    assert isinstance(after_failure(asked, attempt, result, ()), Retry)
