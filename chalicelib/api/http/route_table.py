"""Every route of the HTTP API, in one table: what it asks of the caller and of the request, and what it may answer.

The routes that Chalice serves, the OpenAPI document, docs/reference/http-api.md and the test that walks it are made
from this table. Needs no pydantic: models are named, and looked up by whoever needs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chalicelib.api.http.etags import ExpectedETag, KnownETags
from chalicelib.api.http.parameters import Choice, Count, Cursor, Flag, Form, Parameter, Place, Several, Text
from chalicelib.core import errors
from chalicelib.core.batch.job_record import JobState, NamePattern
from chalicelib.core.plan.revisions import REVISION_PATTERN, REVISION_RULE
from chalicelib.core.rules import NAME_PATTERN
from chalicelib.core.states import RunState, TaskState
from chalicelib.core.tokens import ID_PATTERN, TokenScope

TIME_MAXIMUM_MS = 253_402_300_799_999
"""The end of the year 9999."""
BODY_BYTES_MAXIMUM = 512 * 1024
"""Of any body but a workflow: a run's params have 300,000 bytes at most."""
WORKFLOW_BYTES_MAXIMUM = 4 * 1024 * 1024
"""A Lambda is invoked with 6 MiB at most, in which the body is text within JSON: see json_body.py."""

KEY_CHARACTERS = 256

_NAME = Text(NAME_PATTERN, "must be a name (1 to 128 letters, digits, '-', '_' and '.', the first a letter or a digit)")
_RUN_ID = Text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", "must be a run's id (letters, digits, '-' and '_')")
_JOB_ID = Text(
    # With a number behind a colon, it is the id of an array's child.
    r"[A-Za-z0-9][A-Za-z0-9-]{0,127}(:[0-9]{1,4})?",
    "must be a job's id (letters, digits and '-'; of an array's job with ':' and its number)",
)
_TOKEN_ID = Text(ID_PATTERN, "must be a token's id", may_be_secret=True)
_QUEUE = Text("[A-Za-z0-9_-]{1,128}", "must be the name of a queue (1 to 128 letters, digits, '-' and '_')")
_JOB_NAMES = Text(
    "[A-Za-z0-9_*-]{1,128}",
    "must be what a name begins with, or a pattern (1 to 128 letters, digits, '-' and '_', and '*' for any of them)",
    makes=NamePattern,
)
_REVISION = Text(REVISION_PATTERN, f"must be {REVISION_RULE}")
_KEY = Text(rf"[!-~]{{1,{KEY_CHARACTERS}}}", f"must have 1 to {KEY_CHARACTERS} visible ASCII characters")


class About(StrEnum):
    """Which workflow a request is about, for tokens that are good for one alone."""

    NONE = "none"
    """None of them; every token will do."""
    NAMED = "named"
    """The one in the path."""
    RUN = "run"
    """That of the run in the path; another's runs are as if there were none."""
    BODY = "body"
    """The one in the body."""
    LISTED = "listed"
    """Those of a list; a token sees of it what is of its workflow."""
    ALL = "all"
    """All of them: a token that is good for one alone will not do."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `operation` is its name in handlers.py and in the OpenAPI document, `needs` the least
    scope, `about` which workflow it is about. `answer` and `body` name models, and `many` is a page of answers;
    `statuses` are the good ones."""

    method: str
    path: str
    operation: str
    summary: str
    needs: TokenScope
    about: About
    answer: str | None
    body: str | None = None
    many: bool = False
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    statuses: tuple[int, ...] = (200,)

    @property
    def refusals(self) -> list[int]:
        """The statuses with which it refuses, beside those with which everything may be refused."""
        is_act_on_runs = self.method == "POST" and self.about in (About.RUN, About.BODY)
        is_for_what_is_there = bool(self.path_parameters) and self.body != WORKFLOW_FILE
        found = {
            404: is_for_what_is_there or self.about is About.BODY or _WORKFLOW in self.query,
            409: is_act_on_runs,
            412: IF_MATCH in self.headers,
            413: self.body is not None,
            415: self.body is not None,
            422: self.body in FILES,
        }
        return [status for status, applies in found.items() if applies]

    @property
    def body_bytes_maximum(self) -> int:
        return WORKFLOW_BYTES_MAXIMUM if self.body == WORKFLOW_FILE else BODY_BYTES_MAXIMUM

    @property
    def path_parameters(self) -> list[Parameter]:
        """The parameters in its path, in their order."""
        found = [PATH_PARAMETERS[piece[1:-1]] for piece in self.path.split("/") if piece.startswith("{")]
        if self.body == WORKFLOW_FILE:
            # What is to be made is refused for its name. It is not unknown.
            return [replace(parameter, unknown=errors.UserMistake) for parameter in found]
        return found


