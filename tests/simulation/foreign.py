"""Jobs that no run submitted, in a simulated world: they appear on Batch, live their lives, and nobody of ours touches
them.

Owns the jobs, what truly happened to each, and the rules for their records. Their events travel as those of all jobs do
(eventbridge.py); what monitors say of them is judged by monitored.py. Drawn in some worlds only, from dice of their
own, so that the others play as they would without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from chalicelib.core.batch.job_record import JobRecord
from tests.simulation.faults import derived
from tests.simulation.invariants import must
from tests.simulation.scope import Scope

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedWorld

SHARE = 0.02
"""Of the worlds that have jobs of others, and monitors that watch them: the sweep's many looks make one cost ten times
as much as another."""
NAME = "foreign"
"""What leaves them out of a scope, or gives them another share."""
_DICE = "neighbours"
"""What decides which worlds have them."""
_DAY_MS = 86_400_000
_ARN = "arn:aws:batch:us-east-1:111122223333"
_RESTS_SECONDS = (0, 0, 0, 0, 1, 20, 100, 400, 400, 1_000, 4_000)
_STEP_FUNCTIONS = [{"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"}]
_EXITED = "Essential container in task exited"
_ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "": (_EXITED, {"exitCode": 0}),
    "application": (_EXITED, {"exitCode": 1}),
    "spot": ("Host EC2 (instance i-0123456789abcdef0) terminated.", {}),
    "out_of_memory": (_EXITED, {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}),
    "cancelled": ("somebody cancelled it", {}),
    "dependency": ("Array Child Job failed", {}),
}
"""By class of failure: the reason of the job, and what is told of its container."""
_LOOKS_FOR_SILENT_MAXIMUM = 40
LOOKS_IN_THE_END = 3
_COMMAND_IS_LOST_MS = 1_600_000
"""After the longest time that failures are gathered, and then ten minutes, the sweep tells them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a job came to be at a time. `children_at_ms` is an array's count of its children, `tries` have ended."""

    status: str
    at_ms: int
    tries: int
    children_at_ms: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")


@dataclass(slots=True, eq=False)
class ForeignJob:
    """A job of somebody else's. `left` are the statuses that are to come, each after so many seconds and tries;
    `history` is what truly happened, and `told` how many of its events were not lost."""

    job_id: str
    name: str
    queue: str
    definition: str
    is_array: bool
    of_step_functions: bool
    failure: str
    left: list[tuple[str, int, int]]
    is_forgotten_then: bool
    created_at_ms: int = 0
    rests_until_ms: int = 0
    tries: int = 0
    history: list[Moment] = field(default_factory=list)
    told: int = 0
    was_missed: bool = False

    @property
    def is_born(self) -> bool:
        return bool(self.history)

    @property
    def now(self) -> Moment:
        return self.history[-1]

    @property
    def end(self) -> Moment | None:
        return self.now if self.is_born and self.now.has_ended else None

    @property
    def reason(self) -> str:
        """What is told of why it ended: what its container says of that comes first."""
        words, container = _ENDS[self.failure]
        return "; ".join([*([container["reason"]] if "reason" in container else []), words])

    @property
    def kinds(self) -> set[str]:
        """What a monitor may call it."""
        return {"foreign", "array" if self.is_array else "single"} | (
            {"step_functions"} if self.of_step_functions else set()
        )

    def place_of(self, record: JobRecord) -> int | None:
        """The place of the record in the job's history; None if the job never was so."""
        status = record.status.value
        for place, one in enumerate(self.history):
            if status == one.status and (
                one.has_ended or (record.job_tries, record.children_at_ms) == (one.tries, one.children_at_ms)
            ):
                return place
        return None

    def running_since_ms(self, place: int) -> int | None:
        """Since when it ran, as it was then; of an array its whole time counts."""
        then = self.history[place]
        if self.is_array:
            return self.created_at_ms if then.status == "PENDING" else None
        return then.at_ms if then.status == "RUNNING" else None

    def waiting_since_ms(self, place: int) -> int | None:
        """Since when it waited for capacity, as it was then."""
        then = self.history[place]
        return then.at_ms if then.status in ("RUNNABLE", "STARTING") else None

    def detail(self) -> dict[str, Any]:
        """What events and DescribeJobs tell of it now."""
        now, reason, container = self.now, *_ENDS[self.failure]
        tries = [{"container": {"exitCode": 1}, "statusReason": "tried again"}] * self.tries
        detail: dict[str, Any] = {
            "jobId": self.job_id,
            "jobName": self.name,
            "status": now.status,
            "jobArn": f"{_ARN}:job/{self.job_id}",
            "jobQueue": f"{_ARN}:job-queue/{self.queue}",
            "jobDefinition": f"{_ARN}:job-definition/{self.definition}",
            "createdAt": self.created_at_ms,
            "parameters": {},
            "attempts": tries,
            "container": {"environment": _STEP_FUNCTIONS if self.of_step_functions else []},
        }
        started = [one.at_ms for one in self.history if one.status == "RUNNING"]
        if started:
            detail["startedAt"] = started[-1]
        if self.is_array:
            counts = {"RUNNING": 2} if not now.has_ended else {"FAILED" if self.failure else "SUCCEEDED": 2}
            at_ms = now.children_at_ms
            detail["arrayProperties"] = {"size": 2, "statusSummary": counts, "statusSummaryLastUpdatedAt": at_ms}
        if now.has_ended:
            detail |= {"statusReason": reason, "stoppedAt": now.at_ms, "isCancelled": self.failure == "cancelled"}
            if not self.is_array and self.failure != "cancelled":
                detail["attempts"] = [*tries, {"container": container, "statusReason": reason}]
                detail["container"] = {**detail["container"], **container, "logStreamName": f"log/{self.job_id}"}
        return detail


