"""Limits of AWS that Batchwright checks before anything is submitted, and the few of its own.

AWS Batch: https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html and the SubmitJob API reference.
"""

import re

JOB_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
JOB_NAME_LENGTH = 128
ARRAY_SIZE_MAXIMUM = 10_000
SUBMIT_PAYLOAD_BYTES = 30 * 1024
CONTAINER_OVERRIDES_CHARACTERS = 8_192
TIMEOUT_SECONDS_MINIMUM = 60
ATTEMPTS_MAXIMUM = 10
TAGS_MAXIMUM = 50
BATCH_REASON_CHARACTERS = 1_024
"""What Batch takes for the reason of a termination, and what is kept of the one that it gives for an ending."""
RESERVED_ENVIRONMENT_PREFIX = "AWS_BATCH_"
BULK_TERMINATE_IDS = 50
DESCRIBE_IDS = 100

# DynamoDB refuses items above 400 KB; a chunk of a plan leaves room for its keys.
PLAN_CHUNK_BYTES = 350_000
# The longest delay an SQS message can have.
QUEUE_DELAY_SECONDS_MAXIMUM = 900
RECEIPTS_MAXIMUM = 5
"""How often a message is received that keeps failing; `maxReceiveCount` of infra/foundation.yaml."""

# Ours.
DEPTH_MAXIMUM = 50
"""Levels of lists and objects in JSON or YAML, wherever it comes from."""
DIGITS_MAXIMUM = 308
"""Characters of a number in JSON or YAML: the digits of the largest double. Whole numbers are kept exactly."""
TASKS_MAXIMUM = 100_000
TASK_ATTEMPTS_MAXIMUM = 20
"""Attempts of one task in all, whatever the classes of its failures: a record keeps the result of each."""
SHARD_SIZE = 256
"""Tasks whose tally lives in one item: the item stays below 1 KB, so that adding to it costs one write unit."""
MONITORS_MAXIMUM = 50
"""Monitors of a stage: each event of a job is held against all of them."""
SCHEDULES_MAXIMUM = 50
"""Schedules of one workflow: a push brings each of them to EventBridge Scheduler, within one answer."""

NOTIFY_AFTER_SECONDS_MINIMUM = 60
NOTIFY_AFTER_SECONDS_MAXIMUM = 31_536_000
"""Between these a run is late, and a job waits or runs for too long. The sweep looks at a run every few minutes."""
NOTICE_LOG_LINES_MAXIMUM = 50
"""How many lines of its log a failed job may be told with."""