WORKFLOW_FILE = "WorkflowFile"
"""The body that is a workflow's definition, whose model is core/definition/model.py's."""
MONITOR_FILE = "MonitorFile"
"""The body that is a definition of monitors, whose model is core/monitor/file_model.py's."""
FILES = (WORKFLOW_FILE, MONITOR_FILE)
OPENAPI = "OpenApi"
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "A request that is sent again with the same key starts one run.",
    _KEY,
    "idempotency_key",
    Place.HEADER,
    is_required=True,
)
IF_MATCH = Parameter(
    "If-Match", "The ETag that the latest version must have; * for any.", ExpectedETag(), "if_match", Place.HEADER
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "An ETag that is known already: then 304 and no body.",
    KnownETags(),
    "if_none_match",
    Place.HEADER,
)


def _in_path(name: str, description: str, form: Form, unknown: type[errors.UserMistake]) -> Parameter:
    return Parameter(name, description, form, place=Place.PATH, is_required=True, unknown=unknown)


PATH_PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        _in_path("name", "The workflow's name.", _NAME, errors.UnknownWorkflow),
        _in_path("workflow", "The workflow's name.", _NAME, errors.UnknownWorkflow),
        _in_path("version", "The number of the version.", Count(minimum=1), errors.UnknownWorkflow),
        _in_path("run_id", "The run's id.", _RUN_ID, errors.UnknownRun),
        _in_path("task", "The task's name.", _NAME, errors.UnknownTask),
        _in_path("schedule", "The schedule's name.", _NAME, errors.UnknownSchedule),
        _in_path(
            "job_id",
            "The id that Batch gave the job, or what it begins with, from 8 letters on; with `:N` an array's child.",
            _JOB_ID,
            errors.UnknownJob,
        ),
        _in_path("token_id", "The token's id, which is its second part.", _TOKEN_ID, errors.UnknownToken),
    )
}

_PAGE = Parameter("page", "The `next` of the page before; the first page without it.", Cursor())
_EPOCH = Parameter("epoch", "The epoch; the run's present one unless given.", Count(maximum=1_000_000))
_WORKFLOW = Parameter("workflow", "Only those of this workflow.", _NAME)


def _limit(default: int, maximum: int) -> Parameter:
    text = "How many a page has at most; one of large things has fewer."
    return Parameter("limit", text, Count(1, maximum, default=default))


def _time(name: str, description: str) -> Parameter:
    return Parameter(name, description, Count(maximum=TIME_MAXIMUM_MS))


def _states(states: type[StrEnum]) -> Parameter:
    return Parameter("state", "Only those in this state.", Choice(states))


def _several(name: str, description: str, item: Text | Choice) -> Parameter:
    return Parameter(name, f"{description}; several with commas in between.", Several(item), f"{name}s")


READ, START, ADMIN = TokenScope


def _get(path: str, operation: str, summary: str, about: About, answer: str, **more: Any) -> Route:
    return Route("GET", path, operation, summary, about=about, answer=answer, **{"needs": READ, **more})


def _post(path: str, operation: str, summary: str, about: About, answer: str, **more: Any) -> Route:
    return Route("POST", path, operation, summary, about=about, answer=answer, **{"needs": ADMIN, **more})


def _put(path: str, operation: str, summary: str, about: About, answer: str, **more: Any) -> Route:
    return Route("PUT", path, operation, summary, about=about, answer=answer, needs=ADMIN, **more)


def _delete(path: str, operation: str, summary: str, about: About, answer: str | None, **more: Any) -> Route:
    return Route("DELETE", path, operation, summary, about=about, answer=answer, needs=ADMIN, **more)


