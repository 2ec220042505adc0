"""The operations of the HTTP API, by the names that route_table.py gives them: ask the Api, say what came of it.

Each is given the Api and a call whose parameters were read and checked, and whose caller was let through. What a route
answers in JSON is its model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from chalicelib.api import models as m
from chalicelib.api.http.access import Caller
from chalicelib.api.http.etags import matches, quoted
from chalicelib.api.job_query import filter_of, several
from chalicelib.api.port import Api
from chalicelib.api.to_models import summary_of
from chalicelib.core.errors import BadPage, UnknownWorkflow
from chalicelib.core.states import RunState, TaskState

S = TypeVar("S")


@dataclass(frozen=True)
class Call:
    """A request, read and checked. `values` are the path's and the query's, by name."""

    caller: Caller
    values: Mapping[str, Any]
    body: Any = None
    key: str = ""
    if_match: str | None = None
    if_none_match: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True)
class Told:
    """An answer: what of the API's models, and with which status and headers."""

    what: BaseModel | Mapping[str, Any] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def health(api: Api, call: Call) -> Told:
    return Told(api.health())


def openapi(api: Api, call: Call) -> Told:
    from chalicelib.api.http.openapi import document  # only who asks for it pays for making it

    return Told(document())


def list_workflows(api: Api, call: Call) -> Told:
    only = call.caller.workflow
    if only is None:
        return Told(api.workflows(limit=call["limit"], page=call["page"]))
    # Not the list without the others: where a page of it ends names one of them.
    if call["page"] is not None:
        raise BadPage("the list of one workflow has one page")
    with suppress(UnknownWorkflow):
        return Told(m.Page(items=[summary_of(api.workflow(only))]))
    return Told(m.Page[m.WorkflowSummary](items=[]))


def get_workflow(api: Api, call: Call) -> Told:
    return _workflow(api.workflow(call["name"]), call)


def get_version(api: Api, call: Call) -> Told:
    return _workflow(api.workflow(call["name"], call["version"]), call)


def _workflow(workflow: m.Workflow, call: Call) -> Told:
    headers = {"ETag": quoted(workflow.etag)}
    if call.if_none_match is not None and matches(call.if_none_match, workflow.etag):
        return Told(None, 304, headers)
    return Told(workflow, headers=headers)


def put_workflow(api: Api, call: Call) -> Told:
    before = _latest_version(api, call["name"])
    workflow = api.put_workflow(
        *(call["name"], call.body),
        if_match=call.if_match,
        revisions=several(call["revision"]),
        keep_schedules=call["keep_schedules"] == "true",
    )
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
    api.delete_workflow(call["name"], if_match=call.if_match)
    return Told(None, 204)


def _state(states: Callable[[str], S], call: Call) -> S | None:
    given: str | None = call["state"]
    return None if given is None else states(given)


def start_run(api: Api, call: Call) -> Told:
    run = api.start_run(call.body, call.key)
    return Told(run, 201, {"Location": f"/runs/{run.run_id}"})


def list_runs(api: Api, call: Call) -> Told:
    page = api.runs(
        workflow=call["workflow"],
        state=_state(RunState, call),
        since_ms=call["since_ms"],
        until_ms=call["until_ms"],
        limit=call["limit"],
        page=call["page"],
    )
    return Told(page)


def get_run(api: Api, call: Call) -> Told:
    return Told(api.run(call["run_id"], call["epoch"]))


def list_tasks(api: Api, call: Call) -> Told:
    page = api.tasks(
        call["run_id"],
        epoch=call["epoch"],
        state=_state(TaskState, call),
        limit=call["limit"],
        page=call["page"],
    )
    return Told(page)


def get_task(api: Api, call: Call) -> Told:
    return Told(api.task(call["run_id"], call["task"], call["epoch"]))


def get_timeline(api: Api, call: Call) -> Told:
    return Told(api.timeline(call["run_id"], epoch=call["epoch"], limit=call["limit"], page=call["page"]))


def get_failures(api: Api, call: Call) -> Told:
    return Told(api.failures(call["run_id"], call["epoch"]))


