"""docs/reference/http-api.md: routes, parameters, models and problems, from the table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.http.openapi import document
from chalicelib.api.http.parameters import Count, Parameter
from chalicelib.api.http.problems import TYPE_PREFIX, kinds
from chalicelib.api.http.route_table import FILES, ROUTES, About, Route
from docs.generate.markdown import code, codes, line, page, section

ANOTHER = {About.NAMED: "403", About.BODY: "403", About.ALL: "403", About.RUN: "404", About.LISTED: "own"}
INTRO = """Bodies are JSON. Names are snake_case, and times are milliseconds since 1970. Answers only gain fields; \
an unknown field of a request is refused. `/openapi.json` has the whole as OpenAPI 3.1."""
WHO = """Each line names the least scope (`read`, `start` or `admin`), then what a token for *another* workflow \
gets: a status, `own` for only what is of its workflow, or `yes`. Without a credential the answer is 401; with a \
malformed, wrong, expired or revoked token, or a scope that is too small, it is 403. IAM, where the API trusts it, \
may do everything. A route with a name in its path may answer 404, one with a body 413 and 415. Any route may answer \
400, 401, 403, 405, 429, 500 and 503."""
LISTS = """A list is `{"items": [...], "next": "..."}`. Give `next` as `page`; null is the end. A page may have \
fewer items than `limit`, even none. The `next` of a log stays until the job has ended."""
HEADERS = (
    (
        "Idempotency-Key",
        "Required on `POST /runs`, 1 to 256 visible ASCII characters. Asking again starts no second run.",
    ),
    ("If-Match", "On a PUT or DELETE: the ETag of the latest version, or `*`. Otherwise 412."),
    ("If-None-Match", "On a GET of a workflow or the monitors: 304 if nothing changed."),
    ("X-Request-Id", "On every answer. It finds the request in the log."),
    ("Retry-After", "On 429 and 503, in seconds."),
)
NOTES = """`schedules_not_placed`: the push or deletion is done, but `detail` names schedules that EventBridge \
Scheduler does not hold yet. `answer_too_large` after a push: the push is done."""
GATEWAY = """API Gateway itself answers `{"message": "..."}`: 401 without a token, 403 for a bad token or path, 413 \
above 10 MB, 429 above the rate, 504 after 29 seconds."""
PROBLEM = f"""A refusal is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `request_id`, \
and for an invalid file `mistakes`, each with a JSON `pointer`, `text` and `suggestion`. `type` is `{TYPE_PREFIX}` \
and one of:"""


USUAL = (404, 413, 415)
"""Refusals that follow from the form of a route."""
PLAIN = ("limit", "page", "workflow", "state", "queue", "epoch", "count")
"""Parameters that need no sentence."""
SHOWN = ("Run", "Task", "Attempt", "Job")
"""Models of answers that the commands print too."""


def another(route: Route) -> str:
    """What a token gets that is good for another workflow alone."""
    return ANOTHER.get(route.about, "yes")


def make() -> str:
    return page(
        "HTTP API",
        "the table of routes",
        INTRO,
        section("Routes", WHO, "\n".join(map(_route, ROUTES))),
        section("Parameters", "\n".join(line(name, text) for name, text in _parameters().items())),
        section("Headers", "\n".join(line(name, text) for name, text in HEADERS)),
        section("Lists", LISTS),
        section(
            "Models",
            "`?` marks a field that a request may leave out. The others are in `/openapi.json`.",
            "\n".join(_models()),
        ),
        section("Problems", PROBLEM, _problems(), NOTES, GATEWAY),
    )


def _route(route: Route) -> str:
    statuses = " ".join(map(str, (*route.statuses, *(status for status in route.refusals if status not in USUAL))))
    text = f"{route.summary}."
    if route.query:
        text += f" {codes(parameter.name for parameter in route.query)}."
    if route.body:
        text += f" Takes {code(route.body)}."
    if route.answer:
        text += f" Answers {code(route.answer)}{'s' if route.many else ''}."
    return line(f"{route.method} {route.path}", text, f"{route.needs}, {another(route)}; {statuses}")


def _parameters() -> dict[str, str]:
    """Each parameter of a query once, with what it may be."""
    found: dict[str, str] = {}
    for parameter in (parameter for route in ROUTES for parameter in route.query):
        if parameter.name not in PLAIN:
            found.setdefault(parameter.name, f"{parameter.description}{_range(parameter)}")
    return found


def _range(parameter: Parameter) -> str:
    form = parameter.form
    return f" Default {form.default:,}." if isinstance(form, Count) and form.default is not None else ""


def _models() -> list[str]:
    schemas: Mapping[str, Any] = document()["components"]["schemas"]
    bodies = {route.body for route in ROUTES if route.body not in (None, *FILES)}
    return [
        _model(name, schema, name in bodies)
        for name, schema in sorted(schemas.items())
        if name in bodies or name in SHOWN
    ]


def _model(name: str, schema: Mapping[str, Any], is_body: bool) -> str:
    required = schema.get("required", ())
    fields = [code(f"{field}{'?' if is_body and field not in required else ''}") for field in schema["properties"]]
    return f"- **{name}**: {' '.join(fields)}"


def _problems() -> str:
    grouped: dict[int, list[str]] = {}
    for status, kind, _ in kinds():
        grouped.setdefault(status, []).append(kind)
    return "\n".join(f"- {status}: {codes(found)}" for status, found in sorted(grouped.items()))
