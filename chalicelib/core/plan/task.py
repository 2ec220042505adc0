"""A task of a plan: its job, its trigger rule, and what follows its failures.

Owns the shapes and their defaults, which the stored form leaves out. What a retry policy comes to is `retry.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.failure import FailureClass
from chalicelib.core.states import TriggerRule

BACKOFF_MAX_SECONDS = 3_600
"""What a pause between attempts grows to at most, unless a policy says otherwise."""

Text = str
"""A string that may hold `${...}` expressions."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a task asks of Batch. Strings may hold `${...}`; a number may be one whole expression.

    `vcpus` in vCPUs, `memory_mib` in MiB, `timeout_seconds` for one attempt. None leaves it to the job definition.
    `array_labels` name the children of an array, for people.
    """

    job_definition: Text
    queue: Text
    command: tuple[Text, ...] | None = None
    environment: tuple[tuple[str, Text], ...] = ()
    parameters: tuple[tuple[str, Text], ...] = ()
    vcpus: float | Text | None = None
    memory_mib: int | Text | None = None
    gpus: int | Text | None = None
    array_size: int | Text | None = None
    timeout_seconds: int | Text | None = None
    tags: tuple[tuple[str, Text], ...] = ()
    array_labels: tuple[str, ...] | Text = ()


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """What a task does about failures of one class. The `attempts`-th failure of the class is final.

    `backoff_seconds` None takes the policy's. Each failure of the class multiplies the next attempt's memory by
    `memory_factor`, up to `memory_maximum_mib` (both None or neither), and sends it to `queue`.
    """

    failure: FailureClass
    attempts: int
    backoff_seconds: int | None = None
    memory_factor: float | None = None
    memory_maximum_mib: int | None = None
    queue: Text | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What follows a task's failures, by their class. What the fields come to is `retry.py`'s.

    `attempts` is for all classes that `on` does not name: 1 is no retry, None leaves them to the defaults. The pause
    grows from `backoff_seconds` (None: the default of the class) by `backoff_factor` each time, up to
    `backoff_max_seconds`; with `jitter` it is drawn between nothing and that. `on` is sorted by class.
    """

    attempts: int | None = None
    backoff_seconds: int | None = None
    backoff_factor: float = 2.0
    backoff_max_seconds: int = BACKOFF_MAX_SECONDS
    jitter: bool = True
    on: tuple[ClassPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A node of the plan. Its index is its place in `Plan.tasks`."""

    name: str
    job: JobSpec
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    allow_failure: bool = False
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Requested:
    """What an attempt's request asks of Batch, as far as others need it later, so that nobody renders it again.

    `queue` is a name or an ARN. `array_size` is None for a task that is no array.
    """

    queue: str
    array_size: int | None = None
