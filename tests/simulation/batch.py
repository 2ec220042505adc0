"""A simulated AWS Batch: jobs with a life of their own, and the faults of the four calls that the engine makes.

Owns the jobs and their statuses. How their events travel is eventbridge.py's, what must never happen to a job is
invariants.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from chalicelib.core.errors import AnswerLost, NotPermitted, Throttled, TryAgain, UserMistake
from chalicelib.core.ids import Attempt, attempt_from_parameters
from chalicelib.core.plan.job_request import JobRequest
from chalicelib.ports.services import ListedJob
from tests.memory.clock import HandClock
from tests.simulation.eventbridge import EventBridge
from tests.simulation.faults import FORBIDDEN, FORGOTTEN, Menu
from tests.simulation.foreign import Foreign
from tests.simulation.invariants import Judge, must
from tests.simulation.plans import FLAVOUR

TRIES_INSIDE_MAXIMUM = 2
CHILD_EXIT_CODE = 7
_WEEK_MS = 7 * 24 * 3600 * 1000
_WAITS_SECONDS = (30, 100, 100, 200, 600, 7200)
_SPREADS_SECONDS = (5, 30, 90)
"""How long a new deployment's policy may take to be in force; far below what the engine waits for."""


_EXITED = "Essential container in task exited"
_TOLD: dict[str, tuple[str, dict[str, Any]]] = {
    "": (_EXITED, {"exitCode": 0}),
    "application": (_EXITED, {"exitCode": 1}),
    "spot": ("Host EC2 (instance i-0123456789abcdef0) terminated.", {}),
    "out_of_memory": (_EXITED, {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}),
}
"""By class of failure: the reason of the job, and what is told of its container."""


@dataclass(slots=True, eq=False)
class SimulatedJob:
    """A job. `terminated` holds the reason once somebody asked for its end; `tries` ended inside Batch so far."""

    job_id: str
    request: JobRequest
    attempt: Attempt
    task_name: str
    created_at_ms: int
    listed_at_ms: int
    rests_until_ms: int = 0
    status: str = "SUBMITTED"
    failure: str = ""
    tries: int = 0
    terminated: str | None = None
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    was_missed: bool = False
    is_forgotten: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"

    @property
    def is_array(self) -> bool:
        return self.request.array_size is not None

    def detail(self) -> dict[str, Any]:
        """What events and DescribeJobs tell of it, as far as anybody reads it."""
        detail: dict[str, Any] = {
            "jobId": self.job_id,
            "jobName": self.request.name,
            "status": self.status,
            "parameters": dict(self.request.parameters),
            "attempts": [{"container": {"exitCode": 1}, "statusReason": "tried again"}] * self.tries,
        }
        if self.started_at_ms is not None:
            detail["startedAt"] = self.started_at_ms
        if self.is_array:
            detail["arrayProperties"] = {"size": self.request.array_size, "statusSummary": {}}
        if self.ended_at_ms is not None:
            reason, container = _TOLD[self.failure]
            container = {**container, "logStreamName": f"log/{self.job_id}"}
            detail["statusReason"] = self.terminated or reason
            detail["stoppedAt"] = self.ended_at_ms
            detail["isTerminated"] = self.terminated is not None
            if self.started_at_ms is not None or "reason" in container:
                detail["attempts"] = [*detail["attempts"], {"container": container}]
                detail["container"] = container
        return detail


