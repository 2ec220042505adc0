"""The foundation of a stage, infra/foundation.yaml: where it is, and what its outputs mean to the app.

Owns the one mapping from the stack's outputs to the app's variables; the local AWS, a deployment and the benchmarks
set them from here.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchwright.local.functions import PROJECT_FOLDER

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
    "BATCHWRIGHT_OBSERVE_JOBS": "ObservedJobs",
    "BATCHWRIGHT_OBSERVE_STATES": "ObservedStates",
    "BATCHWRIGHT_RECORD_JOBS": "RecordedJobs",
    "BATCHWRIGHT_JOBS_KEPT_DAYS": "JobsKeptDays",
    "BATCHWRIGHT_NOTIFY": "Notify",
    "BATCHWRIGHT_BLOCKED_QUEUES": "BlockedQueues",
    "BATCHWRIGHT_EVENT_BUS": "EventBus",
}

VARIABLE_NAMES = tuple(_OUTPUT_OF)
"""The app's variables that a foundation gives."""


def stack_name(stage: str) -> str:
    """The name of a stage's stack."""
    return f"batchwright-{stage}"


def variables_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """The app's variables, from the outputs of its stage's stack. Raises KeyError for an output that it lacks."""
    return {variable: outputs[output] for variable, output in _OUTPUT_OF.items()}
