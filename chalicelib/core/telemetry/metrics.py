"""The figures that the engine keeps of itself: a closed set, each with its unit, what it is told by, and one sentence.

Owns the names, which are those of the metrics in CloudWatch. Where they are counted is engine/world/telemetry.py's and
its callers', how they get out aws/emf.py's. docs/reference/metrics.md is made from this. Tests hold the
dashboard and the alarms to it.

CloudWatch has a price for each metric, which is a name with one combination of dimension values. So a figure is told by
what has few values and no more; ids and names of workflows, of which there is no end, stand in the log line beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.failure import FailureClass
from chalicelib.core.notice.kinds import NoticeKind
from chalicelib.core.states import RunState

NAMESPACE = "Batchwright"
STAGE = "stage"
"""The dimension that every figure has."""


class Unit(StrEnum):
    """CloudWatch's names of them."""

    COUNT = "Count"
    SECONDS = "Seconds"


class Dimension(StrEnum):
    """What a figure may be told by, beside the stage."""

    STATE = "state"
    FAILURE = "failure"
    QUEUE = "queue"
    """A job queue of AWS Batch."""
    KIND = "kind"
    SOURCE = "source"
    HOW = "how"


class JobEnd(StrEnum):
    """How a job ended, as a figure tells it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It failed, and its task with it."""
    RETRIED = "retried"
    """It failed, and another attempt follows."""
    CANCELLED = "cancelled"


class SweepFind(StrEnum):
    """What a sweep found that no message had brought about."""

    LOST_EVENT = "lost_event"
    """A job ended, and its event was not handled."""
    LOST_TIMER = "lost_timer"
    """A retry was due, and nobody claimed it."""
    DEAD_CLAIM = "dead_claim"
    """A task was claimed, and its owner died."""
    UNSTARTED_TASK = "unstarted_task"
    """A task was ready, and nobody claimed it."""
    OPEN_RECORD = "open_record"
    """A task ended in the tally, and its record was open."""
    UNKNOWN_JOB = "unknown_job"
    """Batch forgot or refused a job."""


class Source(StrEnum):
    """Which of our queues a message came from."""

    EVENTS = "events"
    COMMANDS = "commands"


class Adoption(StrEnum):
    """How a job came to its attempt without the answer of its submission."""

    EVENT = "event"
    """By the event of its end."""
    NAME = "name"
    """By ListJobs, when its owner had died."""


class Figure(StrEnum):
    """The figures."""

    RUNS_STARTED = "runs_started"
    RUNS_REDRIVEN = "runs_redriven"
    RUNS_ENDED = "runs_ended"
    RUN_SECONDS = "run_seconds"
    JOBS_SUBMITTED = "jobs_submitted"
    JOBS_ENDED = "jobs_ended"
    JOBS_FAILED = "jobs_failed"
    JOB_WAIT_SECONDS = "job_wait_seconds"
    JOB_RUN_SECONDS = "job_run_seconds"
    OTHERS_JOBS_ENDED = "others_jobs_ended"
    OTHERS_JOBS_FAILED = "others_jobs_failed"
    EVENT_LAG_SECONDS = "event_lag_seconds"
    OTHERS_EVENT_LAG_SECONDS = "others_event_lag_seconds"
    DUPLICATES_DROPPED = "duplicates_dropped"
    ANSWERS_LOST = "answers_lost"
    JOBS_ADOPTED = "jobs_adopted"
    SECOND_JOBS = "second_jobs"
    SWEEP_FINDS = "sweep_finds"
    MESSAGES_NOT_YET = "messages_not_yet"
    MESSAGES_FAILED = "messages_failed"
    DEAD_LETTERS = "dead_letters"
    GOVERNOR_WAIT_SECONDS = "governor_wait_seconds"
    PERMITS_SHORT = "permits_short"
    SUBMISSIONS_THROTTLED = "submissions_throttled"
    NOTICES_PUBLISHED = "notices_published"
    TELLINGS_REFUSED = "tellings_refused"
    SCHEDULED_TIMES_SKIPPED = "scheduled_times_skipped"
    SCHEDULED_STARTS_FAILED = "scheduled_starts_failed"


@dataclass(frozen=True, slots=True)
class About:
    """`told_by`: the combinations of dimensions beside the stage under which the figure is kept, () being the stage
    alone. All that are named must be given whenever the figure is."""

    unit: Unit
    sentence: str
    told_by: tuple[tuple[Dimension, ...], ...] = ((),)

    @property
    def dimensions(self) -> frozenset[Dimension]:
        return frozenset(dimension for combination in self.told_by for dimension in combination)


_COUNT, _SECONDS = Unit.COUNT, Unit.SECONDS
_BY_STATE, _BY_SOURCE = ((Dimension.STATE,),), ((Dimension.SOURCE,),)
_BY_QUEUE = ((), (Dimension.QUEUE,))

