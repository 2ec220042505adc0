"""The operations of the HTTP API, by the names that route_table.py gives them: ask the Api, and make its answer one.

Each gets the Api and a call whose parameters were read and checked, and whose caller was let through. An operation that
only asks the Api is a row of a table; one that adds a status or a header is a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.api import models as m
from chalicelib.api.http.access import Caller
from chalicelib.api.http.etags import matches, quoted
from chalicelib.api.port import Api
from chalicelib.api.to_models import summary_of
from chalicelib.core.batch.job_record import JobFilter
from chalicelib.core.errors import BadPage, UnknownWorkflow


@dataclass(frozen=True)
class Call:
    """A request, read and checked.

    `arguments` are the values of its path in their order, then its body if the route takes one. Those of its query and
    of its headers have the names of the Api's arguments."""

    caller: Caller
    arguments: tuple[Any, ...]
    query: Mapping[str, Any]
    headers: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """An answer: what of the API's models, and with which status and headers."""

    what: BaseModel | Mapping[str, Any] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def openapi(api: Api, call: Call) -> Told:
    from chalicelib.api.http.openapi import document  # only who asks for it pays for making it

    return Told(document())


def list_workflows(api: Api, call: Call) -> Told:
    only = call.caller.workflow
    if only is None:
        return Told(api.workflows(**call.query))
    # Not the list without the others: where a page of it ends names one of them.
    if call.query["page"] is not None:
        raise BadPage("the list of one workflow has one page")
    with suppress(UnknownWorkflow):
        return Told(m.Page(items=[summary_of(api.workflow(only))]))
    return Told(m.Page[m.WorkflowSummary](items=[]))


def get_workflow(api: Api, call: Call) -> Told:
    return _named_by_etag(api.workflow(*call.arguments), call)


def get_version(api: Api, call: Call) -> Told:
    return _named_by_etag(api.workflow(*call.arguments), call)


def _named_by_etag(what: m.Workflow | m.Monitors, call: Call) -> Told:
    """The content with its ETag, or 304 if the caller has it already."""
    headers = {"ETag": quoted(what.etag)}
    if matches(call.headers.get("if_none_match", ()), what.etag):
        return Told(None, 304, headers)
    return Told(what, headers=headers)


def put_workflow(api: Api, call: Call) -> Told:
    name, definition = call.arguments
    before = _latest_version(api, name)
    workflow = api.put_workflow(name, definition, **call.query, **call.headers)
    headers = {"ETag": quoted(workflow.etag)}
    if workflow.version == before:
        return Told(workflow, headers=headers)
    location = f"/workflows/{workflow.name}/versions/{workflow.version}"
    return Told(workflow, 201, {**headers, "Location": location})


def _latest_version(api: Api, name: str) -> int:
    try:
        return api.workflow(name).version
    except UnknownWorkflow:
        return 0


def delete_workflow(api: Api, call: Call) -> Told:
    api.delete_workflow(*call.arguments, **call.headers)
    return Told(None, 204)


def start_run(api: Api, call: Call) -> Told:
    run = api.start_run(*call.arguments, **call.headers)
    return Told(run, 201, {"Location": f"/runs/{run.run_id}"})


def list_jobs(api: Api, call: Call) -> Told:
    wanted = dict(call.query)
    limit, page = wanted.pop("limit"), wanted.pop("page")
    return Told(api.jobs(JobFilter(**wanted), limit=limit, page=page))


def get_monitors(api: Api, call: Call) -> Told:
    return _named_by_etag(api.monitors(), call)


def put_monitors(api: Api, call: Call) -> Told:
    return _named_by_etag(api.put_monitors(*call.arguments, **call.headers), call)


def delete_monitors(api: Api, call: Call) -> Told:
    api.delete_monitors(**call.headers)
    return Told(None, 204)


def create_token(api: Api, call: Call) -> Told:
    created = api.create_token(*call.arguments)
    return Told(created, 201, {"Location": f"/tokens/{created.token.token_id}", "Cache-Control": "no-store"})


_PLAIN: Mapping[str, Callable[[Api, Call], BaseModel]] = {
    "health": lambda api, call: api.health(),
    "list_runs": lambda api, call: api.runs(**call.query),
    "get_run": lambda api, call: api.run(*call.arguments, **call.query),
    "list_tasks": lambda api, call: api.tasks(*call.arguments, **call.query),
    "get_task": lambda api, call: api.task(*call.arguments, **call.query),
    "get_timeline": lambda api, call: api.timeline(*call.arguments, **call.query),
    "get_failures": lambda api, call: api.failures(*call.arguments, **call.query),
    "get_run_notice": lambda api, call: api.run_notice(*call.arguments),
    "get_logs": lambda api, call: api.logs(*call.arguments, **call.query),
    "list_events": lambda api, call: api.events(*call.arguments, **call.query),
    "cancel_run": lambda api, call: api.cancel(*call.arguments),
    "pause_run": lambda api, call: api.pause(*call.arguments),
    "resume_run": lambda api, call: api.resume(*call.arguments),
    "redrive_run": lambda api, call: api.redrive(*call.arguments),
    "list_schedules": lambda api, call: m.Page(items=api.schedules(**call.query)),
    "next_times": lambda api, call: m.Page(items=api.next_times(*call.arguments, **call.query)),
    "pause_schedule": lambda api, call: api.pause_schedule(*call.arguments),
    "resume_schedule": lambda api, call: api.resume_schedule(*call.arguments),
    "backfill": lambda api, call: api.backfill(*call.arguments),
    "get_job": lambda api, call: api.job(*call.arguments),
    "get_job_logs": lambda api, call: api.job_logs(*call.arguments, **call.query),
    "list_tokens": lambda api, call: m.Page(items=api.tokens()),
    "revoke_token": lambda api, call: api.revoke_token(*call.arguments),
}
"""The operations whose answer is what the Api says, and nothing else."""


def _plainly(ask: Callable[[Api, Call], BaseModel]) -> Callable[[Api, Call], Told]:
    return lambda api, call: Told(ask(api, call))


OPERATIONS: Mapping[str, Callable[[Api, Call], Told]] = {
    **{name: _plainly(ask) for name, ask in _PLAIN.items()},
    **{
        operation.__name__: operation
        for operation in (
            *(openapi, list_workflows, get_workflow, get_version, put_workflow, delete_workflow),
            *(start_run, list_jobs, get_monitors, put_monitors, delete_monitors, create_token),
        )
    },
}
