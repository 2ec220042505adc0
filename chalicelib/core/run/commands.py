"""The messages of the commands queue: work that must outlive the invocation that found it.

Each may be delivered more than once, late, and beside itself; each handler is harmless when repeated. A new kind is a
dataclass here, a member of `Command`, and a case in engine/inbox/commands.py: what its fields may hold is read off
their annotations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, get_args

from chalicelib.core.dataclass_json import read_fields
from chalicelib.core.errors import MalformedMessage
from chalicelib.core.ids import Attempt
from chalicelib.core.notice.window import monitor_scope, run_scope
from chalicelib.core.schedule.model import read_moment_ms
from chalicelib.core.suggest import shown


@dataclass(frozen=True, slots=True)
class SubmitTasks:
    """Submit the first attempts of these tasks; they are ready."""

    kind: ClassVar[str] = "submit_tasks"
    run_id: str
    epoch: int
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RetryTask:
    """Submit the attempt after `failed_number`, whose job was `failed_job_id`, not before a time."""

    kind: ClassVar[str] = "retry_task"
    run_id: str
    epoch: int
    index: int
    failed_number: int
    failed_job_id: str
    not_before_ms: int

    @property
    def next_attempt(self) -> Attempt:
        return Attempt(self.run_id, self.epoch, self.index, self.failed_number + 1)


@dataclass(frozen=True, slots=True)
class JobRefused:
    """Batch refused an attempt's submission for good: handle it as a job that failed, under a stand-in id."""

    kind: ClassVar[str] = "job_refused"
    run_id: str
    epoch: int
    index: int
    number: int
    job_id: str
    reason: str

    @property
    def attempt(self) -> Attempt:
        return Attempt(self.run_id, self.epoch, self.index, self.number)


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Terminate what is alive of a run and start nothing more."""

    kind: ClassVar[str] = "cancel_run"
    run_id: str
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class HealRun:
    """Do with a run what its record says: pause it, or go on with whatever is due, task by task."""

    kind: ClassVar[str] = "heal_run"
    run_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class StartScheduled:
    """It is a schedule's time: EventBridge Scheduler's message, `scheduled_at` as it writes times."""

    kind: ClassVar[str] = "start_scheduled"
    workflow: str
    schedule: str
    scheduled_at: str

    @property
    def scheduled_at_ms(self) -> int:
        try:
            return read_moment_ms(self.scheduled_at)
        except ValueError as error:
            raise MalformedMessage(
                f"not a command of ours: start_scheduled: scheduled_at must be a time with its offset, "
                f"not {shown(self.scheduled_at)}"
            ) from error


@dataclass(frozen=True, slots=True)
class ScheduleNext:
    """A run of this schedule has ended, or more is to be started: look what is next."""

    kind: ClassVar[str] = "schedule_next"
    workflow: str
    schedule: str


@dataclass(frozen=True, slots=True)
class TellTaskFailures:
    """The time of a window is over: close it, and tell the tasks that failed in a run's epoch
    (engine/publishing/failures.py)."""

    kind: ClassVar[str] = "tell_task_failures"
    run_id: str
    epoch: int
    number: int
    closes_ms: int

    @property
    def scope(self) -> str:
        return run_scope(self.run_id, self.epoch)


@dataclass(frozen=True, slots=True)
class TellJobFailures:
    """The time of a window is over: close it, and tell the jobs that a monitor saw fail (engine/watch/monitors.py):
    those that were created on a `day`, since it watches for these failures."""

    kind: ClassVar[str] = "tell_job_failures"
    monitor: str
    since_ms: int
    day: str
    number: int
    closes_ms: int

    @property
    def scope(self) -> str:
        return monitor_scope(self.monitor, self.since_ms, self.day)


TellFailures = TellTaskFailures | TellJobFailures
Command = SubmitTasks | RetryTask | JobRefused | CancelRun | HealRun | StartScheduled | ScheduleNext | TellFailures
_KINDS: dict[str, type[Command]] = {cls.kind: cls for cls in get_args(Command)}


def encode(command: Command) -> str:
    """The message body of a command."""
    return json.dumps({"kind": command.kind, **asdict(command)}, separators=(",", ":"))


def decode(body: str) -> Command:
    """The command in a message body; raises MalformedMessage naming the field, the rule and the value."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"not a command of ours: {type(error).__name__}: {error}") from error
    if not isinstance(document, dict):
        raise MalformedMessage(f"not a command of ours: it must be an object, not {shown(document)}")
    kind = document.pop("kind", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MalformedMessage(f"not a command of ours: kind must be one of {', '.join(_KINDS)}, not {shown(kind)}")
    try:
        return read_fields(_KINDS[kind], document)
    except MalformedMessage as error:
        raise MalformedMessage(f"not a command of ours: {kind}: {error}") from error


def in_chunks(run_id: str, epoch: int, indexes: Sequence[int], size: int) -> Iterator[SubmitTasks]:
    """Ready tasks as commands of at most `size` tasks each."""
    for start in range(0, len(indexes), size):
        yield SubmitTasks(run_id, epoch, tuple(indexes[start : start + size]))
