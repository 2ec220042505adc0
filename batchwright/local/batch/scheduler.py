"""Which RUNNABLE job starts next, and on which compute environment.

Owns: the waiting lines of the job queues and the free vCPUs and memory of the compute environments. Does not own
the jobs' states: it hands out jobs, and the lifecycle moves them.

Queues are served by priority, jobs of a queue in order of submission. A job at the head of a queue that waits for
capacity holds back everything behind it, and everything of lower priority on the same environments, so that a
large job is not overtaken for ever. A job that fits no environment at all is set aside: it stays RUNNABLE, as on
AWS, and does not hold up the others. One step costs the jobs that start plus one look a queue, however many wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchwright.local.batch.jobs import RUNNABLE, Job, Resources

TOO_MANY_VCPUS = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU"
    " requirement of the job."
)
TOO_MUCH_ELSE = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that can"
    " be met by the CE(s) attached to the job queue."
)
"""The reasons that Batch gives for a blocked queue.

The first means that every `maxvCpus` is below the job's vCPUs; the second, that no instance has its memory or GPUs.
Source: https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable_misconfiguration.html
"""


@dataclass(slots=True)
class Capacity:
    """What a compute environment has and uses. `memory_mib` and `gpus` are None when nothing limits them."""

    arn: str
    name: str
    milli_vcpus: int
    memory_mib: int | None = None
    gpus: int | None = None
    enabled: bool = True
    is_fargate: bool = False
    used_milli_vcpus: int = 0
    used_memory_mib: int = 0
    used_gpus: int = 0

    def could_ever_fit(self, need: Resources) -> bool:
        """Would `need` fit if nothing else ran?"""
        return (
            need.milli_vcpus <= self.milli_vcpus
            and (self.memory_mib is None or need.memory_mib <= self.memory_mib)
            and (self.gpus is None or need.gpus <= self.gpus)
        )

    def fits_now(self, need: Resources) -> bool:
        return (
            self.enabled
            and self.used_milli_vcpus + need.milli_vcpus <= self.milli_vcpus
            and (self.memory_mib is None or self.used_memory_mib + need.memory_mib <= self.memory_mib)
            and (self.gpus is None or self.used_gpus + need.gpus <= self.gpus)
        )

    def take(self, need: Resources) -> None:
        self.used_milli_vcpus += need.milli_vcpus
        self.used_memory_mib += need.memory_mib
        self.used_gpus += need.gpus

    def give_back(self, need: Resources) -> None:
        self.used_milli_vcpus -= need.milli_vcpus
        self.used_memory_mib -= need.memory_mib
        self.used_gpus -= need.gpus


@dataclass(slots=True)
class Line:
    """A job queue's waiting line."""

    arn: str
    name: str
    priority: int
    environments: tuple[str, ...]
    waiting: deque[Job] = field(default_factory=deque)
    set_aside: list[Job] = field(default_factory=list)


class Scheduler:
    """Lines and capacities by ARN."""

    def __init__(self) -> None:
        self.capacities: dict[str, Capacity] = {}
        self.lines: dict[str, Line] = {}

    def set_capacity(self, capacity: Capacity) -> None:
        """Add an environment, or change the limits of one; what runs keeps its share."""
        known = self.capacities.get(capacity.arn)
        if known is None:
            self.capacities[capacity.arn] = capacity
        else:
            known.milli_vcpus, known.memory_mib = capacity.milli_vcpus, capacity.memory_mib
            known.gpus, known.enabled = capacity.gpus, capacity.enabled
            known.is_fargate = capacity.is_fargate
        self._reconsider_set_aside()

    def set_line(self, arn: str, name: str, priority: int, environments: tuple[str, ...]) -> None:
        """Add a queue, or change the priority and environments of one."""
        line = self.lines.get(arn)
        if line is None:
            self.lines[arn] = Line(arn, name, priority, environments)
        else:
            line.priority, line.environments = priority, environments
        self._reconsider_set_aside()

    def add(self, job: Job, to_front: bool = False) -> None:
        """Put a RUNNABLE job into its queue's line; a retried job goes to the front."""
        line = self.lines[job.spec.queue_arn]
        if to_front:
            line.waiting.appendleft(job)
        else:
            line.waiting.append(job)

    def start_what_fits(self) -> tuple[list[Job], list[Job]]:
        """Take capacity for every job that may start now. Returns (to start, newly set aside)."""
        starting: list[Job] = []
        set_aside: list[Job] = []
        held: set[str] = set()
        for line in sorted(self.lines.values(), key=lambda line: -line.priority):
            self._serve(line, held, starting, set_aside)
        return starting, set_aside

    def release(self, job: Job) -> None:
        """The attempt of `job` ended: its share is free again."""
        capacity = self.capacities.get(job.compute_environment)
        if capacity is not None:
            capacity.give_back(job.spec.resources)
        job.compute_environment = ""

    def front(self, queue_arn: str, count: int) -> list[Job]:
        """The first `count` jobs of a line, in the order in which they would start."""
        found: list[Job] = []
        for job in self._in_line(queue_arn):
            found.append(job)
            if len(found) == count:
                break
        return found

    def _in_line(self, queue_arn: str) -> Iterator[Job]:
        line = self.lines[queue_arn]
        yield from (job for job in line.waiting if job.status == RUNNABLE)
        yield from (job for job in line.set_aside if job.status == RUNNABLE)

    def _serve(self, line: Line, held: set[str], starting: list[Job], set_aside: list[Job]) -> None:
        environments = [self.capacities[arn] for arn in line.environments if arn in self.capacities]
        while line.waiting:
            job = line.waiting[0]
            if job.status != RUNNABLE:
                line.waiting.popleft()  # cancelled while it waited
                continue
            need = job.spec.resources
            if not any(capacity.could_ever_fit(need) for capacity in environments):
                line.set_aside.append(line.waiting.popleft())
                job.blocked_reason = _reason(need, environments)
                set_aside.append(job)
                continue
            chosen = next((c for c in environments if c.arn not in held and c.fits_now(need)), None)
            if chosen is None:
                held.update(line.environments)
                return
            chosen.take(need)
            job.compute_environment = chosen.arn
            job.is_on_fargate = chosen.is_fargate
            starting.append(line.waiting.popleft())

    def _reconsider_set_aside(self) -> None:
        for line in self.lines.values():
            if line.set_aside:
                for job in line.set_aside:
                    job.blocked_reason = None
                waiting = [job for job in (*line.set_aside, *line.waiting) if job.status == RUNNABLE]
                line.set_aside.clear()
                line.waiting = deque(sorted(waiting, key=lambda job: job.sequence))


def _reason(need: Resources, environments: Iterable[Capacity]) -> str:
    """The reason why `need` fits none of the environments."""
    has_vcpus = any(need.milli_vcpus <= capacity.milli_vcpus for capacity in environments)
    return TOO_MUCH_ELSE if has_vcpus else TOO_MANY_VCPUS
