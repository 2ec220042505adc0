"""The queues that tasks may have been in, by the plan."""

from __future__ import annotations

import time
from dataclasses import replace

from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.task import ClassPolicy, PlannedTask
from chalicelib.core.plan.task_queues import task_queues
from tests.memory.theatre import plan_of, task

ARN = "arn:aws:batch:eu-west-1:111122223333:job-queue/cpu"


def in_queue(name: str, queue: str) -> PlannedTask:
    one = task(name)
    return replace(one, job=replace(one.job, queue=queue))


def test_a_queue_is_told_by_its_name_however_the_task_gives_it() -> None:
    tasks = (in_queue("a", ARN), in_queue("b", "${params.where}"), in_queue("c", "q-${task.name}"))
    plan = plan_of(*((one, ()) for one in tasks))
    assert task_queues(plan, range(3), "run", {"where": "gpu"}) == {"cpu", "gpu", "q-c"}
    assert task_queues(plan, [1], "run", {"where": "gpu"}) == {"gpu"}


def test_a_task_counts_for_the_queues_of_its_retries_too() -> None:
    moved = in_queue("a", "spot")
    moved = replace(moved, retry=replace(moved.retry, on=(ClassPolicy(FailureClass.SPOT, 2, queue="on-demand"),)))
    plan = plan_of((moved, ()), (in_queue("b", "other"), ()))
    assert task_queues(plan, [0], "run", {}) == {"spot", "on-demand"}


def test_a_queue_that_cannot_be_rendered_is_left_out() -> None:
    plan = plan_of((in_queue("a", "${params.where}"), ()), (in_queue("b", "cpu"), ()))
    assert task_queues(plan, range(2), "run", {}) == {"cpu"}


def test_the_queues_of_many_tasks_are_found_within_a_moment() -> None:
    plan = plan_of(*((in_queue(f"t{number}", "q-${params.where}"), ()) for number in range(2_000)))
    began = time.process_time()
    assert task_queues(plan, [*range(2_000)] * 5, "run", {"where": "a"}) == {"q-a"}
    assert time.process_time() - began < 0.5
