"""What crosses the API, in either direction: every body of an HTTP answer or request, and what the CLI works with.

Owns the shapes and their descriptions; the OpenAPI document is generated from here. Times are milliseconds since the
epoch. Answers only ever gain fields, so a reader ignores what it does not know; a request with an unknown field is
refused. Only what is listed here leaves: an event of Batch holds its job's environment in clear.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chalicelib.core.batch.job_record import JobState, ManagedBy
from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.preferences import QUEUE_PATTERN
from chalicelib.core.rules import NAME_PATTERN, PEOPLES_TEXT_PATTERN, anchored
from chalicelib.core.run.records import Scope
from chalicelib.core.run.timeline import Stretch
from chalicelib.core.schedule.model import CatchUp, Overlap
from chalicelib.core.states import JobStatus, RunState, TaskState
from chalicelib.core.tokens import TokenScope

T = TypeVar("T")

VERSION_MAXIMUM = 1_000_000_000
EPOCH_MAXIMUM = 1_000_000
MOMENT_MS_MAXIMUM = 2**53 - 1
"""The largest whole number that every reader of JSON takes for what it is."""


def _whole(value: Any) -> Any:
    """2.0 is a whole number to JSON Schema, and to many who write JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Behind the rules of a field, so that they stay in its schema."""
WorkflowName = Annotated[str, Field(json_schema_extra={"pattern": anchored(NAME_PATTERN)})]
"""Described and not held here: that there is no such workflow is the Api's to say."""


class Answer(BaseModel):
    """Something that is told."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(BaseModel):
    """Something that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Page(Answer, Generic[T]):
    """Part of a list."""

    items: list[T]
    next: Annotated[str | None, Field(description="Give it as `page` for what follows; null at the end.")] = None


class WorkflowSummary(Answer):
    """A workflow in a list."""

    name: str
    version: Annotated[int, Field(description="The latest version, which runs are started of.")]
    description: str | None = None
    tasks: Annotated[int, Field(description="How many tasks it has.")]
    pushed_at_ms: int


class Workflow(Answer):
    """One version of a workflow."""

    name: str
    version: int
    etag: Annotated[str, Field(description="Names the content of this version; also the ETag header.")]
    pushed_at_ms: int
    definition: Annotated[dict[str, Any], Field(description="The workflow file's content.")]


class StartRun(Request):
    """A run to be started."""

    workflow: WorkflowName
    version: Annotated[int | None, Field(ge=1, le=VERSION_MAXIMUM, description="The latest, unless given."), WHOLE] = (
        None
    )
    params: Annotated[dict[str, Any], Field(description="Values for the workflow's params.")] = {}
    notify_queue: Annotated[
        str | None,
        Field(
            pattern=anchored(QUEUE_PATTERN),
            description="An SQS queue that hears when the run starts and ends, and of what else it tells, in place of "
            "the workflow's own: the name of one of the same account and region that begins with batchwright-notices-.",
        ),
    ] = None


class PastEpoch(Answer):
    """How an epoch of a run ended, before a redrive began the next one."""

    epoch: int
    version: int
    state: RunState
    ended_at_ms: int | None


class Redriven(Answer):
    """What an epoch runs again of the one before."""

    scope: Scope
    tasks: list[str] = []
    params: Annotated[dict[str, Any], Field(description="Those that the redrive gave new values.")] = {}


class Run(Answer):
    """One execution of one version of a workflow."""

    run_id: str
    workflow: str
    version: int
    state: RunState
    epoch: Annotated[int, Field(description="Counts the redrives, from 0.")]
    params: dict[str, Any]
    created_at_ms: int
    began_at_ms: Annotated[
        int | None, Field(description="When its epoch began; null of an earlier epoch that a redrive began.")
    ] = None
    ended_at_ms: int | None = None
    pauses: Annotated[int, Field(description="How often it was paused in its epoch.")] = 0
    redrive: Redriven | None = None
    past: Annotated[list[PastEpoch], Field(description="The epochs before, oldest first.")] = []
    schedule: Annotated[str | None, Field(description="The workflow's schedule that started it.")] = None
    scheduled_at_ms: Annotated[int | None, Field(description="The time that the schedule started it for.")] = None
    notify_queue: Annotated[str | None, Field(description="The SQS queue of its own that gets its notices.")] = None


class JobTry(Answer):
    """A try of a job inside Batch that has ended."""

    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    log_stream: str | None = None


