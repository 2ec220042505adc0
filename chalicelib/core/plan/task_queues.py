"""The job queues that tasks may have been submitted to, by the plan alone.

For notices that stand for more tasks than they name: reading the records of 10,000 would take longer than the notice
may. A task whose policy moves its retries elsewhere counts for all its queues, so that nobody who asked for one of them
hears nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import PlannedTask
from chalicelib.core.template import Scope, render_text


def task_queues(plan: Plan, indexes: Iterable[int], run_id: str, params: Mapping[str, Any]) -> frozenset[str]:
    """The names of the queues of these tasks, by their indexes. One that cannot be rendered is left out: no job was
    ever submitted to it."""
    found: set[str] = set()
    rendered: set[str] = set()
    for index in indexes:
        task = plan.tasks[index]
        for text in _texts(task):
            if text in rendered:
                continue
            if "${task." not in text:
                rendered.add(text)
            try:
                queue = render_text(text, Scope(params, run_id, task.name, 1))
            except UserMistake:
                continue
            # A queue is given by its name or its ARN.
            found.add(queue.rpartition("/")[2])
    return frozenset(found - {""})


def _texts(task: PlannedTask) -> Iterable[str]:
    return (task.job.queue, *(one.queue for one in task.retry.on if one.queue is not None))
