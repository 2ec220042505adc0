"""From a request to its answer: nobody is let through by oversight, pages fit, and what fails inside says nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import models as m
from chalicelib.api.http import pipeline
from chalicelib.api.http.pipeline import Answer, Asked, answer
from chalicelib.api.http.problems import mistake_of
from chalicelib.api.http.route_table import ROUTES, Route
from chalicelib.core.errors import AnswerTooLarge, Defect, TryAgain, UnknownRun, UnknownWorkflow

ADMIN = {"authorizer": {"token_id": "t", "scope": "admin", "workflow": ""}, "identity": {"sourceIp": "192.0.2.1"}}
ASKED = Asked(path={}, query={}, headers={}, body=b"", context=ADMIN, request_id="request-1")


def route(operation: str) -> Route:
    (found,) = (route for route in ROUTES if route.operation == operation)
    return found


def run(run_id: str, workflow: str, size: int = 0) -> m.Run:
    return m.Run(
        run_id=run_id,
        workflow=workflow,
        version=1,
        state="running",
        epoch=0,
        params={"p": "x" * size},
        created_at_ms=1,
    )


class Api:
    """As much of the Api as is asked here."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.limits: list[int] = []
        self.asked_for: list[str | None] = []
        self._raises = raises

    def health(self) -> m.Health:
        if self._raises:
            raise self._raises
        return m.Health(status="ok", stage="s", version="1")

    def runs(self, *, workflow: str | None, limit: int, **_: Any) -> m.Page[m.Run]:
        self.limits.append(limit)
        self.asked_for.append(workflow)
        return m.Page(items=[run(f"r-{number}", "films", 100_000) for number in range(limit)], next="more")

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        if run_id == "films-known":
            return run(run_id, "films")
        raise UnknownRun(f"there is no run '{run_id}'; did you mean 'films-known'?")


def told(reply: Answer) -> tuple[int, str]:
    return reply.status, json.loads(reply.body).get("type", "").rpartition(":")[2]


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"authorizer": None},
        {"authorizer": {}},
        {"authorizer": {"token_id": "t", "scope": "root", "workflow": ""}},
        {"authorizer": {"token_id": "t", "scope": "admin"}},
        {"identity": {"userArn": "arn:aws:iam::000000000000:user/somebody"}},
    ],
)
@pytest.mark.parametrize("operation", [route.operation for route in ROUTES])
def test_who_came_past_no_authorizer_is_refused_everywhere(operation: str, context: dict[str, Any]) -> None:
    reply = answer(route(operation), replace(ASKED, context=context), Api())  # type: ignore[arg-type]
    assert told(reply) == (403, "not_allowed")


def test_what_iam_lets_through_is_let_through_where_iam_is_trusted() -> None:
    context = {"identity": {"userArn": "arn:aws:iam::000000000000:user/somebody"}}
    reply = answer(route("health"), replace(ASKED, context=context), Api(), trusts_iam=True)  # type: ignore[arg-type]
    assert reply.status == 200


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"identity": None},
        {"identity": {"sourceIp": "192.0.2.1", "userArn": None}},
        {"identity": {"userArn": ""}},
        {"identity": {"userArn": {"arn": "x"}}},
        ADMIN,
        {"authorizer": {"token_id": "t", "scope": "read", "workflow": "films"}, "identity": {"userArn": None}},
        {
            "authorizer": {"token_id": "t", "scope": "read", "workflow": ""},
            "identity": {"userArn": "arn:aws:iam::000000000000:user/somebody"},
        },
    ],
)
@pytest.mark.parametrize("operation", [route.operation for route in ROUTES])
def test_where_iam_is_trusted_who_came_past_it_is_refused_everywhere(operation: str, context: dict[str, Any]) -> None:
    asked = replace(ASKED, context=context)
    reply = answer(route(operation), asked, Api(), trusts_iam=True)  # type: ignore[arg-type]
    assert told(reply) == (403, "not_allowed")


def test_a_page_of_large_things_has_fewer_of_them() -> None:
    api = Api()
    reply = answer(route("list_runs"), replace(ASKED, query={"limit": ["100"]}), api)  # type: ignore[arg-type]
    assert len(reply.body) <= pipeline.PAGE_BYTES_MAXIMUM
    assert api.limits[0] == 100
    assert len(json.loads(reply.body)["items"]) == api.limits[-1] > 10


def test_a_list_is_asked_for_the_tokens_workflow_alone() -> None:
    bound = {"authorizer": {"token_id": "t", "scope": "read", "workflow": "films"}}
    api = Api()
    answer(route("list_runs"), replace(ASKED, context=bound, query={"limit": ["1"]}), api)  # type: ignore[arg-type]
    assert api.asked_for == ["films"]
    other = replace(ASKED, context=bound, query={"workflow": ["trains"]})
    assert told(answer(route("list_runs"), other, api)) == (403, "not_allowed")  # type: ignore[arg-type]


def test_no_nearest_run_of_another_workflow_is_suggested_to_who_may_not_see_it() -> None:
    bound = {"authorizer": {"token_id": "t", "scope": "read", "workflow": "trains"}}
    for run_id in ("films-known", "films-knwn"):
        asked = replace(ASKED, context=bound, path={"run_id": run_id})
        reply = answer(route("get_run"), asked, Api())  # type: ignore[arg-type]
        assert told(reply) == (404, "unknown_run")
        assert json.loads(reply.body)["detail"] == f"there is no run '{run_id}' of workflow 'trains'"


BOUND = {"authorizer": {"token_id": "t", "scope": "admin", "workflow": "films"}}