class Attempt(Answer):
    """An attempt of a task that has ended."""

    job_id: str
    succeeded: bool
    exit_code: int | None = None
    failure: Annotated[FailureClass | None, Field(description="The class of the failure.")] = None
    reason: str | None = None
    log_stream: str | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    tries: Annotated[
        list[JobTry],
        Field(
            description="The tries inside Batch, by the job definition's own retryStrategy, oldest first; empty if "
            "there was one."
        ),
    ] = []


class FailedChild(Answer):
    """A job of an array that failed."""

    index: int
    label: Annotated[str | None, Field(description="Its name, if the workflow gives its children names.")] = None
    exit_code: int | None = None
    failure: Annotated[FailureClass | None, Field(description="What it died of.")] = None
    reason: str | None = None
    log_stream: str | None = None
    started_at_ms: int | None = None


class Task(Answer):
    """A task of a run, in one of the run's epochs."""

    index: int
    name: str
    state: TaskState
    depends_on: list[str] = []
    epoch: Annotated[int, Field(description="The epoch in which its attempts ran.")]
    attempt: Annotated[int, Field(description="The attempt under way or the last one; 0 before the first.")]
    attempts_allowed: int
    job_id: str | None = None
    job_tries: Annotated[
        int, Field(description="Of a job under way: how many of its tries inside Batch have ended.")
    ] = 0
    claimed_at_ms: int | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    retry_at_ms: Annotated[int | None, Field(description="When its next attempt begins.")] = None
    is_array: bool = False
    children: Annotated[int | None, Field(description="Of an array: how many jobs it has.")] = None
    child_labels: Annotated[
        list[str], Field(description="The names of its array's jobs, in order. Told with the task alone, not in lists.")
    ] = []
    children_ended: Annotated[int | None, Field(description="Of an array under way: how many of them ended.")] = None
    children_failed: Annotated[
        int | None, Field(description="Of an array that failed: how many of them did, where that was told.")
    ] = None
    allow_failure: Annotated[bool, Field(description="Whether the run can succeed without this task's result.")] = False
    kept: Annotated[bool, Field(description="A redrive kept its ending; it did not run in this epoch.")] = False
    second_jobs: Annotated[list[str], Field(description="Jobs ended because their attempt had one.")] = []
    attempts: Annotated[list[Attempt], Field(description="Its ended attempts, oldest first.")] = []
    failed_children: Annotated[
        list[FailedChild],
        Field(description="Of an array that failed: the first few that did. Told with the task alone, not in lists."),
    ] = []


class EventKind(StrEnum):
    """What happened to a run or a task."""

    RUN_STARTED = "run_started"
    RUN_REDRIVEN = "run_redriven"
    RUN_ENDED = "run_ended"
    TASK_CLAIMED = "task_claimed"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_ENDED = "attempt_ended"
    RETRY_DUE = "retry_due"
    TASK_ENDED = "task_ended"


class Event(Answer):
    """Something that happened in a run, as the records tell it."""

    at_ms: int
    kind: EventKind
    epoch: int
    task: str | None = None
    attempt: int | None = None
    job_id: str | None = None
    text: Annotated[str, Field(description="What happened, in a sentence.")]


class Span(Answer):
    """A stretch of a task's time."""

    stretch: Annotated[Stretch, Field(description="What the task did.")]
    begin_ms: int
    end_ms: Annotated[int, Field(description="Never before its beginning; of what goes on, the time of this answer.")]


class Bar(Answer):
    """The time of a task."""

    task: str
    index: Annotated[int, Field(description="The task's place in the plan.")]
    state: TaskState
    spans: Annotated[list[Span], Field(description="In the order of time; at least one.")]
    on_longest_chain: Annotated[bool, Field(description="Whether it belongs to the longest chain.")]


class Timeline(Page[Bar]):
    """The time of a run, or of an epoch of it: a bar for each task of which a time is known, by their beginning."""

    epoch: int
    begin_ms: int
    end_ms: Annotated[int, Field(description="Its end; the time of this answer while it goes on.")]
    is_over: bool
    chain_ms: Annotated[
        int,
        Field(
            description="How long the longest chain took: tasks of which each follows the one before it, and that "
            "together took longest, waiting included."
        ),
    ]
    unsure: Annotated[int, Field(description="How many tasks have times that cannot be, because clocks differ.")]
    ran_ms: Annotated[int, Field(description="How long all attempts of all tasks ran, together.")]
    waited_ms: Annotated[int, Field(description="How long all tasks waited for their start, together.")]