def has_foreign(seed: int, scope: Scope) -> bool:
    """Whether the world of a seed has jobs of others."""
    return NAME not in scope.without and derived(seed, _DICE).random() < scope.shares.get(NAME, SHARE)


def _random_job(rng: Random, number: int, failing: float) -> ForeignJob:
    is_array = rng.random() < 0.25
    failure = ""
    if rng.random() < failing:
        failure = "dependency" if is_array else rng.choice(("application", "application", "spot", "out_of_memory"))
    left: list[tuple[str, int, int]] = []
    if is_array:
        left += [("PENDING", rng.choice(_RESTS_SECONDS), 0) for _ in range(rng.randint(1, 3))]
    else:
        for tries in range(rng.choice((1, 1, 1, 2, 3))):
            statuses = [status for status in ("RUNNABLE", "STARTING", "RUNNING") if rng.random() < 0.8]
            left += [(status, rng.choice(_RESTS_SECONDS), tries) for status in statuses]
        if rng.random() < 0.1:
            failure, left = "cancelled", [one for one in left if one[0] == "RUNNABLE"][:1]
    tries = left[-1][2] if left else 0
    left.append(("FAILED" if failure else "SUCCEEDED", rng.choice(_RESTS_SECONDS), tries))
    queue, name = rng.choice(("etl", "etl", "reports")), rng.choice(("nf-align", "nf-sort", "nightly"))
    definition = rng.choice(("films:3", "films:4", "report:1"))
    return ForeignJob(
        f"ffffffff-0000-4000-8000-{number:012d}",
        name,
        queue,
        definition,
        is_array,
        rng.random() < 0.3,
        failure,
        left,
        rng.random() < 0.15,
    )


