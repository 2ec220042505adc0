"""The API of a Batchwright somewhere, over HTTP: the protocol of chalicelib/api/port.py for an address and a token.

Owns which request each method is and which error each answer is. The connection is http_wire.py's. What the API refuses
raises the same errors as in process; what it cannot do now, and what the network does, raise TryAgain.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, TypeAdapter, ValidationError

from batchwright.client.http_wire import Response, Wire
from chalicelib.api import models as m
from chalicelib.api.http.etags import ANY
from chalicelib.api.http.json_body import check_escaped_size
from chalicelib.api.http.parameters import written
from chalicelib.api.http.problems import CONTENT_TYPE, NOT_PLACED, TYPE_PREFIX, mistake_of
from chalicelib.api.http.route_table import ROUTE_OF, Route
from chalicelib.core import errors
from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter
from chalicelib.core.mistakes import joined
from chalicelib.core.pydantic_rules import rule_of
from chalicelib.core.states import RunState, TaskState
from chalicelib.core.tokens import TOKEN_FORM, is_token

T = TypeVar("T")


class HttpApi:
    """The API at an address such as https://HOST/api, for the holder of a token; space around the token is no part of
    it, as a file or a variable may end in a newline. Raises UserMistake for a text that has not the form of a token."""

    def __init__(self, address: str, token: str, *, wire: Wire | None = None) -> None:
        self._wire = wire or Wire(address, {"Authorization": _bearer(token), "Accept": "application/json"})

    # Workflows

    def put_workflow(
        self,
        name: str,
        definition: Mapping[str, Any],
        *,
        if_match: str | None = None,
        revisions: Collection[str] = (),
        keep_schedules: bool = False,
    ) -> m.Workflow:
        response = self._ask(
            "put_workflow",
            name,
            body=definition,
            # Sent twice, the second would find what the first one left, and that is not what If-Match names.
            is_repeatable=if_match in (None, ANY),
            if_match=if_match,
            revisions=revisions,
            keep_schedules=keep_schedules,
        )
        return self._read(m.Workflow, response)

    def workflows(self, *, limit: int = 100, page: str | None = None) -> m.Page[m.WorkflowSummary]:
        return self._read(m.Page[m.WorkflowSummary], self._ask("list_workflows", limit=limit, page=page))

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        if version is None:
            return self._read(m.Workflow, self._ask("get_workflow", name))
        return self._read(m.Workflow, self._ask("get_version", name, version))

    def delete_workflow(self, name: str, *, if_match: str | None = None) -> None:
        self._ask("delete_workflow", name, if_match=if_match, is_repeatable=False)

    # Runs

    def start_run(self, request: m.StartRun, idempotency_key: str) -> m.Run:
        response = self._ask("start_run", body=request, idempotency_key=idempotency_key, is_repeatable=True)
        return self._read(m.Run, response)

    def runs(
        self,
        *,
        workflow: str | None = None,
        state: RunState | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 20,
        page: str | None = None,
    ) -> m.Page[m.Run]:
        response = self._ask(
            "list_runs",
            workflow=workflow,
            state=state,
            since_ms=since_ms,
            until_ms=until_ms,
            limit=limit,
            page=page,
        )
        return self._read(m.Page[m.Run], response)

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        return self._read(m.Run, self._ask("get_run", run_id, epoch=epoch))

    def tasks(
        self,
        run_id: str,
        *,
        epoch: int | None = None,
        state: TaskState | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.Page[m.Task]:
        response = self._ask("list_tasks", run_id, epoch=epoch, state=state, limit=limit, page=page)
        return self._read(m.Page[m.Task], response)

    def task(self, run_id: str, name: str, epoch: int | None = None) -> m.Task:
        return self._read(m.Task, self._ask("get_task", run_id, name, epoch=epoch))

    def timeline(
        self, run_id: str, *, epoch: int | None = None, limit: int = 1000, page: str | None = None
    ) -> m.Timeline:
        return self._read(m.Timeline, self._ask("get_timeline", run_id, epoch=epoch, limit=limit, page=page))

    def failures(self, run_id: str, epoch: int | None = None) -> m.Failures:
        return self._read(m.Failures, self._ask("get_failures", run_id, epoch=epoch))

    def run_notice(self, run_id: str) -> m.RunNotice:
        return self._read(m.RunNotice, self._ask("get_run_notice", run_id))

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        epoch: int | None = None,
        attempt: int | None = None,
        job_try: int | None = None,
        child: int | None = None,
        tail: int | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.LogPage:
        which: dict[str, Any] = {"epoch": epoch, "attempt": attempt, "job_try": job_try, "child": child}
        return self._read(m.LogPage, self._ask("get_logs", run_id, task, **which, tail=tail, limit=limit, page=page))

    def events(self, run_id: str, *, limit: int = 1000, page: str | None = None) -> m.Page[m.Event]:
        return self._read(m.Page[m.Event], self._ask("list_events", run_id, limit=limit, page=page))

    # Actions: each may be asked for twice, a redrive only if it names the epoch that it follows.

    def cancel(self, run_id: str, request: m.Cancel) -> m.Acted:
        return self._read(m.Acted, self._ask("cancel_run", run_id, body=request))

    def pause(self, run_id: str) -> m.Acted:
        return self._read(m.Acted, self._ask("pause_run", run_id))

    def resume(self, run_id: str) -> m.Acted:
        return self._read(m.Acted, self._ask("resume_run", run_id))

    def redrive(self, run_id: str, request: m.Redrive) -> m.Acted:
        is_repeatable = request.epoch is not None
        return self._read(m.Acted, self._ask("redrive_run", run_id, body=request, is_repeatable=is_repeatable))

    # Schedules

    def schedules(self, workflow: str | None = None) -> list[m.Schedule]:
        return self._read(m.Page[m.Schedule], self._ask("list_schedules", workflow=workflow)).items

    def next_times(self, workflow: str, schedule: str, *, count: int = 10, after_ms: int | None = None) -> list[int]:
        response = self._ask("next_times", workflow, schedule, count=count, after_ms=after_ms)
        return self._read(m.Page[int], response).items

    def pause_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        return self._read(m.Schedule, self._ask("pause_schedule", workflow, schedule, is_repeatable=True))

    def resume_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        return self._read(m.Schedule, self._ask("resume_schedule", workflow, schedule, is_repeatable=True))

    def backfill(self, workflow: str, schedule: str, request: m.Backfill) -> m.Backfilled:
        # A time of a schedule starts one run, however often it is asked for.
        return self._read(m.Backfilled, self._ask("backfill", workflow, schedule, body=request, is_repeatable=True))

    # Jobs

    def jobs(self, wanted: JobFilter = EVERY_JOB, *, limit: int = 100, page: str | None = None) -> m.JobPage:
        filters: dict[str, Any] = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
        return self._read(m.JobPage, self._ask("list_jobs", **filters, limit=limit, page=page))

    def job(self, job_id: str) -> m.Job:
        return self._read(m.Job, self._ask("get_job", job_id))

    def job_logs(
        self,
        job_id: str,
        *,
        job_try: int | None = None,
        child: int | None = None,
        tail: int | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.LogPage:
        response = self._ask("get_job_logs", job_id, job_try=job_try, child=child, tail=tail, limit=limit, page=page)
        return self._read(m.LogPage, response)

    # Monitors

    def monitors(self) -> m.Monitors:
        return self._read(m.Monitors, self._ask("get_monitors"))

    def put_monitors(self, definition: Mapping[str, Any], *, if_match: str | None = None) -> m.Monitors:
        is_repeatable = if_match in (None, ANY)
        response = self._ask("put_monitors", body=definition, if_match=if_match, is_repeatable=is_repeatable)
        return self._read(m.Monitors, response)

    def delete_monitors(self, *, if_match: str | None = None) -> None:
        self._ask("delete_monitors", if_match=if_match, is_repeatable=if_match is None)

    # Tokens

    def create_token(self, request: m.NewToken) -> m.CreatedToken:
        return self._read(m.CreatedToken, self._ask("create_token", body=request))

    def tokens(self) -> list[m.Token]:
        return self._read(m.Page[m.Token], self._ask("list_tokens")).items

    def revoke_token(self, token_id: str) -> m.Token:
        return self._read(m.Token, self._ask("revoke_token", token_id))

    def health(self) -> m.Health:
        return self._read(m.Health, self._ask("health"))

    # The wire

    def _ask(
        self,
        operation: str,
        *path: Any,
        body: BaseModel | Mapping[str, Any] | None = None,
        is_repeatable: bool | None = None,
        **options: Any,
    ) -> Response:
        """The good answer to a request of a route (route_table.py).

        `path` are the values in its path. `options` are those of its query and headers, by the names of the Api's
        arguments. A text in the path that no name can be is refused here, because it might lead to another path.
        """
        route = ROUTE_OF[operation]
        assert {*options} <= {parameter.key for parameter in (*route.query, *route.headers)}, operation
        headers = written(route.headers, options)
        query = written(route.query, options)
        target = _filled(route, path) + (f"?{urlencode(query)}" if query else "")
        content = _json(body)
        if content is not None:
            # API Gateway's own refusal says neither the size nor what to do.
            check_escaped_size(content)
            headers["Content-Type"] = "application/json"
        # A GET, a PUT and a DELETE of ours leave the same behind, once or twice.
        repeatable = route.method != "POST" if is_repeatable is None else is_repeatable
        response = self._wire.ask(route.method, target, headers=headers, body=content, is_repeatable=repeatable)
        if response.status >= 300:
            self._refused(response, body)
        return response

    def _read(self, kind: type[T], response: Response) -> T:
        try:
            return TypeAdapter(kind).validate_python(response.json(), strict=False)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            rule = rule_of(first["type"], first.get("ctx", {}), mapping="an object")
            raise errors.TryAgain(
                f"the API at {self._wire.address} answered what this version does not understand "
                f"({joined(first['loc'])} {rule or 'must be there, and of another form'}); are both of one version?"
            ) from None

    def _refused(self, response: Response, sent: Any) -> NoReturn:
        """Raise what an answer says that is no good one."""
        if response.headers.get("content-type", "").startswith(CONTENT_TYPE):
            document = response.json()
            if mistake := mistake_of(document, sent):
                raise mistake
            if document.get("type") == f"{TYPE_PREFIX}{NOT_PLACED}":
                raise errors.SchedulesNotPlaced(str(document.get("detail")))
            told = f"{document.get('title')} (request {document.get('request_id')})"
            raise errors.TryAgain(f"the API at {self._wire.address} answered {response.status}: {told}")
        if response.status in (401, 403):
            raise errors.NotAllowed(
                f"the API at {self._wire.address} does not take this token: it is wrong, revoked or past its end, "
                "or there is no API at that address"
            )
        raise errors.TryAgain(f"the API at {self._wire.address} answered {response.status}")


def _bearer(token: str) -> str:
    """The token as a header. A mistake says nothing of the text, for the secret may be anywhere in it."""
    stripped = token.strip()
    if not is_token(stripped):
        raise errors.UserMistake(f"that is no token: one is {TOKEN_FORM}")
    return f"Bearer {stripped}"


def _filled(route: Route, values: Sequence[Any]) -> str:
    """The path of a route with these values."""
    path = route.path
    for parameter, value in zip(route.path_parameters, values, strict=True):
        text = str(parameter.write(value))
        parameter.refuse(parameter.form.broken(text))
        path = path.replace(f"{{{parameter.name}}}", quote(text, safe=":"))
    return path


def _json(body: BaseModel | Mapping[str, Any] | None) -> bytes | None:
    if isinstance(body, BaseModel):
        return body.model_dump_json(exclude_unset=True).encode()
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()