class FirstFailure(Answer):
    """The failure that failed a run."""

    task: str
    attempt: int
    stopped_at_ms: int | None = None
    failure: Annotated[FailureClass | None, Field(description="The class of the failure.")] = None
    exit_code: int | None = None
    reason: str | None = None


class FailureGroup(Answer):
    """Tasks that failed in the same way."""

    failure: Annotated[FailureClass | None, Field(description="The class of the failure.")] = None
    exit_code: int | None = None
    reason: str | None = None
    count: int
    tasks: Annotated[list[str], Field(description="The first five of them, in the order of the plan.")]


class TakenAlong(Answer):
    """Tasks that did not run because one failed."""

    cause: Annotated[str, Field(description="The task that failed.")]
    count: Annotated[int, Field(description="How many tasks did not run because of it.")]


class Failures(Answer):
    """Why a run failed."""

    epoch: int
    first: Annotated[
        FirstFailure | None,
        Field(description="Of the failures that the workflow does not allow, the one that ended first."),
    ] = None
    failed: Annotated[int, Field(description="How many tasks failed.")]
    groups: Annotated[list[FailureGroup], Field(description="The largest first, 50 at most.")]
    taken_along: Annotated[list[TakenAlong], Field(description="The most first, 50 at most.")]


class RunNotice(Answer):
    """The notice that a run's records give at this moment."""

    document: Annotated[dict[str, Any], Field(description="As programs get it (`batchwright schema notice`).")]
    places: Annotated[
        list[str],
        Field(description="Who hears it: topic, queue. Empty if `notify` leaves its kind out."),
    ]


class LogLine(Answer):
    """A line that a job wrote."""

    at_ms: int
    text: str


class LogPage(Page[LogLine]):
    """Lines of a job's log. `next` is there also at the end, for what is still to be written, unless the job ended."""

    nothing_because: Annotated[
        str | None,
        Field(description="On the first page of a task's log that has no lines: a sentence that says why."),
    ] = None