def _child(array: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What DescribeJobs tells of a job of an array that failed."""
    container = {"exitCode": CHILD_EXIT_CODE, "logStreamName": f"log/{array['jobId']}:{index}"}
    return {
        "jobId": f"{array['jobId']}:{index}",
        "status": "FAILED",
        "statusReason": _EXITED,
        "arrayProperties": {"index": index},
        "attempts": [{"container": container}],
        "container": container,
    }


class SimulatedBatch:
    """The Batch port, and the jobs behind it. `list_lag_ms` is the longest time that a job stays unlisted."""

    def __init__(
        self, clock: HandClock, rng: Random, menu: Menu, bridge: EventBridge, judge: Judge, list_lag_ms: int
    ) -> None:
        self.jobs: dict[str, SimulatedJob] = {}
        self.alive: list[SimulatedJob] = []
        self.movable: list[SimulatedJob] = []
        """The jobs alive that may go on; the others are in `resting`, for they wait for capacity."""
        self.resting: list[SimulatedJob] = []
        self.of_attempt: dict[Attempt, list[SimulatedJob]] = {}
        self.foreign: Foreign | None = None
        """The jobs of others, where there are any."""
        self.let_others_run: Callable[[], None] = lambda: None
        self._clock = clock
        self._rng = rng
        self._menu = menu
        self._bridge = bridge
        self._judge = judge
        self._list_lag_ms = list_lag_ms
        self._permitted_from_ms: int | None = None

    # The port

    def submit(self, request: JobRequest) -> str:
        if self._menu["submit_throttled"]():
            raise Throttled("SubmitJob: Too Many Requests")
        if self._menu["submit_failed"]():
            raise AnswerLost("SubmitJob: 503, and no job was made")
        attempt = attempt_from_parameters(dict(request.parameters))
        assert attempt is not None, "every job of ours carries its identity"
        self._judge.check_flavour(attempt, dict(request.environment).get(FLAVOUR))
        task_name = self._judge.check_submission(attempt, self.of_attempt, request.requested)
        if self._is_early():
            raise NotPermitted("SubmitJob: AccessDeniedException: the policy is not in force yet")
        if self._judge.is_refused(attempt):
            if self._menu[FORBIDDEN].rate:
                raise NotPermitted(f"SubmitJob: AccessDeniedException: {request.job_definition} is not for you")
            raise UserMistake(f"SubmitJob: job definition {request.job_definition} is not active")
        job = self._made(request, attempt, task_name)
        if not job.rests_until_ms and self._menu["quick_end"]():
            self._end(job)
            self.let_others_run()
        if self._menu["submit_lost"]():
            raise AnswerLost(f"SubmitJob: the answer never came, and {job.job_id} was made")
        return job.job_id

    def _is_early(self) -> bool:
        """Whether the policy of a new deployment is not in force yet: for a while from the first submission on."""
        now_ms = self._clock.now_ms()
        if self._permitted_from_ms is None:
            dice = self._menu[FORBIDDEN]
            self._permitted_from_ms = now_ms + (dice.rng.choice(_SPREADS_SECONDS) * 1000 if dice() else 0)
        return now_ms < self._permitted_from_ms

    def find(self, queue: str, job_name: str) -> list[ListedJob]:
        now_ms = self._clock.now_ms()
        return [
            ListedJob(job.job_id, job.request.name, job.created_at_ms)
            for job in self.jobs.values()
            if job.request.name == job_name and job.request.queue == queue and job.listed_at_ms <= now_ms
        ]

    def describe(self, job_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        found.update((job_id, self.jobs[job_id].detail()) for job_id in job_ids if self._is_known(job_id))
        if self.foreign is not None:
            found |= self.foreign.describe(job_ids)
        return found

    def failed_children(self, job_id: str, limit: int) -> list[Mapping[str, Any]]:
        """Of a failed array, its jobs but the first: each failed as the array's event does not tell."""
        job = self.jobs.get(job_id) or (self.foreign and self.foreign.jobs.get(job_id))
        if not job or not job.is_array or job.detail()["status"] != "FAILED" or self._menu["describe_forgets"]():
            return []
        if isinstance(job, SimulatedJob) and job.is_forgotten:
            return []
        return [_child(job.detail(), index) for index in range(1, job.detail()["arrayProperties"]["size"])][:limit]

    def _is_known(self, job_id: str) -> bool:
        """A job is missed once at most, for at the second time it counts as forgotten."""
        job = self.jobs.get(job_id)
        if job is None or job.is_forgotten:
            return False
        if not job.was_missed and self._menu["describe_forgets"]():
            job.was_missed = True
            return False
        return True

    def terminate(self, job_ids: Sequence[str], reason: str) -> None:
        half = len(job_ids) // 2 if len(job_ids) > 1 and self._menu["half_done"]() else len(job_ids)
        for job_id in job_ids[:half]:
            must(self.foreign is None or job_id not in self.foreign.jobs, f"{job_id} is terminated, and none of ours")
            job = self.jobs.get(job_id)
            if job is not None and job.terminated is None and job.ended_at_ms is None:
                self._judge.check_termination(job.attempt, job_id, self.of_attempt)
                job.terminated = reason
                job.rests_until_ms = 0
                self.wake()
        if half < len(job_ids):
            raise TryAgain("TerminateJobs: some could not be asked for")

    # The jobs

    def go_on(self, job: SimulatedJob) -> None:
        """Let the job reach one of the next statuses of its life."""
        if job.terminated is not None:
            ends_by_itself = job.status == "RUNNING" and self._menu["late_terminate"]()
            self._end(job, by_force=not ends_by_itself)
        elif job.status == "RUNNING" and job.tries < TRIES_INSIDE_MAXIMUM and self._menu["tried_inside"]():
            job.tries += 1
            self._reach(job, "RUNNABLE")
        elif job.status in ("RUNNING", "PENDING"):
            self._end(job)
        else:
            chance = self._rng.random()
            if chance < 0.25 and not self.must_live(job):
                self._end(job)
            elif job.is_array:
                self._reach(job, "PENDING")
            elif chance < 0.5 and job.status == "SUBMITTED":
                self._reach(job, "RUNNABLE")
            else:
                self._reach(job, "RUNNING")

    def wake(self) -> None:
        """Capacity was found for the jobs whose time has come."""
        now_ms = self._clock.now_ms()
        for job in [one for one in self.resting if one.rests_until_ms <= now_ms]:
            self.resting.remove(job)
            self.movable.append(job)

    def may_go_on(self, job: SimulatedJob) -> bool:
        return job.terminated is not None or job.status not in ("RUNNING", "PENDING") or not self.must_live(job)

    def must_live(self, job: SimulatedJob) -> bool:
        """Whether the job stays alive until somebody terminates it, for it should not be: its task has ended, or, once
        faults have stopped, it is one of a pair."""
        if not self._judge.pairs_may_be or job.terminated is not None:
            return False
        if self._judge.task_has_ended(job.attempt):
            return True
        alive = [one for one in self.of_attempt[job.attempt] if one.ended_at_ms is None and one.terminated is None]
        return self._judge.is_calm and len(alive) > 1

    def _made(self, request: JobRequest, attempt: Attempt, task_name: str) -> SimulatedJob:
        now_ms = self._clock.now_ms()
        listed_at_ms = now_ms
        if self._menu["list_lags"]():
            listed_at_ms += self._menu["list_lags"].rng.randint(0, self._list_lag_ms)
        if self._menu["list_lags_long"]():
            listed_at_ms += _WEEK_MS
        job_id = f"00000000-0000-4000-8000-{len(self.jobs) + 1:012d}"
        job = SimulatedJob(job_id, request, attempt, task_name, now_ms, listed_at_ms)
        self.jobs[job_id] = job
        self.alive.append(job)
        self.movable.append(job)
        self._may_rest(job)
        self.of_attempt.setdefault(attempt, []).append(job)
        return job

    def _tell_of(self, job: SimulatedJob, status: str) -> None:
        job.status = status
        if status == "RUNNING":
            job.started_at_ms = self._clock.now_ms()
        self._bridge.tell(job.detail())

    def _reach(self, job: SimulatedJob, status: str) -> None:
        self._tell_of(job, status)
        if status == "RUNNING":
            self._may_rest(job)

    def _may_rest(self, job: SimulatedJob) -> None:
        slow = self._menu["slow_job"]
        if job.terminated is None and slow():
            job.rests_until_ms = self._clock.now_ms() + slow.rng.choice(_WAITS_SECONDS) * 1000
            self.movable.remove(job)
            self.resting.append(job)

    def _end(self, job: SimulatedJob, *, by_force: bool = False) -> None:
        """End as the attempt is meant to end; a RUNNING that was not reached yet is often told as well."""
        if job.status not in ("RUNNING", "PENDING") and self._rng.random() < 0.3:
            self._tell_of(job, "PENDING" if job.is_array else "RUNNING")
        job.ended_at_ms = self._clock.now_ms()
        fate = self._judge.fate(job.attempt)
        if by_force:
            job.failure = "application"
        elif isinstance(fate, str):
            job.failure = fate
        job.status = "FAILED" if job.failure else "SUCCEEDED"
        self.alive.remove(job)
        self.movable.remove(job)
        if not by_force and not self._judge.pairs_may_be and self._menu[FORGOTTEN]():
            # Nobody ever hears how it ended, so to the run it failed.
            job.is_forgotten = True
            self._judge.forget(job.attempt)
            return
        self._bridge.tell(job.detail())