_WORKFLOW_PATH = "/workflows/{name}"
_RUN = "/runs/{run_id}"
_SCHEDULE = "/schedules/{workflow}/{schedule}"

_RUN_FILTERS = (
    _WORKFLOW,
    _states(RunState),
    _time("since_ms", "Only those created then or later; milliseconds since the epoch."),
    _time("until_ms", "Only those created before; milliseconds since the epoch."),
    _limit(20, 1_000),
    _PAGE,
)
_LOG_PLACE = (
    _EPOCH,
    Parameter("attempt", "The attempt; the last unless given.", Count(1, 1_000)),
    Parameter("try", "The try; the one under way or the last one unless given.", Count(1, 10), "job_try"),
    Parameter("child", "Of an array job, the child.", Count(maximum=9_999)),
    Parameter("tail", "Begin with the last so many lines.", Count(1, 10_000)),
    _limit(1_000, 10_000),
    _PAGE,
)
QUEUES = _several("queue", "Only those of this queue", _QUEUE)
JOB_NAMES = _several(
    "name",
    "Only those whose names begin so, or fit this where it has a `*`, which stands for any characters",
    _JOB_NAMES,
)
_JOB_FILTERS = (
    QUEUES,
    _several("state", "Only those in this state", Choice(JobState)),
    JOB_NAMES,
    _time("since_ms", "Only those created then or later; milliseconds since the epoch."),
    _time("until_ms", "Only those created before; milliseconds since the epoch."),
    Parameter("foreign", "Only those that no run submitted.", Flag()),
    _limit(100, 1_000),
    _PAGE,
)
_JOB_LOG_PLACE = _LOG_PLACE[2:]
_TIMES = (
    Parameter("count", "How many times.", Count(1, 100, default=10)),
    _time("after_ms", "Those after this moment; after now unless given."),
)
_PUSH_OPTIONS = (
    _several(
        "revision", "A job definition's revision that the tasks submit which name the job definition alone", _REVISION
    ),
    Parameter("keep_schedules", "Leave the workflow's schedules as they were before this push.", Flag()),
)
_TASK_FILTERS = (_EPOCH, _states(TaskState), _limit(1_000, 1_000), _PAGE)
_LIST = (_limit(1_000, 1_000), _PAGE)
_BARS = (_EPOCH, _limit(1_000, 10_000), _PAGE)
_WORKFLOW_LIST = (_limit(100, 1_000), _PAGE)

NONE, NAMED, OF_RUN, IN_BODY, LISTED, ALL = About

