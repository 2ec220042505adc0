"""Waiting lines and capacity, without processes."""

from __future__ import annotations

import time

from batchwright.local.batch.jobs import FAILED, RUNNABLE, Job
from batchwright.local.batch.scheduler import Capacity, Scheduler

from .samples import make_job, needing


def scheduler(vcpus: int = 2, memory_mib: int | None = None, **priorities: int) -> Scheduler:
    """One environment `ce`, and a queue for each of `priorities` (or one queue `q`)."""
    made = Scheduler()
    made.set_capacity(Capacity("ce", "ce", vcpus * 1000, memory_mib))
    for name, priority in (priorities or {"q": 1}).items():
        made.set_line(name, name, priority, ("ce",))
    return made


def waiting(made: Scheduler, name: str, vcpus: str = "1", memory_mib: str = "64", queue: str = "q") -> Job:
    job = make_job(
        name, sequence=sum(len(line.waiting) for line in made.lines.values()), queue=queue, **needing(vcpus, memory_mib)
    )
    job.status = RUNNABLE
    made.add(job)
    return job


def started(made: Scheduler) -> list[str]:
    return [job.job_id for job in made.start_what_fits()[0]]


def test_jobs_of_a_queue_start_in_order_of_submission() -> None:
    made = scheduler(vcpus=2)
    for name in "abc":
        waiting(made, name)
    assert started(made) == ["a", "b"]


def test_a_queue_of_higher_priority_is_served_first() -> None:
    made = scheduler(vcpus=1, low=1, high=10)
    waiting(made, "first", queue="low")
    waiting(made, "urgent", queue="high")
    assert started(made) == ["urgent"]


def test_a_large_job_at_the_head_is_not_overtaken_for_ever() -> None:
    made = scheduler(vcpus=2)
    running = waiting(made, "running")
    started(made)
    waiting(made, "large", vcpus="2")
    waiting(made, "small")
    assert started(made) == []
    made.release(running)
    assert started(made) == ["large"]


def test_a_lower_queue_does_not_take_what_a_higher_one_waits_for() -> None:
    made = scheduler(vcpus=2, low=1, high=10)
    waiting(made, "running", queue="low")
    started(made)
    waiting(made, "large", vcpus="2", queue="high")
    waiting(made, "small", queue="low")
    assert started(made) == []


def test_a_retried_job_goes_to_the_front() -> None:
    made = scheduler(vcpus=1)
    again = waiting(made, "again")
    waiting(made, "next")
    started(made)
    made.release(again)
    again.status = RUNNABLE
    made.add(again, to_front=True)
    assert started(made) == ["again"]


def test_memory_limits_as_vcpus_do() -> None:
    made = scheduler(vcpus=10, memory_mib=100)
    waiting(made, "a")
    waiting(made, "b")
    assert started(made) == ["a"]


def test_a_quarter_of_a_vcpu_counts_exactly() -> None:
    made = scheduler(vcpus=1)
    for number in range(5):
        waiting(made, f"job{number}", vcpus="0.25")
    assert len(started(made)) == 4


def test_a_job_that_never_fits_is_set_aside_until_the_environment_grows() -> None:
    made = scheduler(vcpus=1)
    waiting(made, "huge", vcpus="4")
    waiting(made, "small")
    starting, set_aside = made.start_what_fits()
    assert [job.job_id for job in starting] == ["small"]
    assert [job.job_id for job in set_aside] == ["huge"]
    assert [job.job_id for job in made.front("q", 10)] == ["huge"]
    made.set_capacity(Capacity("ce", "ce", 8000))
    assert started(made) == ["huge"]


def test_the_second_environment_takes_what_the_first_cannot() -> None:
    made = scheduler(vcpus=1)
    made.set_capacity(Capacity("ce2", "ce2", 1000))
    made.set_line("q", "q", 1, ("ce", "ce2"))
    jobs = [waiting(made, name) for name in "abc"]
    assert started(made) == ["a", "b"]
    assert [job.compute_environment for job in jobs] == ["ce", "ce2", ""]


def test_a_disabled_environment_takes_nothing() -> None:
    made = scheduler()
    made.set_capacity(Capacity("ce", "ce", 2000, enabled=False))
    waiting(made, "a")
    assert started(made) == []


def test_a_job_cancelled_in_line_is_passed_over() -> None:
    made = scheduler(vcpus=1)
    waiting(made, "gone").status = FAILED
    waiting(made, "next")
    assert started(made) == ["next"]


def test_a_step_does_not_cost_more_when_more_jobs_wait() -> None:
    def seconds_a_step(jobs: int) -> float:
        made = scheduler(vcpus=1)
        template = make_job("waits")
        for number in range(jobs):
            made.lines["q"].waiting.append(Job(spec=template.spec, sequence=number, status=RUNNABLE))
        steps = 200
        begun = time.perf_counter()
        for _ in range(steps):
            for job in made.start_what_fits()[0]:
                made.release(job)
        return (time.perf_counter() - begun) / steps

    few = min(seconds_a_step(500) for _ in range(3))
    many = min(seconds_a_step(50_000) for _ in range(3))
    # A step that looked at every job would be a hundred times slower.
    assert many < 10 * few
