"""What `batchwright verify` saw: plain data that the assumptions are judged from.

Owns the shapes. Nothing here asks AWS; verifying.py fills it, and a test may write it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from chalicelib.core.ids import whole_job_id

T = TypeVar("T")
U = TypeVar("U")


class JobKind(StrEnum):
    """The tiny jobs that verify submits itself; each is there for one assumption or two."""

    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    ARRAY = "array"
    TAGGED = "tagged"
    CANCELLED = "cancelled"


class Asked(StrEnum):
    """The requests to the HTTP API whose answers say that its authorizer works."""

    TOKEN = "a token of no workflow, asked for the workflows"
    """Its context has an empty value, which API Gateway might drop."""
    OWN_WORKFLOW = "a token of one workflow, asked for that one"
    OTHER_WORKFLOW = "a token of one workflow, asked for another"
    BEYOND_SCOPE = "a token to read, asked to start a run"
    WRONG_TOKEN = "a token with another secret"
    NO_TOKEN = "no token"


@dataclass(frozen=True, slots=True)
class Saw(Generic[T]):
    """It was looked at, and this is what was there."""

    value: T

    def then(self, look: Callable[[T], Look[U]]) -> Look[U]:
        """The look that follows from what was seen."""
        return look(self.value)


@dataclass(frozen=True, slots=True)
class NotHere:
    """This place cannot answer, such as an emulator that does not have the call."""

    reason: str

    def then(self, look: Callable[[Any], Look[U]]) -> Look[U]:
        return self


@dataclass(frozen=True, slots=True)
class Unseen:
    """It could not be looked at, or did not come in time."""

    reason: str

    def then(self, look: Callable[[Any], Look[U]]) -> Look[U]:
        return self


Look: TypeAlias = Saw[T] | NotHere | Unseen


NOT_YET = Unseen("it was not looked at")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that verify submitted."""

    kind: JobKind
    job_id: str
    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it arrived in the temporary queue. `sent_at_ms` is when EventBridge put it there."""

    document: Mapping[str, Any]
    sent_at_ms: int

    @property
    def detail(self) -> Mapping[str, Any]:
        found = self.document.get("detail")
        return found if isinstance(found, Mapping) else {}

    @property
    def job_id(self) -> str:
        return str(self.detail.get("jobId"))

    @property
    def status(self) -> str:
        return str(self.detail.get("status"))

    @property
    def tries(self) -> Sequence[Any]:
        found = self.detail.get("attempts")
        return found if isinstance(found, Sequence) else ()


@dataclass(frozen=True, slots=True)
class QueueFeed:
    """How Lambda feeds a function from its queue. `ceiling` is the most invocations at a time; None for no limit."""

    function: str
    response_types: tuple[str, ...]
    partial_responses: str | None
    """The function's variable BATCHWRIGHT_PARTIAL_RESPONSES."""
    ceiling: int | None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many invocations an account may have at a time, and how many our two queues may take of them."""

    quota: int
    ceilings: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run of the temporary workflows, as it was last seen: the state of the run, and of its tasks in words."""

    run_id: str
    state: str
    tasks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fired:
    """What a schedule did: when it was due, and when its run was there; None if it never was."""

    due_ms: int
    started_at_ms: int | None


@dataclass(frozen=True)
class Observed:
    """Everything that one call of verify saw. What is not given was not looked at."""

    submitted: tuple[Submitted, ...] = ()
    received: tuple[Received, ...] = ()
    run_ids: tuple[str, ...] = ()
    """The runs whose jobs tell of themselves in these events, too."""
    rule_seconds: Look[float] = NOT_YET
    tags: Look[Mapping[str, str]] = NOT_YET
    mappings: Look[tuple[QueueFeed, ...]] = NOT_YET
    recursion: Look[Mapping[str, str]] = NOT_YET
    concurrency: Look[Concurrency] = NOT_YET
    answers: Look[Mapping[Asked, int]] = NOT_YET
    run: Look[RunSeen] = NOT_YET
    redrive: Look[RunSeen] = NOT_YET
    cancel: Look[RunSeen] = NOT_YET
    schedule: Look[Fired] = NOT_YET
    notices: Look[tuple[Mapping[str, Any], ...]] = NOT_YET
    trouble: Look[tuple[str, ...]] = NOT_YET
    left: Look[tuple[str, ...]] = NOT_YET

    def job(self, kind: JobKind) -> Submitted | None:
        return next((job for job in self.submitted if job.kind is kind), None)

    def events_of(self, kind: JobKind, *, with_children: bool = False) -> list[Received]:
        """The events of a job in the order of their arrival; with those of an array's children if they are wanted."""
        job = self.job(kind)
        if job is None:
            return []
        return [
            one
            for one in self.received
            if one.job_id == job.job_id or (with_children and whole_job_id(one.job_id) == job.job_id)
        ]

    def ending_of(self, kind: JobKind) -> Received | None:
        """The first event that tells of the job's end."""
        return next((one for one in self.events_of(kind) if one.status in ("SUCCEEDED", "FAILED")), None)

    def whose(self) -> Iterator[tuple[Received, Submitted | None]]:
        """Every event with the job of ours that it is about; None for a job of a run."""
        by_id = {job.job_id: job for job in self.submitted}
        for one in self.received:
            yield one, by_id.get(whole_job_id(one.job_id))
