"""What the engine asks of everything but its table (store.py), as protocols. `aws/` speaks to AWS behind them; tests
and the simulator put an in-memory world behind them. One contract suite (tests/contract) runs against every
implementation.

No method retries what may have taken effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.core.chain import BEGINNING, Chain
from chalicelib.core.notice.model import Notice
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.core.run.bus_events import Change
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule
from chalicelib.core.telemetry.metrics import Figure
from chalicelib.core.tokens import TokenRecord


class Clock(Protocol):
    """The one source of time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...

    def wait_until(self, at_ms: int) -> None:
        """Return at that time or after it; at once when it is past. For waits of a few seconds: a Lambda pays for
        them, and longer ones are a message's delay."""
        ...


PERMITS_FORGOTTEN_SECONDS = 60
"""Nobody with a right clock takes permits so far ahead: a line that is taken for longer begins anew."""


class Permits(Protocol):
    """A line of time that all invocations share. Who takes a stretch of it may submit within it; two stretches never
    overlap, so the invocations together keep to the rate by which they measure theirs."""

    def take(self, now_us: int, span_us: int, latest_us: int) -> int | None:
        """Take the first `span_us` microseconds that nobody has, from `now_us` on; returns where they begin.

        None when they would begin after `latest_us`; then nothing is taken. A line that is taken until more than
        PERMITS_FORGOTTEN_SECONDS from `now_us` was drawn by a wrong clock, and begins anew at `now_us`. Of a call
        whose answer is lost the stretch may be wasted; it is never given twice. Raises TryAgain.
        """
        ...


class Tokens(Protocol):
    """The tokens of the HTTP API, without their secrets."""

    def add(self, record: TokenRecord) -> None:
        """Keep a token that was just made. Raises Defect when there is another one of its id. Raises TryAgain."""
        ...

    def token(self, token_id: str) -> TokenRecord | None:
        """The token, read consistently, so that a revocation holds at once. None when there is none. Raises
        TryAgain."""
        ...

    def tokens(self) -> list[TokenRecord]:
        """All tokens, by their ids, those revoked and expired lately among them. Raises TryAgain."""
        ...

    def revoke(self, token_id: str, now_ms: int) -> TokenRecord | None:
        """Note the revocation, unless there is one already; the token as it is then. None when there is none. Raises
        TryAgain."""
        ...

    def note_use(self, token_id: str, now_ms: int) -> None:
        """Note that the token was used, unless that was noted within the hour before; nothing happens where there is
        no token. Raises TryAgain."""
        ...


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job as ListJobs or DescribeJobs tells it, as far as adoption needs it."""

    job_id: str
    job_name: str
    created_at_ms: int


class FailedChildren(Protocol):
    """What is asked of AWS Batch about arrays that failed."""

    def failed_children(self, job_id: str, limit: int) -> list[Mapping[str, Any]]:
        """Some of an array's jobs that failed, in DescribeJobs' shape; none of a job that is no array, or unknown.
        `limit` is 100 at most. Raises TryAgain."""
        ...


class Batch(FailedChildren, Protocol):
    """The part of AWS Batch that changes something. One call, one try: nothing here repeats itself."""

    def submit(self, request: JobRequest) -> str:
        """Submit a job; returns its id.

        Raises AnswerLost when it may have taken effect, Throttled or another TryAgain when it surely has not,
        NotPermitted with Batch's words when the permission for it is missing, and another UserMistake with Batch's
        words when Batch refuses the request for good.
        """
        ...

    def find(self, queue: str, job_name: str) -> list[ListedJob]:
        """The jobs of exactly that name in a queue, oldest first. May lag behind `submit`. Raises TryAgain."""
        ...

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The details of jobs by id, in DescribeJobs' shape, which is that of an event's detail. A job that Batch does
        not know is left out; one that was just submitted may be, too. Raises TryAgain."""
        ...

    def terminate(self, job_ids: Sequence[str], reason: str) -> None:
        """Cancel or terminate jobs, as many at a time as Batch takes; a job that ended or is unknown does not matter.

        Raises TryAgain if any could not be asked for.
        """
        ...


Timer = tuple[str, int]
"""A message and the seconds after which it is delivered."""


class Commands(Protocol):
    """The commands queue: work that must outlive the invocation that found it, and timers. `chain` says how often the
    work has come back to the queue (core/chain.py)."""

    def send(self, bodies: Sequence[str], delay_seconds: int = 0, chain: Chain = BEGINNING) -> None:
        """Put the messages on the queue; a delay is at most 900 seconds. Raises TryAgain if any did not get there."""
        ...

    def send_timers(self, timers: Sequence[Timer], chain: Chain = BEGINNING) -> None:
        """As `send`, each message with a delay of its own."""
        ...


