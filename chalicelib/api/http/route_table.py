"""Every route of the HTTP API, in one table: what it asks of the caller and of the request, and what it may answer.

The routes that Chalice serves, the OpenAPI document, docs/reference/http-api.md and the test that walks it are made
from this table. Needs no pydantic: models are named, and looked up by whoever needs them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.core.batch.job_record import JobState
from chalicelib.core.plan.revisions import REVISION_PATTERN, REVISION_RULE
from chalicelib.core.rules import NAME_PATTERN
from chalicelib.core.states import RunState, TaskState
from chalicelib.core.tokens import ID_PATTERN, TokenScope

TIME_MAXIMUM_MS = 253_402_300_799_999
"""The end of the year 9999."""
COUNT_MAXIMUM = 1_000_000_000
PAGE_CHARACTERS = 4_096
BODY_BYTES_MAXIMUM = 512 * 1024
"""Of any body but a workflow: a run's params have 300,000 bytes at most."""
WORKFLOW_BYTES_MAXIMUM = 4 * 1024 * 1024
"""A Lambda is invoked with 6 MiB at most, in which the body is text within JSON: see json_body.py."""

NAME_RULE = "a name (1 to 128 letters, digits, '-', '_' and '.', the first a letter or a digit)"
JOB_ID_RULE = "a job's id (letters, digits and '-'; of an array's job with ':' and its number)"
QUEUE_RULE = "the name of a queue (1 to 128 letters, digits, '-' and '_')"
JOB_NAMES_RULE = (
    "what a name begins with, or a pattern (1 to 128 letters, digits, '-' and '_', and '*' for any of them)"
)
RUN_ID_RULE = "a run's id (letters, digits, '-' and '_')"
JOB_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9-]{0,127}(:[0-9]{1,4})?"
"""With a number behind a colon, of the array's child."""
QUEUE_PATTERN = "[A-Za-z0-9_-]{1,128}"
JOB_NAMES_PATTERN = "[A-Za-z0-9_*-]{1,128}"
SEVERAL_MAXIMUM = 20
"""Queues, states and names that one list of jobs may be asked for."""
RUN_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"


class Kind(StrEnum):
    """What a parameter of the path or the query is."""

    COUNT = "count"
    CHOICE = "choice"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the path or the query: its kind, and the rule of that kind. A text keeps the `pattern`, which
    `rule` says in words. Where there may be several, with commas in between, `one` is the pattern of each, and
    `choices` what it may be if that is a list."""

    name: str
    description: str
    kind: Kind = Kind.TEXT
    minimum: int = 0
    maximum: int = COUNT_MAXIMUM
    choices: tuple[str, ...] = ()
    pattern: str = ""
    rule: str = ""
    one: str = ""
    default: int | None = None

    def fits(self, text: str) -> bool:
        """Whether a text keeps the pattern, if there is one."""
        return not self.pattern or bool(re.fullmatch(self.pattern, text))


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
    headers: tuple[str, ...] = ()
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
        pieces = self.path.split("/")
        return [PATH_PARAMETERS[piece[1:-1]] for piece in pieces if piece.startswith("{")]


WORKFLOW_FILE = "WorkflowFile"
"""The body that is a workflow's definition, whose model is core/definition/model.py's."""
MONITOR_FILE = "MonitorFile"
"""The body that is a definition of monitors, whose model is core/monitor/file_model.py's."""
FILES = (WORKFLOW_FILE, MONITOR_FILE)
OPENAPI = "OpenApi"
IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"

PATH_PARAMETERS = {
    "name": Parameter("name", "The workflow's name.", pattern=NAME_PATTERN, rule=NAME_RULE),
    "workflow": Parameter("workflow", "The workflow's name.", pattern=NAME_PATTERN, rule=NAME_RULE),
    "version": Parameter("version", "The number of the version.", Kind.COUNT, minimum=1),
    "run_id": Parameter("run_id", "The run's id.", pattern=RUN_ID_PATTERN, rule=RUN_ID_RULE),
    "task": Parameter("task", "The task's name.", pattern=NAME_PATTERN, rule=NAME_RULE),
    "schedule": Parameter("schedule", "The schedule's name.", pattern=NAME_PATTERN, rule=NAME_RULE),
    "job_id": Parameter(
        "job_id",
        "The id that Batch gave the job, or what it begins with, from 8 letters on; with `:N` an array's child.",
        pattern=JOB_ID_PATTERN,
        rule=JOB_ID_RULE,
    ),
    "token_id": Parameter(
        "token_id", "The token's id, which is its second part.", pattern=ID_PATTERN, rule="a token's id"
    ),
}