def get_run_notice(api: Api, call: Call) -> Told:
    return Told(api.run_notice(call["run_id"]))


def get_logs(api: Api, call: Call) -> Told:
    page = api.logs(
        call["run_id"],
        call["task"],
        epoch=call["epoch"],
        attempt=call["attempt"],
        job_try=call["try"],
        child=call["child"],
        tail=call["tail"],
        limit=call["limit"],
        page=call["page"],
    )
    return Told(page)


def list_events(api: Api, call: Call) -> Told:
    return Told(api.events(call["run_id"], limit=call["limit"], page=call["page"]))


def cancel_run(api: Api, call: Call) -> Told:
    return Told(api.cancel(call["run_id"], call.body))


def pause_run(api: Api, call: Call) -> Told:
    return Told(api.pause(call["run_id"]))


def resume_run(api: Api, call: Call) -> Told:
    return Told(api.resume(call["run_id"]))


def redrive_run(api: Api, call: Call) -> Told:
    return Told(api.redrive(call["run_id"], call.body))


def list_schedules(api: Api, call: Call) -> Told:
    return Told(m.Page(items=api.schedules(call["workflow"])))


def next_times(api: Api, call: Call) -> Told:
    times = api.next_times(call["workflow"], call["schedule"], count=call["count"], after_ms=call["after_ms"])
    return Told(m.Page(items=times))


def pause_schedule(api: Api, call: Call) -> Told:
    return Told(api.pause_schedule(call["workflow"], call["schedule"]))


def resume_schedule(api: Api, call: Call) -> Told:
    return Told(api.resume_schedule(call["workflow"], call["schedule"]))


def backfill(api: Api, call: Call) -> Told:
    return Told(api.backfill(call["workflow"], call["schedule"], call.body))


def list_jobs(api: Api, call: Call) -> Told:
    return Told(api.jobs(filter_of(call), limit=call["limit"], page=call["page"]))


def get_job(api: Api, call: Call) -> Told:
    return Told(api.job(call["job_id"]))


def get_job_logs(api: Api, call: Call) -> Told:
    page = api.job_logs(
        call["job_id"],
        job_try=call["try"],
        child=call["child"],
        tail=call["tail"],
        limit=call["limit"],
        page=call["page"],
    )
    return Told(page)


def get_monitors(api: Api, call: Call) -> Told:
    return _monitors(api.monitors(), call)


def put_monitors(api: Api, call: Call) -> Told:
    return _monitors(api.put_monitors(call.body, if_match=call.if_match), call)


def _monitors(monitors: m.Monitors, call: Call) -> Told:
    headers = {"ETag": quoted(monitors.etag)}
    if call.if_none_match is not None and matches(call.if_none_match, monitors.etag):
        return Told(None, 304, headers)
    return Told(monitors, headers=headers)


def delete_monitors(api: Api, call: Call) -> Told:
    api.delete_monitors(if_match=call.if_match)
    return Told(None, 204)


def list_tokens(api: Api, call: Call) -> Told:
    return Told(m.Page(items=api.tokens()))


def create_token(api: Api, call: Call) -> Told:
    created = api.create_token(call.body)
    return Told(created, 201, {"Location": f"/tokens/{created.token.token_id}", "Cache-Control": "no-store"})


def revoke_token(api: Api, call: Call) -> Told:
    return Told(api.revoke_token(call["token_id"]))


OPERATIONS: Mapping[str, Callable[[Api, Call], Told]] = {
    operation.__name__: operation
    for operation in (
        *(health, openapi, list_workflows, get_workflow, put_workflow, delete_workflow, get_version),
        *(list_runs, start_run, get_run, list_tasks, get_task, get_logs, list_events),
        *(get_timeline, get_failures, get_run_notice),
        *(cancel_run, pause_run, resume_run, redrive_run),
        *(list_schedules, next_times, pause_schedule, resume_schedule, backfill),
        *(list_jobs, get_job, get_job_logs),
        *(get_monitors, put_monitors, delete_monitors),
        *(list_tokens, create_token, revoke_token),
    )
}
