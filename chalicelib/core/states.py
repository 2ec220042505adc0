"""The states of tasks and runs, and the one table that says which state follows which event.

Owns the words and the transitions; knows nothing of stores, tallies or AWS calls.
"""

from __future__ import annotations

from enum import StrEnum

from chalicelib.core.errors import Defect


class TaskState(StrEnum):
    """Where a task of a run is. One sentence each: what it means, and who moves it on."""

    WAITING = "waiting"
    """No attempt is under way: its trigger rule does not hold yet, or a retry's backoff runs. A claim moves it on."""
    CLAIMED = "claimed"
    """One invocation has the right to submit it. The submission moves it on."""
    SUBMITTED = "submitted"
    """Batch gave its job an id. The job's first event moves it on."""
    PENDING = "pending"
    """Batch holds the job back (an array parent stays here until its children end). The job's events move it on."""
    RUNNABLE = "runnable"
    """The job waits for capacity. The job's events move it on."""
    STARTING = "starting"
    """The container is being started. The job's events move it on."""
    RUNNING = "running"
    """The container runs. The job's last event moves it on."""
    SUCCEEDED = "succeeded"
    """Its job succeeded. Final."""
    FAILED = "failed"
    """Its last attempt failed and none is left. Final."""
    SKIPPED = "skipped"
    """Its trigger rule can no longer hold, and no failure is the cause. Final."""
    UPSTREAM_FAILED = "upstream_failed"
    """Its trigger rule can no longer hold because of a failure before it. Final."""
    CANCELLED = "cancelled"
    """The run was cancelled before it ended. Final."""

    @property
    def ended(self) -> bool:
        return self in ENDINGS


class RunState(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    """Tasks are being started as they become ready. The last ending of a task moves it on."""
    PAUSED = "paused"
    """No new task is claimed; running jobs go on. A resume moves it on."""
    CANCELLING = "cancelling"
    """Nothing is started any more and jobs are being terminated. The last of their endings moves it on."""
    SUCCEEDED = "succeeded"
    """Every task ended, and each one without `allow_failure` has its result or was skipped. Final."""
    FAILED = "failed"
    """Every task ended, and one without `allow_failure` is `failed` or `upstream_failed`. Final."""
    CANCELLED = "cancelled"
    """It was cancelled and no job of it is alive. Final."""

    @property
    def ended(self) -> bool:
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


class TriggerRule(StrEnum):
    """When a task may start, judged by how its parents ended. Names and meaning are Airflow's:
    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules"""

    ALL_SUCCESS = "all_success"
    """All parents succeeded."""
    ALL_DONE = "all_done"
    """All parents ended, in any way."""
    ALL_FAILED = "all_failed"
    """All parents are `failed` or `upstream_failed`."""
    ONE_SUCCESS = "one_success"
    """One parent succeeded. The others may still run."""
    ONE_FAILED = "one_failed"
    """One parent is `failed` or `upstream_failed`. The others may still run."""
    NONE_FAILED = "none_failed"
    """All parents ended, and each succeeded or was skipped."""
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    """As `none_failed`, and at least one parent succeeded."""


class JobStatus(StrEnum):
    """The statuses of a Batch job, in Batch's spelling."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED)

    @property
    def rank(self) -> int:
        """Place in Batch's life cycle; both endings share the highest."""
        return min(tuple(JobStatus).index(self), 5)


ENDINGS = (
    TaskState.SUCCEEDED,
    TaskState.FAILED,
    TaskState.SKIPPED,
    TaskState.UPSTREAM_FAILED,
    TaskState.CANCELLED,
)

WITHOUT_RESULT = (TaskState.FAILED, TaskState.UPSTREAM_FAILED)
"""Endings that fail the run, unless the task has `allow_failure`."""

STATE_OF_STATUS = {
    JobStatus.SUBMITTED: TaskState.SUBMITTED,
    JobStatus.PENDING: TaskState.PENDING,
    JobStatus.RUNNABLE: TaskState.RUNNABLE,
    JobStatus.STARTING: TaskState.STARTING,
    JobStatus.RUNNING: TaskState.RUNNING,
    JobStatus.SUCCEEDED: TaskState.SUCCEEDED,
    JobStatus.FAILED: TaskState.FAILED,
}

OPEN_STATES = tuple(state for state in TaskState if state not in ENDINGS)
"""States of a task record that may still change."""

UNDER_WAY = (
    TaskState.SUBMITTED,
    TaskState.PENDING,
    TaskState.RUNNABLE,
    TaskState.STARTING,
    TaskState.RUNNING,
)
"""States of a task whose job Batch holds."""

RUN_STATES_BEFORE: dict[RunState, tuple[RunState, ...]] = {
    RunState.RUNNING: (RunState.PAUSED,),
    RunState.PAUSED: (RunState.RUNNING,),
    RunState.CANCELLING: (RunState.RUNNING, RunState.PAUSED),
    RunState.SUCCEEDED: (RunState.RUNNING, RunState.PAUSED),
    RunState.FAILED: (RunState.RUNNING, RunState.PAUSED),
    # From running, if a redrive kept tasks that were cancelled.
    RunState.CANCELLED: (RunState.CANCELLING, RunState.RUNNING, RunState.PAUSED),
}
"""The transition table of runs, within an epoch: from which states a run may move to the one named.

The stores turn a row of it into the condition of a write. A redrive begins a new epoch of a run that has ended.
"""

_LIFE_OF_A_JOB = (TaskState.CLAIMED, *UNDER_WAY)

STATES_BEFORE: dict[TaskState, tuple[TaskState, ...]] = {
    # A claim of a first attempt puts a record where none was; `waiting` is a record between two attempts, and
    # `claimed` to `claimed` is a take-over.
    TaskState.WAITING: _LIFE_OF_A_JOB,
    TaskState.CLAIMED: (TaskState.WAITING, TaskState.CLAIMED),
    TaskState.SUBMITTED: (TaskState.CLAIMED,),
    TaskState.PENDING: (TaskState.CLAIMED, TaskState.SUBMITTED),
    TaskState.RUNNABLE: (TaskState.CLAIMED, TaskState.SUBMITTED, TaskState.PENDING),
    TaskState.STARTING: (TaskState.CLAIMED, TaskState.SUBMITTED, TaskState.PENDING, TaskState.RUNNABLE),
    TaskState.RUNNING: _LIFE_OF_A_JOB[:-1],
    TaskState.SUCCEEDED: OPEN_STATES,
    TaskState.FAILED: OPEN_STATES,
    TaskState.CANCELLED: OPEN_STATES,
    # These two end a task that never had a record, so no record ever moves to them.
    TaskState.SKIPPED: (),
    TaskState.UPSTREAM_FAILED: (),
}
"""The transition table of task records: from which states a record may move to the one named.

The stores turn a row of it into the condition of a write, so that a late event cannot move a record backwards.
"""


def states_before(state: TaskState, *, job_started_over: bool = False) -> tuple[TaskState, ...]:
    """The states from which a record may move to `state`.

    `job_started_over`: Batch itself retried the job, so its statuses begin anew and only an ending is final.
    """
    if job_started_over and state in _LIFE_OF_A_JOB[2:]:
        return _LIFE_OF_A_JOB
    return STATES_BEFORE[state]


def check_observed(state: TaskState) -> None:
    """Raise Defect when a job that is under way cannot have that state."""
    if state.ended or state in (TaskState.WAITING, TaskState.CLAIMED):
        raise Defect(f"observe records a job under way; '{state}' is not such a state (endings are committed)")
