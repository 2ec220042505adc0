"""Warnings about a sound workflow: what it says is allowed, and probably not what its author means.

Owns what is worth a warning. What is wrong with a definition is `check.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from chalicelib.core.definition.check_retry import NEVER_OF_AN_ARRAY, WORKS_FOR_AN_ARRAY, never_of_arrays
from chalicelib.core.definition.model import Array, Retry, Task, Workflow
from chalicelib.core.definition.too_much import MISTAKES_MAXIMUM
from chalicelib.core.mistakes import Mistake, Path
from chalicelib.core.states import TriggerRule

_PARENTS_NAMED = 3
_NEEDS_EVERY_PARENT = (TriggerRule.ALL_SUCCESS, TriggerRule.NONE_FAILED, TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
"""The rules by which one failed parent is enough to doom a task."""


def warnings_of(workflow: Workflow) -> list[Mistake]:
    """The warnings about a workflow, in the order of its tasks, and no more of them than anybody reads."""
    return list(islice(chain(_lost_results(workflow), _idle_retries(workflow)), MISTAKES_MAXIMUM))


def _lost_results(workflow: Workflow) -> Iterator[Mistake]:
    """Tasks that a failure which is allowed dooms, and which then fail the run all the same."""
    defaults = workflow.defaults
    may_fail = {
        name for name, task in workflow.tasks.items() if _setting(task, defaults.allow_failure, "allow_failure")
    }
    if not may_fail:
        return
    for name, task in workflow.tasks.items():
        rule = _setting(task, defaults.trigger_rule, "trigger_rule")
        if name in may_fail or rule not in _NEEDS_EVERY_PARENT:
            continue
        parents = [parent for parent in task.depends_on if parent in may_fail]
        if parents:
            yield Mistake(
                ("tasks", name, "depends_on"),
                f"depends_on names {_named(parents)}, which may fail, and by trigger_rule {rule} this task would not "
                "run then and would fail the run",
                "trigger_rule all_done runs it anyway, allow_failure lets the run succeed without it",
                at_key=True,
            )


def _idle_retries(workflow: Workflow) -> Iterator[Mistake]:
    """Classes in `retry.on` that do nothing while their task is an array. A task's own, with an array whose size is
    written down, are a mistake (`check_retry.py`); here are those of the defaults, and of arrays sized by a param."""
    defaults = workflow.defaults
    for name, task in workflow.tasks.items():
        array, retry = _setting(task, defaults.array, "array"), _setting(task, defaults.retry, "retry")
        if not isinstance(array, Array) or not isinstance(retry, Retry):
            continue
        never = never_of_arrays(retry.on)
        if never:
            at: Path = ("tasks", name, "retry" if "retry" in task.model_fields_set else "array")
            text = f"retry.on names {_named(never)}: each {NEVER_OF_AN_ARRAY}"
            yield Mistake(at, text, WORKS_FOR_AN_ARRAY, at_key=True)


def _setting(task: Task, default: Any, field: str) -> Any:
    return getattr(task, field) if field in task.model_fields_set else default


def _named(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_PARENTS_NAMED])
    more = len(names) - _PARENTS_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
