"""The app's functions on this machine: what `app.py` declares, called as Lambda would call it.

Owns the loading of the app, Lambda's event and context shapes. There is no second engine: every call ends in the
handler that a deployment runs.
"""

from __future__ import annotations

import importlib
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchwright.stage.project import PROJECT_FOLDER


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue that a function consumes, as `app.on_sqs_message` declares it. `concurrency`: how many invocations at
    once Lambda makes of it; None if the app leaves that open."""

    function: str
    queue: str
    batch_size: int
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class ScheduleSource:
    """A schedule that calls a function, as `app.schedule` declares it: `expression` is rate(...) or cron(...)."""

    function: str
    expression: str


class LambdaContext:
    """As much of Lambda's context as a handler may ask for."""

    def __init__(self, function_name: str) -> None:
        self.function_name = function_name
        self.aws_request_id = str(uuid.uuid4())
        # The local AWS names everything by variables, so nothing is derived from an account.
        self.invoked_function_arn = ""
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.memory_limit_in_mb = "256"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def load_app(project_folder: Path = PROJECT_FOLDER) -> Any:
    """The Chalice app of a project's app.py."""
    if str(project_folder) not in sys.path:
        sys.path.insert(0, str(project_folder))
    return importlib.import_module("app").app


class Functions:
    """The functions of an app. Its wiring reads the process's environment at the first call."""

    def __init__(self, project_folder: Path = PROJECT_FOLDER) -> None:
        self._app: Any = load_app(project_folder)
        self._module = sys.modules["app"]

    def queues(self) -> list[QueueSource]:
        """The queues that the app consumes."""
        return [
            QueueSource(source.name, source.queue, source.batch_size, source.maximum_concurrency)
            for source in self._app.event_sources
            if type(source).__name__ == "SQSEventConfig"
        ]

    def schedules(self) -> list[ScheduleSource]:
        """The schedules that the app declares."""
        return [
            ScheduleSource(source.name, _expression(source.schedule_expression))
            for source in self._app.event_sources
            if type(source).__name__ == "ScheduledEventConfig"
        ]

    def invoke(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Call a function by its name in app.py; what it returns or raises."""
        return getattr(self._module, function)(dict(payload), LambdaContext(function))

    def invoke_on_schedule(self, source: ScheduleSource) -> None:
        """Call a scheduled function as EventBridge would."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": now,
            "region": "us-east-1",
            "resources": [],
            "detail": {},
        }
        self.invoke(source.function, event)

    def invoke_with_messages(self, source: QueueSource, messages: Sequence[Mapping[str, Any]]) -> set[str]:
        """Hand a batch of received SQS messages to the function that consumes their queue. Returns the ids of those
        that it reports as left."""
        answer = self.invoke(source.function, {"Records": [record_of(message, source.queue) for message in messages]})
        failures = answer.get("batchItemFailures", ()) if isinstance(answer, dict) else ()
        return {failure["itemIdentifier"] for failure in failures}


def record_of(message: Mapping[str, Any], queue: str) -> dict[str, Any]:
    """A received message in the shape that Lambda's event source mapping gives it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": _attributes(message.get("MessageAttributes", {})),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
    }


def _attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """A message's own attributes: SQS begins the names of their parts with a capital, and Lambda does not."""
    return {
        name: {part[0].lower() + part[1:]: value for part, value in attribute.items()}
        for name, attribute in attributes.items()
    }


def _expression(expression: Any) -> str:
    return expression if isinstance(expression, str) else str(expression.to_string())