class Foreign:
    """The jobs of others in one world. `landed` is called when a record of one was put in place of another."""

    def __init__(self, world: SimulatedWorld) -> None:
        rng = derived(world.seed, "foreign jobs")
        self._world = world
        self._rng = derived(world.seed, "foreign life")
        failing = rng.choice((0.0, 0.3, 0.7, 1.0))
        made = [_random_job(rng, number + 1, failing) for number in range(rng.randint(1, 9))]
        self.jobs = {job.job_id: job for job in made}
        self.landed: Callable[[ForeignJob, JobRecord], None] = lambda job, record: None
        self.looks_left = LOOKS_IN_THE_END
        """How many looks of the sweep are still wanted, once all is quiet."""
        self._looks_for_silent = 0
        self._often = rng.random() < 0.2
        self._twice = rng.choice((0, 0, 0.3))
        now_ms = world.clock.now_ms()
        for job in made:
            job.rests_until_ms = now_ms + rng.choice(_RESTS_SECONDS) * 1000
        if rng.random() < 0.15:
            # Some live on the border of two days.
            midnight_ms = now_ms - now_ms % _DAY_MS + _DAY_MS
            for job in made[::2]:
                job.rests_until_ms = midnight_ms - rng.randint(-60, 60) * 1000

    # Batch

    def movable(self) -> list[ForeignJob]:
        now_ms = self._world.clock.now_ms()
        return [job for job in self.jobs.values() if job.left and job.rests_until_ms <= now_ms]

    def go_on(self, movable: Sequence[ForeignJob]) -> None:
        """Let one of these jobs come to be, or reach its next status."""
        job, now_ms = self._rng.choice(movable), self._world.clock.now_ms()
        if not job.is_born:
            job.created_at_ms = now_ms
            job.history.append(Moment("SUBMITTED", now_ms, 0))
        else:
            status, _, job.tries = job.left.pop(0)
            # Of two counts of an array's children the later one is of a later time.
            children_at_ms = max(now_ms, (job.now.children_at_ms or 0) + 1) if job.is_array else None
            job.history.append(Moment(status, now_ms, job.tries, children_at_ms))
            job.told += self._world.bridge.tell(job.detail(), at_ms=now_ms)
            if job.is_array and self._rng.random() < 0.3:
                part = {**job.detail(), "jobId": f"{job.job_id}:1", "arrayProperties": {"index": 1}}
                self._world.bridge.tell({**part, "status": "FAILED"}, at_ms=now_ms)
        if job.left:
            job.rests_until_ms = now_ms + job.left[0][1] * 1000

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What DescribeJobs tells of those that it knows."""
        forgets = self._world.menu["describe_forgets"]
        found = {}
        for job in (self.jobs[job_id] for job_id in job_ids if job_id in self.jobs):
            if job.is_born and not (job.end and job.is_forgotten_then):
                if forgets():
                    job.was_missed = True
                else:
                    found[job.job_id] = job.detail()
        return found

    # Time

    def next_ms(self) -> list[int]:
        """When something may happen that nothing else brings about."""
        world = self._world
        times = [job.rests_until_ms for job in self.jobs.values() if job.left]
        # Now and then the sweep looks before the next job goes on.
        return [*times, world.next_sweep_at_ms] if times and self._often else times

    def next_look_ms(self) -> int | None:
        """When the sweep has to look again although nothing happens any more: a day after the last that was heard of a
        job that seems to go on, and then until everything was looked at. None for never."""
        from tests.simulation.world import SKEW_MS

        store = self._world.store
        silent = [record for record in map(store.job, self.jobs) if record is not None and not record.is_over]
        if silent:
            self._looks_for_silent += 1
            must(self._looks_for_silent <= _LOOKS_FOR_SILENT_MAXIMUM, f"{silent[0].job_id} is asked about in vain")
            return max(store.heard_of_ms(record) for record in silent) + _DAY_MS + 2 * SKEW_MS
        if self.looks_left:
            self.looks_left -= 1
            return self._world.next_sweep_at_ms + (0 if self.looks_left else _COMMAND_IS_LOST_MS)
        return None

    def sweeps_at_once(self) -> int:
        """How many invocations of the sweep begin now: what calls it may do so twice."""
        return 1 + (self._rng.random() < self._twice)

    # The rules

    def check_record(self, before: JobRecord | None, record: JobRecord) -> None:
        """That a record which was just put is true, and later than the one before."""
        job = self.jobs.get(record.job_id)
        must(job is not None, f"{record.job_id} was recorded, which is no job by itself")
        assert job is not None
        place = job.place_of(record)
        must(place is not None, f"{job.job_id} was recorded as {record.status}, {record.job_tries}, which it never was")
        assert place is not None
        must(before is None or (job.place_of(before) or 0) < place, f"the record of {job.job_id} went back: {before}")
        told = (record.name, record.queue, record.definition, record.created_at_ms, record.is_foreign)
        right = (job.name, job.queue, job.definition, job.created_at_ms, True)
        must(told == right, f"{job.job_id} was recorded as {told}")
        by_step_functions = record.managed_by is not None
        must(by_step_functions == job.of_step_functions, f"{job.job_id} is managed by {record.managed_by}")
        if job.history[place].has_ended:
            ended = (record.failure and record.failure.value, record.stopped_at_ms)
            must(
                ended == (job.failure or None, job.history[place].at_ms),
                f"{job.job_id} was recorded to end so: {ended}",
            )
        self.looks_left = LOOKS_IN_THE_END
        self.landed(job, record)

    def check_end(self) -> None:
        """That each record is in the end as its job is, or says that nobody knows."""
        for job in self.jobs.values():
            record = self._world.store.job(job.job_id)
            must(job.end is not None, f"{job.job_id} lives for ever")
            if record is None:
                must(not job.told, f"{job.job_id} was told of {job.told} times, and has no record")
            elif record.lost_at_ms is not None:
                must(job.was_missed or job.is_forgotten_then, f"{job.job_id} was taken for lost, and Batch knew it")
            else:
                place = job.place_of(record)
                must(place == len(job.history) - 1, f"{job.job_id} ended {job.now}, and its record is {record.status}")
