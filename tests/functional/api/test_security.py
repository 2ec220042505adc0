"""Who may: every route is asked with every credential, and the answers are those of docs/reference/http-api.md."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.http.route_table import ROUTES, About, Route
from chalicelib.core.tokens import TokenScope
from tests.functional.api import security_table
from tests.functional.api.service import KINDS, SCHEDULES, TASK, Reply, Service

REFUSED_BY_GATEWAY = ("none", "malformed", "wrong", "expired", "revoked")
_numbers = itertools.count(1)

Sample = tuple[str, Any, dict[str, str]]
"""A request's path, body and headers."""


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    """A run of `films`, which has a schedule."""
    service.push("another")
    service.push("films", schedules=SCHEDULES)
    return service.start("films", "for all")


def sample(service: Service, route: Route, run_id: str) -> Sample:
    """A request that goes well: about `films`, or about something of its own where it leaves nothing behind."""
    values = {"name": "films", "version": "1", "run_id": run_id, "task": "only", "workflow": "films"}
    values |= {"schedule": "nightly", "token_id": "0" * 16, "job_id": "0" * 8}
    number = next(_numbers)
    body: Any = {
        "put_workflow": {"name": "films", "tasks": {"only": TASK}, "schedules": SCHEDULES},
        "start_run": {"workflow": "films"},
        "cancel_run": {},
        "redrive_run": {},
        "backfill": {"from_ms": 0, "to_ms": 0, "dry_run": True},
        "put_monitors": {"monitors": {}},
        "create_token": {"name": "made", "scope": "read"},
    }.get(route.operation)
    if route.operation == "revoke_token":
        values["token_id"] = service.new_token(TokenScope.READ).split("_")[1]
    headers = {"Idempotency-Key": f"key-{number}"} if route.operation == "start_run" else {}
    return route.path.format(**values), body, headers


def ask(service: Service, route: Route, kind: str, run_id: str) -> Reply:
    path, body, headers = sample(service, route, run_id)
    return service.ask(route.method, path, kind, body=body, headers=headers)


def outcome(reply: Reply, route: Route, kind: str) -> str:
    """What a reply is in the table."""
    if reply.status in (401, 403) or (reply.status == 404 and kind == "another"):
        return str(reply.status)
    assert reply.status in (*route.statuses, *route.refusals), (route, kind, reply)
    if kind == "another" and reply.status == 200 and "items" in reply.json:
        assert "films" not in reply.body.decode(), "it sees what is of another workflow"
        return "own"
    return "yes"


@pytest.mark.parametrize("kind", KINDS)
def test_every_route_answers_every_credential_as_the_document_says(service: Service, run_id: str, kind: str) -> None:
    table = security_table.documented()
    found, said = {}, {}
    for route in ROUTES:
        if route.operation == "delete_workflow":
            continue  # below, for it takes the workflow away
        name = f"{route.method} {route.path}"
        found[name] = outcome(ask(service, route, kind, run_id), route, kind)
        said[name] = table.get((name, kind), "is not in docs/reference/http-api.md")
    assert found == said


@pytest.mark.parametrize("kind", KINDS)
def test_a_workflow_is_deleted_by_those_of_whom_the_document_says_so(service: Service, kind: str) -> None:
    (route,) = (route for route in ROUTES if route.operation == "delete_workflow")
    name = f"deleted-{next(_numbers)}"
    service.push(name)
    reply = service.ask("DELETE", f"/workflows/{name}", kind)
    said = security_table.documented()[f"DELETE {route.path}", kind]
    assert outcome(reply, route, kind) == said
    still_there = name in {workflow.name for workflow in service.direct.workflows(limit=1_000).items}
    assert still_there == (said != "yes")


def test_a_token_for_a_workflow_is_good_for_all_of_it_and_its_runs(service: Service, run_id: str) -> None:
    service.credentials["own"] = {"Authorization": f"Bearer {service.new_token(TokenScope.ADMIN, 'films')}"}
    other = service.start(service.push("trains").name, "other")
    for route in ROUTES:
        if route.operation in ("delete_workflow", "cancel_run"):
            continue
        reply = ask(service, route, "own", run_id)
        expected = "403" if route.about is About.ALL else "yes"
        assert outcome(reply, route, "own") == expected, route
        assert other not in reply.body.decode()


