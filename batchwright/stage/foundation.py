"""The foundation of a stage, infra/foundation.yaml: where it is, and what its outputs mean to the app.

Owns the one mapping from the stack's outputs to the app's variables. The local AWS, the commands and the benchmarks set
them all from here. A deployed function is only told the settings that are not as usual.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchwright.stage.project import PROJECT_FOLDER
from chalicelib.wiring import (
    BLOCKED_QUEUES,
    EVENT_BUS,
    JOBS_KEPT_DAYS,
    NONE,
    NOTIFY,
    OBSERVE_JOBS,
    OBSERVE_STATES,
    RECORD_JOBS,
    USUAL,
)

FOUNDATION = PROJECT_FOLDER / "infra" / "foundation.yaml"

_OUTPUT_OF = {
    "BATCHWRIGHT_TABLE": "TableName",
    "BATCHWRIGHT_EVENTS_QUEUE": "EventsQueueName",
    "BATCHWRIGHT_EVENTS_QUEUE_URL": "EventsQueueUrl",
    "BATCHWRIGHT_EVENTS_DEAD_URL": "EventsDeadLettersUrl",
    "BATCHWRIGHT_COMMANDS_QUEUE": "CommandsQueueName",
    "BATCHWRIGHT_COMMANDS_QUEUE_URL": "CommandsQueueUrl",
    "BATCHWRIGHT_COMMANDS_DEAD_URL": "CommandsDeadLettersUrl",
    "BATCHWRIGHT_TOPIC_ARN": "TopicArn",
    "BATCHWRIGHT_BUCKET": "BucketName",
    "BATCHWRIGHT_SCHEDULE_GROUP": "ScheduleGroupName",
    "BATCHWRIGHT_SCHEDULER_ROLE_ARN": "SchedulerRoleArn",
    "BATCHWRIGHT_COMMANDS_QUEUE_ARN": "CommandsQueueArn",
    "BATCHWRIGHT_COMMANDS_DEAD_ARN": "CommandsDeadLettersArn",
    OBSERVE_JOBS: "ObservedJobs",
    OBSERVE_STATES: "ObservedStates",
    RECORD_JOBS: "RecordedJobs",
    JOBS_KEPT_DAYS: "JobsKeptDays",
    NOTIFY: "Notify",
    BLOCKED_QUEUES: "BlockedQueues",
    EVENT_BUS: "EventBus",
}

VARIABLE_NAMES = tuple(_OUTPUT_OF)
"""The app's variables that a foundation gives."""

USUAL_SETTINGS = {
    OBSERVE_JOBS: "ours",
    OBSERVE_STATES: "deciding",
    RECORD_JOBS: "foreign",
    JOBS_KEPT_DAYS: "90",
    NOTIFY: USUAL,
    BLOCKED_QUEUES: "told",
    EVENT_BUS: NONE,
}
"""The variables that come from the template's parameters, and what the app takes each for if it is not set. All others
are derived from the stage's name (chalicelib/core/addresses.py)."""


def stack_name(stage: str) -> str:
    """The name of a stage's stack."""
    return f"batchwright-{stage}"


def variables_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """The app's variables, from the outputs of its stage's stack. Raises KeyError for an output that it lacks."""
    return {variable: outputs[output] for variable, output in _OUTPUT_OF.items()}


def function_variables(outputs: Mapping[str, str]) -> dict[str, str | None]:
    """The variables that tell the functions about the stage's foundation: the settings that are not as usual. All
    others are None, because nothing is to be set for them. Raises KeyError for an output that is missing."""
    told = variables_of(outputs)
    unusual = {name: told[name] for name, usual in USUAL_SETTINGS.items() if told[name] != usual}
    return {**dict.fromkeys(VARIABLE_NAMES), **unusual}
