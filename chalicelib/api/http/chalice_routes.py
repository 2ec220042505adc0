"""The HTTP API as Chalice serves it: a view for every route of the table, and one form for every answer.

Owns what is Chalice's: requests in, responses out, what Chalice itself refuses, and what nobody foresaw. What a request
means is pipeline.py's, which is loaded with the first one: a function that only follows events needs no pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chalice.app import Blueprint, Request, Response

from chalicelib.api.http.route_table import ROUTES, Route

if TYPE_CHECKING:
    from chalicelib.api.port import Api

ApiOf = Callable[[str], "Api"]
"""The Api for one request, which is named by its id."""

REQUEST_ID = "X-Request-Id"
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
_TITLES = {
    405: ("method_not_allowed", "The method is not one of this path"),
    415: ("unsupported_media_type", "The body's Content-Type is not application/json"),
}
"""What Chalice refuses before a view is called, by status: the kind of problem and its title."""


def http_routes(api_of: ApiOf, authorizer: Any, *, trusts_iam: bool) -> Blueprint:
    """The routes, closed by that authorizer. `trusts_iam`: whoever IAM lets through may do everything."""
    blueprint = Blueprint(__name__)
    for route in ROUTES:
        content_types = ["application/json"] if route.body else ["*/*"]
        register = blueprint.route(
            route.path, name=route.operation, methods=[route.method], authorizer=authorizer, content_types=content_types
        )
        register(_view(blueprint, api_of, route, trusts_iam))
    blueprint.register_middleware(_in_one_form, "http")
    return blueprint


def _view(blueprint: Blueprint, api_of: ApiOf, route: Route, trusts_iam: bool) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        from chalicelib.api.http.pipeline import Asked, answer, refused
        from chalicelib.api.http.problems import Problem

        request = blueprint.current_request
        asked = Asked(
            path={name: unquote(value) for name, value in path.items()},
            query=_query(request),
            headers=request.headers,
            body=_body(request),
            context=request.context,
            request_id=_request_id(request),
        )
        if route.body and asked.body and not request.headers.get("content-type"):
            # Chalice takes a body of no type for JSON.
            told = refused(Problem(415, *_TITLES[415]), asked.request_id)
        else:
            told = answer(route, asked, api_of(asked.request_id), trusts_iam=trusts_iam)
        return Response(told.body, dict(told.headers), told.status)

    view.__doc__ = f"{route.summary}."
    return view


def _in_one_form(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """The request's id on every answer, and every refusal as a problem, also Chalice's own."""
    response = get_response(request)
    request_id = _request_id(request)
    if response.status_code >= 400 and isinstance(response.body, dict):
        response = _problem(response, request_id)
    response.headers = {**_SAFE, **response.headers, REQUEST_ID: request_id}
    return response


def _problem(response: Response, request_id: str) -> Response:
    """What Chalice refused, or what failed: its exception is in the log and nowhere else."""
    from chalicelib.api.http.problems import CONTENT_TYPE, Problem, problem_of

    status = response.status_code
    problem = problem_of(Exception())
    if status in _TITLES:
        problem = Problem(status, *_TITLES[status])
    headers = {**response.headers, "Content-Type": CONTENT_TYPE}
    return Response(json.dumps(problem.document(request_id)), headers, problem.status)


def _body(request: Request) -> bytes:
    body = request.raw_body
    return body.encode() if isinstance(body, str) else body


def _query(request: Request) -> dict[str, list[str]]:
    given: Any = request.query_params or {}
    return {name: given.getlist(name) for name in given}


def _request_id(request: Request) -> str:
    context: Any = request.lambda_context
    return str(context.aws_request_id)