class Workflows:
    """An Api that has `trains`, and `films` where it is said to be there."""

    def __init__(self, *, has_films: bool) -> None:
        self._has_films = has_films

    def workflows(self, *, limit: int, page: str | None) -> m.Page[m.WorkflowSummary]:
        trains = m.WorkflowSummary(name="trains", version=1, tasks=1, pushed_at_ms=1)
        return m.Page(items=[trains], next="a page that names trains")

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        if not self._has_films or version is not None:
            raise UnknownWorkflow("no workflow 'films' was pushed; did you mean 'film-secret'?")
        definition = {"name": name, "description": "All of them", "tasks": {"a": {}, "b": {}}}
        return m.Workflow(name=name, version=3, etag="e", pushed_at_ms=7, definition=definition)

    def runs(self, **_: Any) -> m.Page[m.Run]:
        raise UnknownWorkflow("no workflow 'films' was pushed; did you mean 'film-secret'?")

    def start_run(self, request: m.StartRun, idempotency_key: str) -> m.Run:
        raise UnknownWorkflow("no workflow 'films' was pushed; did you mean 'film-secret'?")


@pytest.mark.parametrize("limit", ["1", "1000"])
def test_the_list_of_workflows_is_the_tokens_own_and_leads_nowhere_else(limit: str) -> None:
    asked = replace(ASKED, context=BOUND, query={"limit": [limit]})
    own = {"name": "films", "version": 3, "description": "All of them", "tasks": 2, "pushed_at_ms": 7}
    for has_films, items in ((True, [own]), (False, [])):
        reply = answer(route("list_workflows"), asked, Workflows(has_films=has_films))  # type: ignore[arg-type]
        assert json.loads(reply.body) == {"items": items, "next": None}
    onward = replace(asked, query={"page": ["any"]})
    assert told(answer(route("list_workflows"), onward, Workflows(has_films=True))) == (400, "bad_page")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_workflow", {"path": {"name": "films"}}),
        ("get_version", {"path": {"name": "films", "version": "9"}}),
        ("list_runs", {}),
        ("start_run", {"body": b'{"workflow": "films"}', "headers": {"Idempotency-Key": "k"}}),
    ],
)
def test_no_name_of_another_workflow_is_suggested_to_who_may_not_see_it(operation: str, more: dict[str, Any]) -> None:
    asked = replace(ASKED, context=BOUND, **more)
    reply = answer(route(operation), asked, Workflows(has_films=False))  # type: ignore[arg-type]
    assert told(reply) == (404, "unknown_workflow")
    assert json.loads(reply.body)["detail"] == "no workflow 'films' was pushed, or no such version of it"


def test_a_service_that_is_down_is_told_without_its_words() -> None:
    reply = answer(route("health"), ASKED, Api(TryAgain("GetItem: https://secret.example")))  # type: ignore[arg-type]
    assert (told(reply), reply.headers["Retry-After"]) == ((503, "try_again"), "2")
    assert "secret" not in reply.body


@pytest.mark.parametrize("error", [Defect("x"), ValueError("x")])
def test_a_defect_is_not_made_an_answer_here(error: Exception) -> None:
    with pytest.raises(type(error)):
        answer(route("health"), ASKED, Api(error))  # type: ignore[arg-type]


def test_a_route_without_a_body_takes_none() -> None:
    reply = answer(route("health"), replace(ASKED, body=b"{}"), Api())  # type: ignore[arg-type]
    assert told(reply) == (400, "mistake")


@pytest.mark.parametrize("token_id", [f"bw_{'0' * 16}_{'a' * 64}", "a" * 64, "A" * 16])
def test_a_token_given_for_its_id_is_not_told_back(token_id: str) -> None:
    asked = replace(ASKED, path={"token_id": token_id})
    reply = answer(route("revoke_token"), asked, Api())  # type: ignore[arg-type]
    assert told(reply) == (404, "unknown_token")
    assert "aaaa" not in reply.body.lower()


class Large:
    """An Api that has one workflow, as large as is wanted."""

    def __init__(self, text: str) -> None:
        self._text = text

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        return m.Workflow(name=name, version=1, etag="e", pushed_at_ms=7, definition={"tasks": {"a": self._text}})

    def put_workflow(self, name: str, definition: Any, **options: Any) -> m.Workflow:
        return self.workflow(name)


@pytest.mark.parametrize("text", ["x" * 6_100_000, "\u0107" * 1_100_000, '"' * 1_600_000])
def test_an_answer_that_would_never_arrive_is_a_problem_that_says_so(text: str) -> None:
    reply = answer(route("get_workflow"), replace(ASKED, path={"name": "films"}), Large(text))  # type: ignore[arg-type]
    assert told(reply) == (500, "answer_too_large")
    detail = json.loads(reply.body)["detail"]
    assert detail.startswith("the answer may have 6,000,000 bytes, not 6,")
    mistake = mistake_of(json.loads(reply.body), None)
    assert (type(mistake), str(mistake)) == (AnswerTooLarge, detail)


def test_a_push_whose_answer_is_too_large_is_told_as_done() -> None:
    asked = replace(ASKED, path={"name": "films"}, body=b"{}")
    reply = answer(route("put_workflow"), asked, Large("x" * 6_100_000))  # type: ignore[arg-type]
    assert json.loads(reply.body)["detail"].startswith("what was asked for is done, but the answer may have")


def test_a_large_answer_that_fits_is_given() -> None:
    reply = answer(route("get_workflow"), replace(ASKED, path={"name": "f"}), Large("x" * 5_900_000))  # type: ignore[arg-type]
    assert reply.status == 200