ABOUT: dict[Figure, About] = {
    Figure.RUNS_STARTED: About(_COUNT, "Runs that started, without redrives."),
    Figure.RUNS_REDRIVEN: About(_COUNT, "Redrives that started."),
    Figure.RUNS_ENDED: About(_COUNT, "Runs that ended, with redrives.", _BY_STATE),
    Figure.RUN_SECONDS: About(_SECONDS, "Time from a run's start to its end, without redrives."),
    Figure.JOBS_SUBMITTED: About(_COUNT, "Jobs that Batch accepted."),
    Figure.JOBS_ENDED: About(_COUNT, "Jobs that ended.", _BY_STATE),
    Figure.JOBS_FAILED: About(_COUNT, "Jobs that failed, by class of failure.", ((Dimension.FAILURE,),)),
    Figure.JOB_WAIT_SECONDS: About(
        _SECONDS, "Time from a job's submission to its first start. A repeated event counts again.", _BY_QUEUE
    ),
    Figure.JOB_RUN_SECONDS: About(_SECONDS, "Time from a job's last start to its end.", _BY_QUEUE),
    Figure.OTHERS_JOBS_ENDED: About(_COUNT, "Jobs of others that ended.", _BY_STATE),
    Figure.OTHERS_JOBS_FAILED: About(_COUNT, "Jobs of others that failed, by class.", ((Dimension.FAILURE,),)),
    Figure.EVENT_LAG_SECONDS: About(_SECONDS, "Time from an event, in whole seconds, until it was handled."),
    Figure.OTHERS_EVENT_LAG_SECONDS: About(_SECONDS, "The same for events of others' jobs."),
    Figure.DUPLICATES_DROPPED: About(_COUNT, "Repeated events of jobs' ends."),
    Figure.ANSWERS_LOST: About(_COUNT, "Submissions whose answer was lost."),
    Figure.JOBS_ADOPTED: About(
        _COUNT,
        "Jobs that were found by their last event or by ListJobs after the answer was lost.",
        ((Dimension.HOW,),),
    ),
    Figure.SECOND_JOBS: About(_COUNT, "Second jobs of an attempt. Each was terminated."),
    Figure.SWEEP_FINDS: About(_COUNT, "What the sweep found and repaired.", ((), (Dimension.KIND,))),
    Figure.MESSAGES_NOT_YET: About(_COUNT, "Messages that were postponed.", _BY_SOURCE),
    Figure.MESSAGES_FAILED: About(_COUNT, "Messages that failed and are retried.", _BY_SOURCE),
    Figure.DEAD_LETTERS: About(_COUNT, "Messages that became dead letters.", _BY_SOURCE),
    Figure.GOVERNOR_WAIT_SECONDS: About(_SECONDS, "Wait of a submission for the rate limiter, of those that waited."),
    Figure.PERMITS_SHORT: About(_COUNT, "Times that the next permit was too far ahead."),
    Figure.SUBMISSIONS_THROTTLED: About(_COUNT, "Submissions that Batch answered with 429."),
    Figure.NOTICES_PUBLISHED: About(_COUNT, "Published notices, with repeats.", ((Dimension.KIND,),)),
    Figure.TELLINGS_REFUSED: About(_COUNT, "Notices and bus events that the receiver refused for good."),
    Figure.SCHEDULED_TIMES_SKIPPED: About(_COUNT, "Times that started no run because of `overlap` or `catch_up`."),
    Figure.SCHEDULED_STARTS_FAILED: About(_COUNT, "Times whose run could not be started."),
}

_ENDINGS = tuple(state for state in RunState if state.ended)
VALUES: dict[tuple[Figure, Dimension], tuple[str, ...]] = {
    (Figure.RUNS_ENDED, Dimension.STATE): _ENDINGS,
    (Figure.JOBS_ENDED, Dimension.STATE): tuple(JobEnd),
    (Figure.JOBS_FAILED, Dimension.FAILURE): tuple(FailureClass),
    (Figure.OTHERS_JOBS_ENDED, Dimension.STATE): (JobEnd.SUCCEEDED, JobEnd.FAILED),
    (Figure.OTHERS_JOBS_FAILED, Dimension.FAILURE): tuple(FailureClass),
    (Figure.JOBS_ADOPTED, Dimension.HOW): tuple(Adoption),
    (Figure.SWEEP_FINDS, Dimension.KIND): tuple(SweepFind),
    (Figure.MESSAGES_NOT_YET, Dimension.SOURCE): tuple(Source),
    (Figure.MESSAGES_FAILED, Dimension.SOURCE): tuple(Source),
    (Figure.DEAD_LETTERS, Dimension.SOURCE): tuple(Source),
    (Figure.NOTICES_PUBLISHED, Dimension.KIND): tuple(NoticeKind),
}
"""The values of the dimensions that are not names of somebody's making. Of job queues an account has 50 at most:
https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html"""


def metrics_maximum(queues: int) -> int:
    """How many metrics a stage has at most, whose jobs are in so many queues: what CloudWatch has a price for."""
    total = 0
    for figure, about in ABOUT.items():
        for combination in about.told_by:
            size = 1
            for dimension in combination:
                size *= queues if dimension is Dimension.QUEUE else len(VALUES[figure, dimension])
            total += size
    return total