class Cancel(Request):
    """Why a run is cancelled."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000, pattern=anchored(PEOPLES_TEXT_PATTERN))] = (
        "cancelled on request"
    )


class Redrive(Request):
    """What of an ended run runs again."""

    scope: Annotated[Scope | None, Field(strict=False, description="`tasks` if any are named, else `from_failed`.")] = (
        None
    )
    tasks: Annotated[list[str], Field(description="With the scope `tasks`: their names.")] = []
    params: Annotated[
        dict[str, Any],
        Field(
            description="New values for params of the run; null takes the default. What keeps its ending must not use "
            "them."
        ),
    ] = {}
    version: Annotated[
        int | None, Field(ge=1, le=VERSION_MAXIMUM, description="The run's own, unless given."), WHOLE
    ] = None
    epoch: Annotated[
        int | None,
        Field(ge=0, le=EPOCH_MAXIMUM, description="The epoch that was seen to have ended: asking twice redrives once."),
        WHOLE,
    ] = None


class Acted(Answer):
    """What came of an action on a run."""

    run: Run
    changed: Annotated[bool, Field(description="False when it was so already.")]
    kept: Annotated[int | None, Field(description="Of a redrive: how many tasks keep their ending.")] = None


class Job(Answer):
    """A Batch job as its events told it."""

    job_id: str
    name: str
    queue: str
    definition: Annotated[str, Field(description="With its revision.")]
    state: Annotated[JobState, Field(description="Its status; UNKNOWN once Batch forgot it before its end was told.")]
    status: Annotated[JobStatus, Field(description="The last status that was told.")]
    created_at_ms: int
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    seen_at_ms: Annotated[int, Field(description="When the latest event was sent.")]
    lost_at_ms: Annotated[int | None, Field(description="When Batch was found to have forgotten it.")] = None
    exit_code: int | None = None
    failure: Annotated[FailureClass | None, Field(description="The class of the failure.")] = None
    reason: str | None = None
    log_stream: str | None = None
    job_tries: Annotated[int, Field(description="How many tries have ended inside Batch.")] = 0
    tries: Annotated[list[JobTry], Field(description="The last of these, oldest first.")] = []
    vcpus: float | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    array_size: Annotated[int | None, Field(description="Of an array: how many jobs it has.")] = None
    children: Annotated[dict[str, int], Field(description="Of an array: how many are in which status, lately.")] = {}
    failed_children: Annotated[
        list[FailedChild] | None,
        Field(
            description="Of an array of which some failed: the first few that did, as Batch tells; empty when it has "
            "forgotten them. Null otherwise, in lists, and when Batch did not answer."
        ),
    ] = None
    nodes: Annotated[int | None, Field(description="Of a multi-node job: how many nodes it has.")] = None
    managed_by: Annotated[ManagedBy | None, Field(description="Who submitted it, where that can be told.")] = None
    run_id: Annotated[str | None, Field(description="Of a job of Batchwright's: its run.")] = None
    task: Annotated[str | None, Field(description="As the job's name spells it.")] = None
    attempt: int | None = None


class JobPage(Page[Job]):
    """Jobs, and which ones this stage records at all."""

    records_foreign: Annotated[bool, Field(description="Whether events of jobs that others submitted reach it.")]
    records_own: Annotated[bool, Field(description="Whether jobs of its own runs are recorded, too.")]
    records_all_states: Annotated[
        bool, Field(description="Whether these are told, too, while they wait for capacity; jobs of others always are.")
    ] = True
    looked_back_to_ms: Annotated[
        int | None, Field(description="If the list goes on: the time of creation back to which jobs were looked at.")
    ] = None


class Monitors(Answer):
    """What the stage watches, and what it says about it."""

    revision: Annotated[int, Field(description="Counts the pushes and deletions; 0 before the first.")]
    etag: Annotated[str, Field(description="Names the content; also the ETag header.")]
    pushed_at_ms: Annotated[int | None, Field(description="When they were pushed, or deleted.")] = None
    definition: Annotated[dict[str, Any], Field(description="The monitor file's content.")]


class NewToken(Request):
    """A token to be made."""

    name: Annotated[str, Field(min_length=1, max_length=64, description="What it is for.")]
    scope: Annotated[TokenScope, Field(strict=False)]
    workflow: Annotated[WorkflowName | None, Field(description="The only workflow that it is good for.")] = None
    expires_in_days: Annotated[int | None, Field(ge=1, le=3650, description="Never, unless given."), WHOLE] = None


class Token(Answer):
    """A token as it is kept: its secret part is not."""

    token_id: str
    name: str
    scope: TokenScope
    workflow: str | None = None
    created_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None
    last_used_at_ms: Annotated[int | None, Field(description="To within an hour.")] = None


class CreatedToken(Answer):
    """A token that was made."""

    token: Token
    secret: Annotated[
        str, Field(description="What goes behind `Authorization: Bearer`. Told this one time.", repr=False)
    ]


class Schedule(Answer):
    """A schedule of a workflow's latest version."""

    workflow: str
    name: str
    expression: Annotated[str, Field(description="cron(...), rate(...) or at(...).")]
    time_zone: str
    overlap: Overlap
    catch_up: CatchUp
    enabled: bool = True
    paused: bool
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    next_at_ms: Annotated[int | None, Field(description="Null when there is none any more.")] = None
    waiting: Annotated[int, Field(description="How many of its times wait for their turn.")] = 0
    last_at_ms: Annotated[int | None, Field(description="The last time that it started a run for.")] = None
    last_run_id: str | None = None
    failed_at_ms: Annotated[int | None, Field(description="The last time whose run could not be started.")] = None
    failure: Annotated[str | None, Field(description="Why it could not.")] = None
    placed: Annotated[bool, Field(description="False while EventBridge Scheduler does not have it as it is here.")] = (
        True
    )


class Backfill(Request):
    """Past times of a schedule for which runs are to be started."""

    from_ms: Annotated[int, Field(ge=0, le=MOMENT_MS_MAXIMUM, description="The first moment that counts."), WHOLE]
    to_ms: Annotated[
        int, Field(ge=0, le=MOMENT_MS_MAXIMUM, description="The last one; what is to come never counts."), WHOLE
    ]
    dry_run: Annotated[bool, Field(description="Only tell the times.")] = False


class Backfilled(Answer):
    """The times of a backfill, oldest first, and the runs that they have."""

    times_ms: list[int]
    run_ids: list[str]


class Health(Answer):
    """Whether the service can do its work."""

    status: Annotated[str, Field(description="`ok`, or what is wrong.")]
    stage: str
    version: str
