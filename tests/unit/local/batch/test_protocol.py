"""Requests against botocore's own model of Batch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchwright.local.batch.errors import ClientError, TooManyRequests
from batchwright.local.batch.protocol import Protocol

PROTOCOL = Protocol()
SUBMIT = {"jobName": "j", "jobQueue": "q", "jobDefinition": "d"}


def read(path: str, body: Any, method: str = "POST") -> Any:
    return PROTOCOL.read(method, path, {}, json.dumps(body).encode())


def test_an_operation_is_found_by_method_and_path() -> None:
    call = read("/v1/submitjob", SUBMIT)
    assert (call.operation, call.parameters) == ("SubmitJob", SUBMIT)


def test_a_resource_arn_is_read_from_the_path_and_tag_keys_from_the_query() -> None:
    path = "/v1/tags/arn%3Aaws%3Abatch%3Aus-east-1%3A1%3Ajob%2Fj"
    call = PROTOCOL.read("DELETE", path, {"tagKeys": ["a", "b"]}, b"")
    assert call.operation == "UntagResource"
    assert call.parameters == {"resourceArn": "arn:aws:batch:us-east-1:1:job/j", "tagKeys": ["a", "b"]}


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        ("/v1/submitjob", {"jobName": "j", "jobQueue": "q"}, "jobDefinition"),
        ("/v1/submitjob", {**SUBMIT, "jobName": 3}, "jobName"),
        ("/v1/submitjob", {**SUBMIT, "parameters": {"a": 1}}, "parameters"),
        ("/v1/submitjob", {**SUBMIT, "commnad": ["x"]}, "commnad"),
        ("/v1/submitjob", {**SUBMIT, "dependsOn": [{"jobId": "x", "type": "ANY"}]}, r"dependsOn\[0\].type"),
        ("/v1/submitjob", {**SUBMIT, "nodeOverrides": {"numNodes": 2}}, "nodeOverrides.numNodes: .*multi-node"),
        ("/v1/submitjob", {**SUBMIT, "tags": {"k" * 129: "v"}}, "at most 128 characters, not 129"),
        ("/v1/submitjob", {**SUBMIT, "tags": {"k": "v" * 257}}, "tags.k: can have at most 256 characters, not 257"),
        ("/v1/listjobs", {"jobQueue": "q", "jobStatus": "DONE"}, "jobStatus: 'DONE' is not one of SUBMITTED"),
        ("/v1/nosuchthing", {}, "POST /v1/nosuchthing is no operation"),
        ("/v1/submitjob", [], "must be a JSON object, not list"),
    ],
)
def test_a_request_that_the_model_does_not_allow_is_refused_by_name(path: str, body: Any, what: str) -> None:
    with pytest.raises(ClientError, match=what):
        read(path, body)


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(ClientError, match="not JSON"):
        PROTOCOL.read("POST", "/v1/submitjob", {}, b"{")


def test_null_means_not_given() -> None:
    assert read("/v1/submitjob", {**SUBMIT, "timeout": None}).parameters == SUBMIT


def test_errors_carry_their_type_in_the_header() -> None:
    answer = PROTOCOL.refusal(TooManyRequests("slow down"))
    assert answer.http_status == 429
    assert answer.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert json.loads(answer.body) == {"message": "slow down"}