class Scheduler(Protocol):
    """EventBridge Scheduler: puts a StartScheduled command on the commands queue at each time of a schedule."""

    def place(self, record: ScheduleRecord, schedule: Schedule, now_ms: int) -> None:
        """Make or change what is there for this schedule, so that its times after now are told. Raises TryAgain, and
        UserMistake with the service's words when it refuses the schedule for good."""
        ...

    def remove(self, workflow: str, name: str) -> None:
        """See to it that nothing is there for this schedule. Raises TryAgain, and UserMistake as above."""
        ...


class Backlog(Protocol):
    """How far the handling of a queue is behind."""

    def waiting(self) -> int:
        """About how many messages the queue holds: those that can be received, those that somebody has and did not
        delete, and those that are delayed. What was sent within the last minute may be missing. Raises TryAgain."""
        ...


class Inbox(Protocol):
    """What the receiver of a queue's messages may do with them. A handle that is not valid any more does not matter:
    its message was deleted, or somebody else has it."""

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Take the messages off the queue for good. Raises TryAgain if any may still be there."""
        ...

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Hide the message for so long from now on, then deliver it again; at most 43,200 seconds. Raises TryAgain."""
        ...


class DeadLetters(Protocol):
    """Where the messages of one queue lie that could not be handled, each with the reason."""

    def put(
        self,
        body: str,
        reason: str,
        receive_count: int,
        *,
        sent_at_ms: int | None = None,
        first_received_at_ms: int | None = None,
    ) -> None:
        """Keep a message that is given up. What the service cannot hold of the reason is replaced; an empty one is
        none. Putting a message twice keeps it twice. Raises TryAgain."""
        ...


class Notices(Protocol):
    """Where people and programs hear of what happened."""

    def publish(self, notice: Notice) -> None:
        """Publish at least once; the notice's id lets a consumer drop a repeat. Raises TryAgain."""
        ...

    def send(self, notice: Notice, queue: str) -> None:
        """Put the notice on a run's own queue, named so, at least once. Raises TryAgain, and UserMistake when it can
        never get there: there is no such queue, or it refuses us."""
        ...


class Chat(Protocol):
    """A channel of a chat that notices are posted to."""

    def post(self, message: Mapping[str, Any]) -> None:
        """Post a message; twice is two messages. Raises ChatBusy when it surely was not posted, AnswerLost when it may
        have been, another TryAgain, ChatRefused when the chat will never take it, and UserMistake when the channel's
        address is none. No error and no line of a log holds the address, which is a secret."""
        ...


class Changes(Protocol):
    """The event bus that carries the changes of runs and tasks to whoever has a rule for them."""

    def tell(self, changes: Sequence[Change]) -> None:
        """Put them on the bus at least once; a change's id lets a consumer drop a repeat. Raises TryAgain if any did
        not get there, and UserMistake if all did but those that it will never take."""
        ...


class Figures(Protocol):
    """How the engine counts and times what it does (core/telemetry/metrics.py). Nothing here fails or waits. Nothing
    hangs on a figure: an invocation that dies takes its own with it."""

    def count(self, figure: Figure, count: int = 1, *, run_id: str | None = None, **told_by: str) -> None:
        """So many more. `told_by` holds a value for each of the figure's dimensions but the stage; `run_id` is no
        dimension, and goes where figures can be looked up by it."""
        ...

    def time(self, figure: Figure, duration_ms: int, *, run_id: str | None = None, **told_by: str) -> None:
        """Something took so long; less than nothing, by clocks that differ, is nothing. As `count` otherwise."""
        ...

    def flush(self, request_id: str) -> None:
        """Hand on what was counted since the last time: once at the end of each invocation, also of one that failed."""
        ...


class NoFigures:
    """Counts nothing: for whoever has nobody to tell."""

    def count(self, figure: Figure, count: int = 1, *, run_id: str | None = None, **told_by: str) -> None:
        pass

    def time(self, figure: Figure, duration_ms: int, *, run_id: str | None = None, **told_by: str) -> None:
        pass

    def flush(self, request_id: str) -> None:
        pass


NO_FIGURES = NoFigures()


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line that a job wrote, without its end."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines of a log, oldest first, and the token of what follows them; None: from the beginning, for nothing has been
    written yet. At the end of the log the token is the one that was given."""

    lines: tuple[WrittenLine, ...]
    token: str | None


class Logs(Protocol):
    """What jobs wrote, one log stream a try of a job. `stream` is its place, as core/batch/log_location.py writes
    it."""

    def read(self, stream: str, limit: int, *, token: str | None = None) -> LogLines:
        """The lines behind a token, from the beginning without one; at most `limit`, up to 10,000. May give fewer, or
        none, though there are more: only the same token means the end. Raises UserMistake for a token that is none,
        and TryAgain."""
        ...

    def tail(self, stream: str, lines: int) -> LogLines:
        """The last so many lines, up to 10,000. Raises TryAgain."""
        ...
