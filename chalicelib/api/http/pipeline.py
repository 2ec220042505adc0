"""From a request to its answer: who may, what is asked, what the Api says, and what went wrong.

Knows nothing of Chalice (chalicelib/api/http/chalice_routes.py does) and nothing of any single route (handlers.py).
Loaded with the first request, for the models need pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from chalicelib.api import models
from chalicelib.api.http.access import Caller, caller_of, check_scope, check_workflow, tell_refused
from chalicelib.api.http.handlers import OPERATIONS, Call, Told
from chalicelib.api.http.parse_request import read_body, read_headers, read_path, read_query, read_value
from chalicelib.api.http.problems import CONTENT_TYPE, Problem, problem_of
from chalicelib.api.http.route_table import FILES, About, Route
from chalicelib.api.port import Api
from chalicelib.core import errors

PAGE_BYTES_MAXIMUM = 4_500_000
"""Of a page, which can have fewer things."""
ANSWER_BYTES_MAXIMUM = 6_000_000
"""Of what cannot be told in parts. A Lambda answers with 6 MiB at most, in which the body is text within JSON, and its
headers are; API Gateway makes a 502 of more."""


@dataclass(frozen=True)
class Asked:
    """A request as it came: `path` are the values in its path, `context` what API Gateway says of it."""

    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes
    context: Mapping[str, Any]
    request_id: str

    @property
    def source(self) -> str:
        """Where it came from."""
        return str((self.context.get("identity") or {}).get("sourceIp") or "-")


@dataclass(frozen=True)
class Answer:
    """An answer as it goes out; no body is an empty one."""

    status: int
    headers: Mapping[str, str]
    body: str


def answer(route: Route, asked: Asked, api: Api, *, trusts_iam: bool = False) -> Answer:
    """What the route answers. Raises what nobody raised on purpose: that is logged, and answered by `failed`."""
    try:
        told = _told(route, asked, api, caller_of(asked.context, trusts_iam=trusts_iam))
        body = _fitting(told, route)
    except errors.BatchwrightError as error:
        if isinstance(error, errors.Defect):
            raise
        return refused(problem_of(error), asked.request_id)
    content = {"Content-Type": "application/json"} if body else {}
    return Answer(told.status, {**content, **told.headers}, body)


def refused(problem: Problem, request_id: str) -> Answer:
    """A problem as an answer."""
    headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return Answer(problem.status, headers, json.dumps(problem.document(request_id)))


def _told(route: Route, asked: Asked, api: Api, caller: Caller) -> Told:
    try:
        check_scope(caller, route)
        call = _call(route, asked, api, caller)
    except errors.NotAllowed as error:
        tell_refused(caller.who, str(error), f"{route.method} {route.path}", asked.source)
        raise
    told = _done(route, api, call)
    while route.answer and told.what is not None and "limit" in call.query:
        size = _bytes_within_json(_written(told.what))
        limit: int = call.query["limit"]
        if size <= PAGE_BYTES_MAXIMUM or limit == 1:
            break
        # A page of large things has fewer of them.
        fewer = max(1, limit * PAGE_BYTES_MAXIMUM // (2 * size))
        call = replace(call, query={**call.query, "limit": fewer})
        told = _done(route, api, call)
    return told


def _done(route: Route, api: Api, call: Call) -> Told:
    try:
        return OPERATIONS[route.operation](api, call)
    except errors.UnknownWorkflow:
        only = call.caller.workflow
        if only is None:
            raise
        # The nearest name is another workflow's.
        raise errors.UnknownWorkflow(f"no workflow '{only}' was pushed, or no such version of it") from None


def _call(route: Route, asked: Asked, api: Api, caller: Caller) -> Call:
    """The request, read and checked; what it is about is held against the caller's workflow first."""
    if route.about is About.NAMED:
        check_workflow(caller, asked.path.get("name") or asked.path["workflow"])
    path = read_path(route.path_parameters, asked.path)
    query = read_query(route.query, asked.query)
    if route.about is About.RUN:
        _check_run(api, caller, path["run_id"])
    if route.about is About.LISTED and "workflow" in query and caller.workflow is not None:
        check_workflow(caller, query["workflow"] or caller.workflow)
        query["workflow"] = caller.workflow
    headers = read_headers(route.headers, asked.headers)
    body = _body(route, asked)
    if route.about is About.BODY:
        check_workflow(caller, body.workflow)
    return Call(caller, (*path.values(), *(() if route.body is None else (body,))), query, headers)


def _check_run(api: Api, caller: Caller, run_id: str) -> None:
    """Another workflow's run is as if there were none; no nearest id is told, for it may be another's too."""
    if caller.workflow is None:
        return
    unknown = errors.UnknownRun(f"there is no run '{run_id}' of workflow '{caller.workflow}'")
    try:
        run = api.run(run_id)
    except errors.UnknownRun:
        raise unknown from None
    if run.workflow != caller.workflow:
        raise unknown


def _body(route: Route, asked: Asked) -> Any:
    maximum = route.body_bytes_maximum
    if route.body is None:
        if asked.body.strip():
            raise errors.UserMistake("this takes no body")
        return None
    if route.body in FILES:
        return read_value(asked.body, maximum)
    model: type[BaseModel] = getattr(models, route.body)
    return read_body(model, asked.body, maximum)


def _written(what: BaseModel | Mapping[str, Any]) -> str:
    if isinstance(what, BaseModel):
        return what.model_dump_json()
    return json.dumps(what, ensure_ascii=False)


def _fitting(told: Told, route: Route) -> str:
    """The body of an answer. Raises AnswerTooLarge for one that would never arrive."""
    body = "" if told.what is None else _written(told.what)
    size = _bytes_within_json(body)
    if size > ANSWER_BYTES_MAXIMUM:
        done = "" if route.method == "GET" else "what was asked for is done, but "
        raise errors.AnswerTooLarge(
            f"{done}the answer may have {ANSWER_BYTES_MAXIMUM:,} bytes, not {size:,}; with AWS credentials "
            "(--stage in place of --api) there is no such limit"
        )
    return body


def _bytes_within_json(body: str) -> int:
    """How large the body is in what a Lambda answers: Lambda's Python below 3.12 escapes there what is not ASCII."""
    return len(json.dumps(body))