_PAGE = Parameter("page", "The `next` of the page before; the first page without it.")
_EPOCH = Parameter("epoch", "The epoch; the run's present one unless given.", Kind.COUNT, maximum=1_000_000)
_WORKFLOW = Parameter("workflow", "Only those of this workflow.", pattern=NAME_PATTERN, rule=NAME_RULE)


def _limit(default: int, maximum: int) -> Parameter:
    text = "How many a page has at most; one of large things has fewer."
    return Parameter("limit", text, Kind.COUNT, minimum=1, maximum=maximum, default=default)


def _time(name: str, description: str) -> Parameter:
    return Parameter(name, description, Kind.COUNT, maximum=TIME_MAXIMUM_MS)


def _states(states: Sequence[str]) -> Parameter:
    return Parameter("state", "Only those in this state.", Kind.CHOICE, choices=tuple(states))


def _several(name: str, description: str, one: str, rule: str, choices: Sequence[str] = ()) -> Parameter:
    """Texts of a form, or of some choices, with commas in between."""
    pattern = rf"(?:{one})(?:,(?:{one})){{0,{SEVERAL_MAXIMUM - 1}}}"
    text = f"{description}; several with commas in between."
    return Parameter(name, text, pattern=pattern, rule=rule, one=one, choices=tuple(choices))


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
    _states(list(RunState)),
    _time("since_ms", "Only those created then or later; milliseconds since the epoch."),
    _time("until_ms", "Only those created before; milliseconds since the epoch."),
    _limit(20, 1_000),
    _PAGE,
)
_LOG_PLACE = (
    _EPOCH,
    Parameter("attempt", "The attempt; the last unless given.", Kind.COUNT, minimum=1, maximum=1_000),
    Parameter("try", "The try; the one under way or the last one unless given.", Kind.COUNT, minimum=1, maximum=10),
    Parameter("child", "Of an array job, the child.", Kind.COUNT, maximum=9_999),
    Parameter("tail", "Begin with the last so many lines.", Kind.COUNT, minimum=1, maximum=10_000),
    _limit(1_000, 10_000),
    _PAGE,
)
_JOB_FILTERS = (
    _several("queue", "Only those of this queue", QUEUE_PATTERN, QUEUE_RULE),
    _several("state", "Only those in this state", "|".join(JobState), f"one of {', '.join(JobState)}", list(JobState)),
    _several(
        "name",
        "Only those whose names begin so, or fit this where it has a `*`, which stands for any characters",
        JOB_NAMES_PATTERN,
        JOB_NAMES_RULE,
    ),
    _time("since_ms", "Only those created then or later; milliseconds since the epoch."),
    _time("until_ms", "Only those created before; milliseconds since the epoch."),
    Parameter("foreign", "Only those that no run submitted.", Kind.CHOICE, choices=("true", "false")),
    _limit(100, 1_000),
    _PAGE,
)
_JOB_LOG_PLACE = _LOG_PLACE[2:]
_TIMES = (
    Parameter("count", "How many times.", Kind.COUNT, minimum=1, maximum=100, default=10),
    _time("after_ms", "Those after this moment; after now unless given."),
)
_PUSH_OPTIONS = (
    _several(
        "revision",
        "A job definition's revision that the tasks submit which name the job definition alone",
        REVISION_PATTERN,
        REVISION_RULE,
    ),
    Parameter(
        "keep_schedules",
        "Leave the workflow's schedules as they were before this push.",
        Kind.CHOICE,
        choices=("true", "false"),
    ),
)
_TASK_FILTERS = (_EPOCH, _states(list(TaskState)), _limit(1_000, 1_000), _PAGE)
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
