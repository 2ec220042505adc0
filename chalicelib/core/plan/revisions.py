"""Revisions of job definitions that a push fixes: `films:3` for every task that names `films` alone.

A name alone means the newest revision at each submission. A revision in the plan keeps a version of a workflow as it
was pushed, whatever is registered later. The definition keeps the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from chalicelib.core.errors import UserMistake
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import PlannedTask
from chalicelib.core.suggest import shown
from chalicelib.core.template import Scope, expressions, render_text

REVISION_PATTERN = "[A-Za-z0-9_-]{1,128}:[1-9][0-9]{0,9}"
REVISION_RULE = "a job definition with its revision, such as films:3"


def with_revisions(plan: Plan, revisions: Iterable[str]) -> Plan:
    """The plan whose tasks submit these revisions where they name the job definition alone.

    A task whose job definition depends on params or on the attempt stays as it is. Raises UserMistake for a text that
    is no revision, and for two revisions of one job definition.
    """
    by_name: dict[str, str] = {}
    for one in revisions:
        if not re.fullmatch(REVISION_PATTERN, one):
            raise UserMistake(f"revision must be {REVISION_RULE}, not {shown(one)}")
        name, _, _ = one.partition(":")
        if by_name.setdefault(name, one) != one:
            raise UserMistake(f"revision names two revisions of one job definition: {by_name[name]} and {one}")
    if not by_name:
        return plan
    return replace(plan, tasks=tuple(_submitting(task, by_name) for task in plan.tasks))


def _submitting(task: PlannedTask, by_name: Mapping[str, str]) -> PlannedTask:
    fixed = by_name.get(name_before_a_run(task.job.job_definition, task.name) or "")
    return task if fixed is None else replace(task, job=replace(task.job, job_definition=fixed))


def name_before_a_run(written: str, task_name: str) -> str | None:
    """The job definition that a task submits, if that is known before any run; otherwise None."""
    if any(one.root != "task" or one.name != "name" for one in expressions(written)):
        return None
    return render_text(written, Scope({}, "", task_name, 1))
