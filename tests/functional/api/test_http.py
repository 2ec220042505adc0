"""The HTTP API as a client without our library meets it: statuses, headers, problems."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from chalicelib.api.http.route_table import BODY_BYTES_MAXIMUM, WORKFLOW_BYTES_MAXIMUM
from tests.functional.api.service import TASK, Reply, Service

_numbers = itertools.count(1)
PROBLEM = "application/problem+json"


@pytest.fixture
def name() -> str:
    """A workflow's name that no other test uses."""
    return f"http-{next(_numbers)}"


def definition(name: str, **task: Any) -> dict[str, Any]:
    return {"name": name, "tasks": {"only": {**TASK, **task}}}


def problem(reply: Reply) -> tuple[int, str]:
    """The status and kind of a problem, whose form is checked."""
    document = reply.json
    assert reply.headers["content-type"] == PROBLEM
    assert document["status"] == reply.status
    assert document["request_id"] == reply.headers["x-request-id"]
    assert document["title"]
    return reply.status, document["type"].removeprefix("urn:batchwright:problem:")


def test_a_new_version_is_made_where_it_says_and_the_same_content_makes_none(service: Service, name: str) -> None:
    first = service.ask("PUT", f"/workflows/{name}", body=definition(name))
    assert (first.status, first.headers["location"]) == (201, f"/workflows/{name}/versions/1")
    again = service.ask("PUT", f"/workflows/{name}", body=definition(name))
    assert (again.status, "location" in again.headers, again.json) == (200, False, first.json)
    assert service.ask("GET", first.headers["location"]).json == first.json


def test_who_knows_the_etag_is_told_that_nothing_changed(service: Service, name: str) -> None:
    etag = service.ask("PUT", f"/workflows/{name}", body=definition(name)).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        reply = service.ask("GET", f"/workflows/{name}", headers={"If-None-Match": known})
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)
    assert service.ask("GET", f"/workflows/{name}", headers={"If-None-Match": '"other"'}).status == 200


def test_a_push_or_a_delete_on_a_condition_that_does_not_hold_is_412(service: Service, name: str) -> None:
    path = f"/workflows/{name}"
    assert problem(service.ask("PUT", path, body=definition(name), headers={"If-Match": "*"})) == (
        412,
        "precondition_failed",
    )
    etag = service.ask("PUT", path, body=definition(name)).headers["etag"]
    other = definition(name, command=["false"])
    assert service.ask("PUT", path, body=other, headers={"If-Match": etag}).status == 201
    for method, body in (("PUT", other), ("DELETE", None)):
        reply = service.ask(method, path, body=body, headers={"If-Match": etag})
        assert problem(reply) == (412, "precondition_failed")
    assert problem(service.ask("DELETE", path, headers={"If-Match": "etag"})) == (400, "mistake")
    deleted = service.ask("DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    assert problem(service.ask("GET", path)) == (404, "unknown_workflow")


def test_every_mistake_of_a_workflow_is_told_with_a_pointer(service: Service, name: str) -> None:
    wrong = {"name": name, "tasks": {"a": {**TASK, "vcpus": 0}, "b/c": {**TASK, "depends_on": ["x"]}}}
    reply = service.ask("PUT", f"/workflows/{name}", body=wrong)
    assert problem(reply) == (422, "invalid_workflow")
    assert {one["pointer"] for one in reply.json["mistakes"]} == {
        "/tasks/a/vcpus",
        "/tasks/b~1c",
        "/tasks/b~1c/depends_on/0",
    }


def test_a_run_is_made_once_for_a_key(service: Service, name: str) -> None:
    service.push(name)
    asked = [
        service.ask("POST", "/runs", "start", body={"workflow": name}, headers={"Idempotency-Key": name}) for _ in "12"
    ]
    assert [reply.status for reply in asked] == [201, 201]
    assert asked[0].json == asked[1].json
    run_id = asked[0].json["run_id"]
    assert asked[0].headers["location"] == f"/runs/{run_id}"
    service.push(name, params={"p": {"type": "string"}})
    other = {"workflow": name, "params": {"p": "x"}}
    refused = service.ask("POST", "/runs", body=other, headers={"Idempotency-Key": name})
    assert problem(refused) == (409, "idempotency_conflict")
    assert problem(service.ask("POST", "/runs", body={"workflow": name})) == (400, "mistake")
    listed = service.ask("GET", f"/runs?workflow={name}", "read").json
    assert ([run["run_id"] for run in listed["items"]], listed["next"]) == ([run_id], None)


def test_a_key_under_two_workflows_starts_a_run_of_each(service: Service, name: str) -> None:
    runs = set()
    for workflow in (name, f"{name}-other"):
        service.push(workflow)
        reply = service.ask("POST", "/runs", "start", body={"workflow": workflow}, headers={"Idempotency-Key": name})
        assert reply.status == 201
        runs.add(reply.json["run_id"])
    assert len(runs) == 2


def test_acting_on_a_run_in_the_wrong_state_is_a_conflict(service: Service, name: str) -> None:
    service.push(name)
    run_id = service.start(name, "key")
    assert problem(service.ask("POST", f"/runs/{run_id}/redrive", body={})) == (409, "wrong_state")
    paused = service.ask("POST", f"/runs/{run_id}/pause")
    assert (paused.status, paused.json["changed"], paused.json["run"]["state"]) == (200, True, "paused")


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/runs?limit=0", None, "limit must be a whole number from 1 to 1,000, not '0'"),
        ("GET", "/runs?state=gone", None, "state must be one of"),
        ("GET", "/health?x=1", None, "the query has no parameter 'x' here; it has none"),
        (
            "POST",
            "/tokens",
            {"name": "n", "scope": "rad"},
            "scope must be one of read, start, admin, not 'rad'; did you mean 'read'?",
        ),
        ("POST", "/tokens", {"name": "n"}, "scope is missing"),
        ("POST", "/tokens", [], "the body must be an object"),
    ],
)
def test_a_mistake_is_told_with_its_place_rule_and_value(
    service: Service, method: str, path: str, body: Any, told: str
) -> None:
    reply = service.ask(method, path, body=body)
    assert problem(reply) == (400, "mistake")
    assert reply.json["detail"].startswith(told)


