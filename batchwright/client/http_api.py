"""The API of a Batchwright somewhere, over HTTP: the protocol of chalicelib/api/port.py for an address and a token.

Owns which request each method is and which error each answer is. The connection is http_wire.py's. What the API refuses
raises the same errors as in process; what it cannot do now, and what the network does, raise TryAgain.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, TypeAdapter, ValidationError

from batchwright.client.http_wire import Response, Wire
from chalicelib.api import models as m
from chalicelib.api.http.json_body import check_escaped_size
from chalicelib.api.http.problems import CONTENT_TYPE, NOT_PLACED, TYPE_PREFIX, mistake_of
from chalicelib.api.http.route_table import PATH_PARAMETERS
from chalicelib.api.job_query import query_of
from chalicelib.core import errors
from chalicelib.core.batch.job_record import EVERY_JOB, JobFilter
from chalicelib.core.pydantic_rules import rule_of
from chalicelib.core.states import RunState, TaskState
from chalicelib.core.tokens import TOKEN_FORM, is_token

T = TypeVar("T")
Path = Sequence[str | tuple[str, str]]
"""The pieces of a path; those with the kind of their name are somebody's."""

_UNKNOWN = {
    "name": errors.UnknownWorkflow,
    "run_id": errors.UnknownRun,
    "task": errors.UnknownTask,
    "schedule": errors.UnknownSchedule,
    "job_id": errors.UnknownJob,
    "token_id": errors.UnknownToken,
}


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
        headers = {} if if_match is None else {"If-Match": _quoted(if_match)}
        # Sent twice, the second would find what the first one left, and that is not what If-Match names.
        repeatable = if_match in (None, "*")
        path: Path = ["workflows", ("name", name)]
        query = {"revision": ",".join(revisions) or None, "keep_schedules": "true" if keep_schedules else None}
        response = self._ask("PUT", path, query=query, body=definition, headers=headers, is_repeatable=repeatable)
        return self._read(m.Workflow, response)

    def workflows(self, *, limit: int = 100, page: str | None = None) -> m.Page[m.WorkflowSummary]:
        return self._read(
            m.Page[m.WorkflowSummary], self._ask("GET", ["workflows"], query={"limit": limit, "page": page})
        )

    def workflow(self, name: str, version: int | None = None) -> m.Workflow:
        versions = [] if version is None else ["versions", str(version)]
        return self._read(m.Workflow, self._ask("GET", ["workflows", ("name", name), *versions]))

    def delete_workflow(self, name: str, *, if_match: str | None = None) -> None:
        headers = {} if if_match is None else {"If-Match": _quoted(if_match)}
        self._ask("DELETE", ["workflows", ("name", name)], headers=headers, is_repeatable=False)

    # Runs

    def start_run(self, request: m.StartRun, idempotency_key: str) -> m.Run:
        headers = {"Idempotency-Key": idempotency_key}
        return self._read(m.Run, self._ask("POST", ["runs"], body=request, headers=headers, is_repeatable=True))

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
        query = {
            "workflow": workflow,
            "state": state,
            "since_ms": since_ms,
            "until_ms": until_ms,
            "limit": limit,
            "page": page,
        }
        return self._read(m.Page[m.Run], self._ask("GET", ["runs"], query=query))

    def run(self, run_id: str, epoch: int | None = None) -> m.Run:
        return self._read(m.Run, self._ask("GET", ["runs", ("run_id", run_id)], query={"epoch": epoch}))

    def tasks(
        self,
        run_id: str,
        *,
        epoch: int | None = None,
        state: TaskState | None = None,
        limit: int = 1000,
        page: str | None = None,
    ) -> m.Page[m.Task]:
        query = {"epoch": epoch, "state": state, "limit": limit, "page": page}
        return self._read(m.Page[m.Task], self._ask("GET", ["runs", ("run_id", run_id), "tasks"], query=query))

    def task(self, run_id: str, name: str, epoch: int | None = None) -> m.Task:
        path: Path = ["runs", ("run_id", run_id), "tasks", ("task", name)]
        return self._read(m.Task, self._ask("GET", path, query={"epoch": epoch}))

    def timeline(
        self, run_id: str, *, epoch: int | None = None, limit: int = 1000, page: str | None = None
    ) -> m.Timeline:
        query = {"epoch": epoch, "limit": limit, "page": page}
        return self._read(m.Timeline, self._ask("GET", ["runs", ("run_id", run_id), "timeline"], query=query))

    def failures(self, run_id: str, epoch: int | None = None) -> m.Failures:
        path: Path = ["runs", ("run_id", run_id), "failures"]
        return self._read(m.Failures, self._ask("GET", path, query={"epoch": epoch}))

    def run_notice(self, run_id: str) -> m.RunNotice:
        return self._read(m.RunNotice, self._ask("GET", ["runs", ("run_id", run_id), "notice"]))

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
        which = {"epoch": epoch, "attempt": attempt, "try": job_try, "child": child}
        query = {**which, "tail": tail, "limit": limit, "page": page}
        path: Path = ["runs", ("run_id", run_id), "tasks", ("task", task), "logs"]
        return self._read(m.LogPage, self._ask("GET", path, query=query))

    def events(self, run_id: str, *, limit: int = 1000, page: str | None = None) -> m.Page[m.Event]:
        path: Path = ["runs", ("run_id", run_id), "events"]
        return self._read(m.Page[m.Event], self._ask("GET", path, query={"limit": limit, "page": page}))

    # Actions: each may be asked for twice, a redrive only if it names the epoch that it follows.

    def cancel(self, run_id: str, request: m.Cancel) -> m.Acted:
        return self._act(run_id, "cancel", request, is_repeatable=False)

    def pause(self, run_id: str) -> m.Acted:
        return self._act(run_id, "pause", None, is_repeatable=False)

    def resume(self, run_id: str) -> m.Acted:
        return self._act(run_id, "resume", None, is_repeatable=False)

    def redrive(self, run_id: str, request: m.Redrive) -> m.Acted:
        return self._act(run_id, "redrive", request, is_repeatable=request.epoch is not None)

    def _act(self, run_id: str, action: str, request: BaseModel | None, *, is_repeatable: bool) -> m.Acted:
        path: Path = ["runs", ("run_id", run_id), action]
        return self._read(m.Acted, self._ask("POST", path, body=request, is_repeatable=is_repeatable))

    # Schedules

    def schedules(self, workflow: str | None = None) -> list[m.Schedule]:
        return self._read(m.Page[m.Schedule], self._ask("GET", ["schedules"], query={"workflow": workflow})).items

    def next_times(self, workflow: str, schedule: str, *, count: int = 10, after_ms: int | None = None) -> list[int]:
        path: Path = [*_schedule(workflow, schedule), "next"]
        query = {"count": count, "after_ms": after_ms}
        return self._read(m.Page[int], self._ask("GET", path, query=query)).items

    def pause_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        path: Path = [*_schedule(workflow, schedule), "pause"]
        return self._read(m.Schedule, self._ask("POST", path, is_repeatable=True))

    def resume_schedule(self, workflow: str, schedule: str) -> m.Schedule:
        path: Path = [*_schedule(workflow, schedule), "resume"]
        return self._read(m.Schedule, self._ask("POST", path, is_repeatable=True))

    def backfill(self, workflow: str, schedule: str, request: m.Backfill) -> m.Backfilled:
        # A time of a schedule starts one run, however often it is asked for.
        path: Path = [*_schedule(workflow, schedule), "backfill"]
        return self._read(m.Backfilled, self._ask("POST", path, body=request, is_repeatable=True))

    # Jobs

    def jobs(self, wanted: JobFilter = EVERY_JOB, *, limit: int = 100, page: str | None = None) -> m.JobPage:
        query = {**query_of(wanted), "limit": limit, "page": page}
        return self._read(m.JobPage, self._ask("GET", ["jobs"], query=query))

    def job(self, job_id: str) -> m.Job:
        return self._read(m.Job, self._ask("GET", ["jobs", ("job_id", job_id)]))

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
        query = {"try": job_try, "child": child, "tail": tail, "limit": limit, "page": page}
        return self._read(m.LogPage, self._ask("GET", ["jobs", ("job_id", job_id), "logs"], query=query))

    # Monitors

    def monitors(self) -> m.Monitors:
        return self._read(m.Monitors, self._ask("GET", ["monitors"]))

    def put_monitors(self, definition: Mapping[str, Any], *, if_match: str | None = None) -> m.Monitors:
        headers = {} if if_match is None else {"If-Match": _quoted(if_match)}
        repeatable = if_match in (None, "*")
        response = self._ask("PUT", ["monitors"], body=definition, headers=headers, is_repeatable=repeatable)
        return self._read(m.Monitors, response)

    def delete_monitors(self, *, if_match: str | None = None) -> None:
        headers = {} if if_match is None else {"If-Match": _quoted(if_match)}
        self._ask("DELETE", ["monitors"], headers=headers, is_repeatable=if_match is None)

    # Tokens

    def create_token(self, request: m.NewToken) -> m.CreatedToken:
        return self._read(m.CreatedToken, self._ask("POST", ["tokens"], body=request, is_repeatable=False))

    def tokens(self) -> list[m.Token]:
        return self._read(m.Page[m.Token], self._ask("GET", ["tokens"])).items

    def revoke_token(self, token_id: str) -> m.Token:
        return self._read(m.Token, self._ask("DELETE", ["tokens", ("token_id", token_id)]))

    def health(self) -> m.Health:
        return self._read(m.Health, self._ask("GET", ["health"]))

    # The wire

    def _ask(
        self,
        method: str,
        path: Path,
        *,
        query: Mapping[str, Any] = {},
        body: BaseModel | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = {},
        is_repeatable: bool | None = None,
    ) -> Response:
        """The good answer to a request. `path`: its pieces, those with a name being somebody's, to be checked first."""
        given = {name: value for name, value in query.items() if value is not None}
        target = "".join(f"/{quote(_checked(piece), safe=':')}" for piece in path) + (
            f"?{urlencode(given)}" if given else ""
        )
        content = _json(body)
        if content is not None:
            # API Gateway's own refusal says neither the size nor what to do.
            check_escaped_size(content)
        sent = dict(headers) if content is None else {**headers, "Content-Type": "application/json"}
        # A GET, a PUT and a DELETE of ours leave the same behind, once or twice.
        repeatable = method != "POST" if is_repeatable is None else is_repeatable
        response = self._wire.ask(method, target, headers=sent, body=content, is_repeatable=repeatable)
        if response.status >= 300:
            self._refused(response, body)
        return response

    def _read(self, kind: type[T], response: Response) -> T:
        try:
            return TypeAdapter(kind).validate_python(response.json(), strict=False)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            rule = rule_of(first["type"], first.get("ctx", {}), mapping="an object") or "there, and of another form"
            raise errors.TryAgain(
                f"the API at {self._wire.address} answered what this version does not understand "
                f"({place} must be {rule}); are both of one version?"
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


def _checked(piece: str | tuple[str, str]) -> str:
    """A piece of a path. What can be nothing's name is not asked for: it might lead to another path."""
    if isinstance(piece, str):
        return piece
    kind, value = piece
    if not PATH_PARAMETERS[kind].fits(value):
        shown = "that" if kind == "token_id" else repr(value[:60])
        raise _UNKNOWN[kind](f"nothing has the name {shown}: it must be {PATH_PARAMETERS[kind].rule}")
    return value


def _schedule(workflow: str, schedule: str) -> Path:
    return ["schedules", ("name", workflow), ("schedule", schedule)]


def _quoted(etag: str) -> str:
    return etag if etag == "*" else f'"{etag}"'


def _json(body: BaseModel | Mapping[str, Any] | None) -> bytes | None:
    if isinstance(body, BaseModel):
        return body.model_dump_json(exclude_unset=True).encode()
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()