def test_a_run_of_another_workflow_is_answered_as_one_that_is_not_there(service: Service, run_id: str) -> None:
    there = service.ask("GET", f"/runs/{run_id}", "another").json
    missing = service.ask("GET", "/runs/films-aaaaaaaaaaaa", "another").json
    for problem in (there, missing):
        del problem["request_id"], problem["detail"]
    assert there == missing


def test_a_revocation_holds_from_the_next_request_on(service: Service) -> None:
    token = service.new_token(TokenScope.READ)
    service.credentials["leaving"] = {"Authorization": f"Bearer {token}"}
    assert service.ask("GET", "/health", "leaving").status == 200
    assert service.ask("DELETE", f"/tokens/{token.split('_')[1]}").status == 200
    assert service.ask("GET", "/health", "leaving").status == 403


def test_the_last_use_of_a_token_is_told(service: Service) -> None:
    token_id = service.credentials["read"]["Authorization"].split("_")[1]
    service.ask("GET", "/health", "read")
    (token,) = (token for token in service.ask("GET", "/tokens").json["items"] if token["token_id"] == token_id)
    assert token["last_used_at_ms"] >= token["created_at_ms"]


@pytest.mark.parametrize(
    "shape",
    [
        "{token}",
        "Bearer {secret}",
        "Bearer bw_{secret}",
        "Bearer bw_{secret}_{id}",
        "Bearer bw_{id}_{secret}x",
        "Bearer {token} {token}",
        "Basic {token}",
        'Bearer "{token}"',
        "Bearer bw_{id}_{secret_upper}",
        "token={token}",
    ],
)
def test_of_a_failed_try_the_log_has_the_reason_and_never_the_secret(
    service: Service, api_folder: Path, shape: str
) -> None:
    token = service.new_token(TokenScope.READ)
    _, token_id, secret = token.split("_")
    header = shape.format(token=token, id=token_id, secret=secret, secret_upper=secret.upper())
    service.credentials["odd"] = {"Authorization": header}
    log = api_folder / "api.log"
    before = len(log.read_text())
    assert service.ask("GET", f"/runs/{secret}", "odd").status == 403
    said = log.read_text()[before:]
    assert '"reason": "malformed"' in said
    assert '"asked": "GET/runs/..."' in said
    pieces = [secret[place : place + 12].lower() for place in range(len(secret) - 12)]
    assert not any(piece in said.lower() for piece in pieces), said


def refusal(said: str) -> dict[str, str]:
    """What the one refusal among these lines tells. Behind it are the ids of what the line is about."""
    (line,) = (line for line in said.splitlines() if "refused" in line)
    told, _ = json.JSONDecoder().raw_decode(line.partition("refused ")[2])
    return told


@pytest.mark.parametrize(
    ("kind", "reason"), [("wrong", "wrong_secret"), ("expired", "expired"), ("revoked", "revoked")]
)
def test_a_failed_try_with_a_whole_token_is_logged_with_its_id(
    service: Service, api_folder: Path, kind: str, reason: str
) -> None:
    log = api_folder / "api.log"
    before = len(log.read_text())
    service.ask("GET", "/workflows", kind)
    told = refusal(log.read_text()[before:])
    token_id = service.credentials[kind]["Authorization"].split("_")[1]
    assert told == {"token": token_id, "reason": reason, "asked": "GET/workflows", "source": "-"}


def test_what_a_scope_does_not_allow_is_logged_with_its_source(service: Service, api_folder: Path) -> None:
    log = api_folder / "api.log"
    before = len(log.read_text())
    service.ask("GET", "/tokens", "read")
    told = refusal(log.read_text()[before:])
    assert told["source"] == "127.0.0.1"
    assert told["reason"] == "this needs a token of scope 'admin'; this one's is 'read'"


def test_no_answer_of_the_gateway_tells_why(service: Service) -> None:
    told = {service.ask("GET", "/health", kind).body for kind in REFUSED_BY_GATEWAY if kind != "none"}
    assert len(told) == 1