def test_a_body_that_is_not_json_or_not_said_to_be_is_refused(service: Service, name: str) -> None:
    path = f"/workflows/{name}"
    assert problem(service.ask("PUT", path, raw=b'{"a": 1, "a": 2}')) == (400, "no_json")
    assert problem(service.ask("PUT", path, raw=b"")) == (400, "no_json")
    for content_type in ("text/yaml", "", None):
        reply = service.ask("PUT", path, raw=b"{}", headers={"Content-Type": content_type})
        assert problem(reply) == (415, "unsupported_media_type")


def test_a_body_above_the_limit_is_refused(service: Service, name: str) -> None:
    large = b" " * (WORKFLOW_BYTES_MAXIMUM + 1)
    assert problem(service.ask("PUT", f"/workflows/{name}", raw=large)) == (413, "too_large")
    reply = service.ask("POST", "/tokens", raw=b" " * (BODY_BYTES_MAXIMUM + 1))
    assert problem(reply) == (413, "too_large")


def test_params_that_do_not_fit_a_run_are_refused_with_their_size(service: Service, name: str) -> None:
    service.push(name, params={"p": {"type": "string"}})
    body = {"workflow": name, "params": {"p": "x" * 400_000}}
    reply = service.ask("POST", "/runs", body=body, headers={"Idempotency-Key": name})
    assert problem(reply) == (400, "mistake")
    assert "300000 bytes" in reply.json["detail"].replace(",", "")


def test_a_method_that_a_path_has_not_is_405_with_those_it_has(service: Service) -> None:
    reply = service.ask("PATCH", "/workflows/films")
    assert problem(reply) == (405, "method_not_allowed")
    assert set(reply.headers["allow"].split(", ")) == {"GET", "PUT", "DELETE"}


def test_a_path_that_is_none_is_the_gateways_to_refuse(service: Service) -> None:
    assert service.ask("GET", "/nothing").status == 403


def test_a_name_that_can_be_nothings_is_not_found(service: Service) -> None:
    assert problem(service.ask("GET", "/runs/a%20b")) == (404, "unknown_run")
    assert problem(service.ask("GET", "/workflows/films/versions/x")) == (404, "unknown_workflow")
    assert problem(service.ask("PUT", "/workflows/a%20b", body={})) == (400, "mistake")


def test_no_answer_may_be_sniffed_or_kept(service: Service) -> None:
    headers = service.ask("GET", "/health").headers
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-cache")
    made = service.ask("POST", "/tokens", body={"name": "n", "scope": "read"})
    assert made.headers["cache-control"] == "no-store"
