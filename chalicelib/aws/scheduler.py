"""The scheduler port over EventBridge Scheduler: one schedule of ours is one schedule there, in the stage's group.

Owns the names there, what the target receives, and the limits on dates. When the times are is core/schedule/model.py's.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.answers import ClientError, answers, code_of, meaning_of, message_of
from chalicelib.core.errors import TryAgain, UserMistake
from chalicelib.core.ids import slug
from chalicelib.core.run.commands import StartScheduled, encode
from chalicelib.core.schedule.decisions import ScheduleRecord
from chalicelib.core.schedule.model import Schedule, Times

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""What EventBridge Scheduler replaces by the time, written as 2022-03-22T18:59:43Z. It looks for it in the text of the
input, so the angle brackets must not be escaped.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""

VARIABLES = {
    "group": "BATCHWRIGHT_SCHEDULE_GROUP",
    "role_arn": "BATCHWRIGHT_SCHEDULER_ROLE_ARN",
    "queue_arn": "BATCHWRIGHT_COMMANDS_QUEUE_ARN",
    "dead_arn": "BATCHWRIGHT_COMMANDS_DEAD_ARN",
}
# The most that the service offers, and its default: a day of tries. Then the message lies with the dead letters.
_RETRY_POLICY = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
_NAME_CHARACTERS = 24
_END_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage's schedules are kept, and what they may send to."""

    group: str
    role_arn: str
    queue_arn: str
    dead_arn: str


def schedule_name(workflow: str, name: str) -> str:
    """The name there: readable first, then a hash, for 64 characters are too few for both names."""
    unique = hashlib.sha256(f"{workflow}\n{name}".encode()).hexdigest()[:12]
    return f"{slug(workflow)[:_NAME_CHARACTERS]}-{slug(name)[:_NAME_CHARACTERS]}-{unique}"


class EventBridgeScheduler:
    """Keeps schedules in one schedule group. The client is made at the first call, for few invocations make one."""

    def __init__(self, make_client: Callable[[], Any], place: Place) -> None:
        self._make_client = make_client
        self._made: Any = None
        self._place = place

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = self._make_client()
        return self._made

    def place(self, record: ScheduleRecord, schedule: Schedule, now_ms: int) -> None:
        next_ms = Times(schedule, record.since_ms).next_after(now_ms)
        if next_ms is None:
            # It refuses an end or a time that is past.
            self.remove(record.workflow, record.name)
            return
        request = self._request(record, schedule, next_ms, now_ms)
        if not self._update(request) and not self._create(request) and not self._update(request):
            raise TryAgain(f"schedule {request['Name']} comes and goes")

    def remove(self, workflow: str, name: str) -> None:
        there = schedule_name(workflow, name)
        with answers("DeleteSchedule"):
            try:
                self._client.delete_schedule(Name=there, GroupName=self._place.group)
            except ClientError as error:
                if code_of(error) == "ConflictException":
                    raise TryAgain(f"DeleteSchedule: {message_of(error)}") from error
                if code_of(error) != "ResourceNotFoundException":
                    raise _meaning_of(error, "DeleteSchedule", there) from error

    def _update(self, request: Mapping[str, Any]) -> bool:
        """Whether it was there."""
        return self._ask("UpdateSchedule", self._client.update_schedule, request, "ResourceNotFoundException")

    def _create(self, request: Mapping[str, Any]) -> bool:
        """Whether it was not there."""
        return self._ask("CreateSchedule", self._client.create_schedule, request, "ConflictException")

    def _ask(self, operation: str, call: Any, request: Mapping[str, Any], otherwise: str) -> bool:
        with answers(operation):
            try:
                call(**request)
            except ClientError as error:
                if code_of(error) == otherwise:
                    return False
                if code_of(error) == "ConflictException":
                    raise TryAgain(f"{operation}: {message_of(error)}") from error
                raise _meaning_of(error, operation, request["Name"]) from error
        return True

    def _request(self, record: ScheduleRecord, schedule: Schedule, next_ms: int, now_ms: int) -> dict[str, Any]:
        request: dict[str, Any] = {
            "Name": schedule_name(record.workflow, record.name),
            "GroupName": self._place.group,
            "Description": f"Schedule {record.name} of workflow {record.workflow}",
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.time_zone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "ActionAfterCompletion": "NONE",
            "Target": {
                "Arn": self._place.queue_arn,
                "RoleArn": self._place.role_arn,
                "Input": encode(StartScheduled(record.workflow, record.name, SCHEDULED_TIME)),
                "RetryPolicy": _RETRY_POLICY,
                "DeadLetterConfig": {"Arn": self._place.dead_arn},
            },
        }
        starts_ms = schedule.starts_at_ms
        if schedule.rate is not None:
            # It counts a rate from the start date, which may not lie behind by more than five minutes.
            starts_ms = next_ms
        if starts_ms is not None and starts_ms > now_ms:
            request["StartDate"] = starts_ms // 1000
        if schedule.ends_at_ms is not None:
            # It may send only before its end date, and ours is a time still. One message too many does no harm.
            request["EndDate"] = schedule.ends_at_ms // 1000 + _END_SECONDS
        return request


def _meaning_of(error: ClientError, operation: str, name: str) -> Exception:
    """What to raise for an error answer of a call that concerns one schedule."""
    return meaning_of(error, operation) or UserMistake(_sentence(error, operation, name))


def _sentence(error: ClientError, operation: str, name: str) -> str:
    """Why a schedule was refused, and what to do about it."""
    match code_of(error):
        case "AccessDeniedException":
            return (
                f"AWS does not allow {operation} of {name}: {message_of(error)}; whoever pushes needs this permission, "
                "and iam:PassRole for the role that schedules send with"
            )
        case "ServiceQuotaExceededException":
            return (
                f"the account has no room for {name} at EventBridge Scheduler: {message_of(error)}; remove schedules "
                "that are over, or ask AWS for a higher quota"
            )
        case "ResourceNotFoundException":
            return f"{name} has no place at EventBridge Scheduler: {message_of(error)}; deploy the stage again"
        case code:
            return f"EventBridge Scheduler refuses {name}: {message_of(error)} ({code})"


def place_of(environment: Mapping[str, str]) -> Place:
    """Where an environment says that schedules are kept; it has all of VARIABLES."""
    return Place(**{field: environment[variable] for field, variable in VARIABLES.items()})
