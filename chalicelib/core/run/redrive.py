"""Which endings a redrive keeps. A pure decision on two plans and how the tasks of the first ended.

A task runs again when the redrive's scope names it, when it is new, or when a task that it depends on runs again:
what was made from an old result is made anew. Everything else keeps its ending.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from chalicelib.core.errors import UnknownTask, UserMistake
from chalicelib.core.params import same
from chalicelib.core.plan.job_request import params_of
from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.run.records import Redrive, Scope, Tally
from chalicelib.core.run.trigger import ParentCounts, Verdict, verdict
from chalicelib.core.states import ENDINGS, TaskState
from chalicelib.core.suggest import Names

Kept = dict[int, dict[TaskState, int]]
"""By shard and ending, a bit mask of offsets: what the new epoch's tallies begin with."""

_LASTING = (TaskState.SUCCEEDED, TaskState.SKIPPED)
"""Endings that a redrive from the failed ones keeps. A skipped task is judged the same way again as long as nothing
that it depends on runs again."""


def kept_endings(
    old: Plan,
    tallies: Mapping[int, Tally],
    new: Plan,
    redrive: Redrive,
    other_params: Collection[str] = (),
) -> Kept:
    """The endings that stand in the new epoch from the start; `tallies` are the old epoch's, of every shard.
    `other_params` are those that have another value in the new epoch.

    Raises UserMistake when the redrive names a task that is not there or could not start, when nothing would run
    again, or when a task whose ending is kept is another one in the new plan, or by the new params.
    """
    _check_names(new, redrive)
    again: set[int] = set()
    kept: dict[int, TaskState] = {}
    for index, task in enumerate(new.tasks):
        before = old.index_of.get(task.name)
        ending = None if before is None else tallies[shard_of(before)].ending_of(offset_of(before))
        if ending is None or _is_named(redrive, task.name, ending) or _follows(new, index, again):
            again.add(index)
        else:
            kept[index] = ending
    if not again:
        raise UserMistake("every task succeeded or was skipped, so there is nothing to run again; name tasks, or all")
    _check_unchanged(old, new, kept)
    _check_params(new, kept, other_params)
    _check_startable(new, kept, again, redrive)
    return _as_masks(kept)


def _follows(plan: Plan, index: int, again: Collection[int]) -> bool:
    """Whether a task that this one depends on runs again."""
    return any(parent in again for parent in plan.parents[index])


def _is_named(redrive: Redrive, name: str, ending: TaskState) -> bool:
    if redrive.scope is Scope.FROM_FAILED:
        return ending not in _LASTING
    return redrive.scope is Scope.ALL or name in redrive.tasks


def _check_names(plan: Plan, redrive: Redrive) -> None:
    for name in redrive.tasks:
        if name not in plan.index_of:
            hint = Names(plan.index_of).suggestion(name)
            raise UnknownTask(f"workflow '{plan.workflow}' has no task '{name}'" + (f"; {hint}" if hint else ""))


def _check_unchanged(old: Plan, new: Plan, kept: Mapping[int, TaskState]) -> None:
    if old.digest == new.digest:
        return
    changed = [
        index for index in kept if _described(old, old.index_of[new.tasks[index].name]) != _described(new, index)
    ]
    if changed:
        raise UserMistake(
            f"the endings of {_named(new, changed)} would be kept, but the other version of the workflow defines them "
            "otherwise; run them again too (name them, or all), or redrive on the same version"
        )


def other_params(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """The names of the params whose values differ between two epochs."""
    return frozenset(name for name in {*before, *after} if not same(before.get(name), after.get(name)))


def _check_params(plan: Plan, kept: Iterable[int], other: Collection[str]) -> None:
    """What was made with the old values must not stand beside what is made with the new ones."""
    changed = [index for index in kept if not params_of(plan.tasks[index]).isdisjoint(other)] if other else []
    if changed:
        names = sorted({name for index in changed for name in params_of(plan.tasks[index]) if name in other})
        values = ", ".join(f"'{name}'" for name in names)
        raise UserMistake(
            f"the endings of {_named(plan, changed)} would be kept, but they were made with another value of {values}; "
            "run them again too (name them, or all), or keep the value"
        )


def _named(plan: Plan, indexes: Sequence[int]) -> str:
    names = ", ".join(f"'{plan.tasks[index].name}'" for index in indexes[:5])
    return names + (f" and {len(indexes) - 5} more" if len(indexes) > 5 else "")


def _described(plan: Plan, index: int) -> tuple[object, list[str]]:
    return plan.tasks[index], sorted(plan.tasks[parent].name for parent in plan.parents[index])


def _check_startable(plan: Plan, kept: Mapping[int, TaskState], again: Iterable[int], redrive: Redrive) -> None:
    """A task with a cancelled parent would wait for ever, and a named one whose parents' kept endings forbid its start
    would only end the same way again."""
    for index in again:
        name, rule = plan.tasks[index].name, plan.tasks[index].trigger_rule
        endings = [kept.get(parent) for parent in plan.parents[index]]
        if TaskState.CANCELLED in endings:
            parent = plan.parents[index][endings.index(TaskState.CANCELLED)]
            cancelled = plan.tasks[parent].name
            raise UserMistake(f"task '{name}' would run again after '{cancelled}', which was cancelled; name it too")
        if name not in redrive.tasks or not endings or None in endings:
            continue
        counts = {state.value: endings.count(state) for state in ENDINGS}
        if verdict(rule, ParentCounts(**counts)) is not Verdict.READY:
            told = ", ".join(f"'{plan.tasks[parent].name}' {kept[parent]}" for parent in plan.parents[index])
            raise UserMistake(f"task '{name}' would not start: its rule is {rule}, and its parents stay {told}")


def _as_masks(kept: Mapping[int, TaskState]) -> Kept:
    masks: Kept = {}
    for index, ending in kept.items():
        of_shard = masks.setdefault(shard_of(index), {})
        of_shard[ending] = of_shard.get(ending, 0) | 1 << offset_of(index)
    return masks