ROUTES = (
    _get("/health", "health", "Whether the service can do its work", NONE, "Health"),
    _get("/openapi.json", "openapi", "This API as OpenAPI 3.1", NONE, OPENAPI),
    _get(
        "/workflows",
        "list_workflows",
        "The workflows, by name",
        LISTED,
        "WorkflowSummary",
        many=True,
        query=_WORKFLOW_LIST,
    ),
    _get(
        *(_WORKFLOW_PATH, "get_workflow", "A workflow's latest version", NAMED, "Workflow"),
        headers=(IF_NONE_MATCH,),
        statuses=(200, 304),
    ),
    _put(
        *(_WORKFLOW_PATH, "put_workflow", "Push a workflow's next version", NAMED, "Workflow"),
        body=WORKFLOW_FILE,
        query=_PUSH_OPTIONS,
        headers=(IF_MATCH,),
        statuses=(200, 201),
    ),
    _delete(
        *(_WORKFLOW_PATH, "delete_workflow", "Forget a workflow; its runs stay", NAMED, None),
        headers=(IF_MATCH,),
        statuses=(204,),
    ),
    _get(
        *(f"{_WORKFLOW_PATH}/versions/{{version}}", "get_version", "One version of a workflow", NAMED, "Workflow"),
        headers=(IF_NONE_MATCH,),
        statuses=(200, 304),
    ),
    _get("/runs", "list_runs", "Runs, newest first", LISTED, "Run", many=True, query=_RUN_FILTERS),
    _post(
        *("/runs", "start_run", "Start a run of a workflow", IN_BODY, "Run"),
        needs=START,
        body="StartRun",
        headers=(IDEMPOTENCY_KEY,),
        statuses=(201,),
    ),
    _get(_RUN, "get_run", "A run as it is now, or as an epoch ended", OF_RUN, "Run", query=(_EPOCH,)),
    _get(
        *(f"{_RUN}/tasks", "list_tasks", "A run's tasks, in the plan's order", OF_RUN, "Task"),
        many=True,
        query=_TASK_FILTERS,
    ),
    _get(
        *(f"{_RUN}/tasks/{{task}}", "get_task", "One task with its attempts", OF_RUN, "Task"),
        query=(_EPOCH,),
    ),
    _get(
        *(f"{_RUN}/tasks/{{task}}/logs", "get_logs", "What an attempt's job wrote", OF_RUN, "LogPage"),
        query=_LOG_PLACE,
    ),
    _get(
        *(f"{_RUN}/events", "list_events", "What happened in a run, oldest first", OF_RUN, "Event"),
        many=True,
        query=_LIST,
    ),
    _get(
        *(f"{_RUN}/timeline", "get_timeline", "When a run's tasks waited and ran", OF_RUN, "Timeline"),
        query=_BARS,
    ),
    _get(f"{_RUN}/failures", "get_failures", "Why a run failed", OF_RUN, "Failures", query=(_EPOCH,)),
    _get(f"{_RUN}/notice", "get_run_notice", "The notice that a run's records give now", OF_RUN, "RunNotice"),
    _post(f"{_RUN}/cancel", "cancel_run", "Cancel a run; end its jobs", OF_RUN, "Acted", body="Cancel"),
    _post(f"{_RUN}/pause", "pause_run", "Start nothing more of a run", OF_RUN, "Acted"),
    _post(f"{_RUN}/resume", "resume_run", "Let a paused run go on", OF_RUN, "Acted"),
    _post(f"{_RUN}/redrive", "redrive_run", "Run an ended run again", OF_RUN, "Acted", body="Redrive"),
    _get("/schedules", "list_schedules", "The schedules", LISTED, "Schedule", many=True, query=(_WORKFLOW,)),
    _get(
        *(f"{_SCHEDULE}/next", "next_times", "When a schedule comes next", NAMED, "Time"),
        many=True,
        query=_TIMES,
    ),
    _post(f"{_SCHEDULE}/pause", "pause_schedule", "Let a schedule start nothing", NAMED, "Schedule"),
    _post(f"{_SCHEDULE}/resume", "resume_schedule", "Let a schedule go on", NAMED, "Schedule"),
    _post(
        *(f"{_SCHEDULE}/backfill", "backfill", "Start runs for past times of a schedule", NAMED, "Backfilled"),
        body="Backfill",
    ),
    _get("/jobs", "list_jobs", "Recorded Batch jobs, newest first", ALL, "JobPage", query=_JOB_FILTERS),
    _get("/jobs/{job_id}", "get_job", "A recorded job", ALL, "Job"),
    _get("/jobs/{job_id}/logs", "get_job_logs", "What a job wrote", ALL, "LogPage", query=_JOB_LOG_PLACE),
    _get(
        *("/monitors", "get_monitors", "What is watched, and what is said about it", ALL, "Monitors"),
        headers=(IF_NONE_MATCH,),
        statuses=(200, 304),
    ),
    _put(
        *("/monitors", "put_monitors", "Watch that, in place of what is watched", ALL, "Monitors"),
        body=MONITOR_FILE,
        headers=(IF_MATCH,),
    ),
    _delete(
        *("/monitors", "delete_monitors", "Watch nothing any more", ALL, None),
        headers=(IF_MATCH,),
        statuses=(204,),
    ),
    _get("/tokens", "list_tokens", "The tokens, without secrets", ALL, "Token", many=True, needs=ADMIN),
    _post(
        *("/tokens", "create_token", "Make a token; its secret is told once", ALL, "CreatedToken"),
        body="NewToken",
        statuses=(201,),
    ),
    _delete("/tokens/{token_id}", "revoke_token", "Revoke a token, at once and for ever", ALL, "Token"),
)

ROUTE_OF = {route.operation: route for route in ROUTES}
