"""What a run must end as: computed from the plan and the results of its jobs, apart from the code it judges.

Reads the plan's shape only. Its seven rules are written down here a second time, in the words of Airflow's
documentation, and nothing of the engine, `core/run/trigger.py` or `core/run/advance.py` is used:
https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import PlannedTask

SUCCEEDED, FAILED, SKIPPED, UPSTREAM_FAILED = "succeeded", "failed", "skipped", "upstream_failed"
CANCELLED = "cancelled"

Succeeds = Callable[[str, int], bool | str]
"""Whether the job of a task (by name) succeeds in its attempt (1 is the first): True, or the class of its failure, or
False for a failure of the application."""
INFRASTRUCTURE = ("spot", "image_pull", "start_failure")


@dataclass(frozen=True)
class Expected:
    """How every task ends, by name; which attempts are tried; how the run ends."""

    tasks: Mapping[str, str]
    attempts: frozenset[tuple[str, int]]
    run: str


NOTHING_KEPT: Mapping[str, str] = {}


def expected(
    plan: Plan, succeeds: Succeeds, kept: Mapping[str, str] = NOTHING_KEPT, empty: Collection[str] = ()
) -> Expected:
    """The endings that follow from the plan when the jobs end so, and those of some tasks are `kept` of an epoch
    before. `empty` are arrays of none, which are skipped instead of starting. Tasks stand in topological order."""
    tasks: dict[str, str] = {}
    attempts: set[tuple[str, int]] = set()
    failed = False
    for index, task in enumerate(plan.tasks):
        parents = [tasks[plan.tasks[parent].name] for parent in plan.parents[index]]
        ending = kept.get(task.name)
        if ending is None and parents:
            ending = instead_of_starting(task.trigger_rule.value, parents)
        if ending is None and task.name in empty:
            ending = SKIPPED
        if ending is None:
            failures = failures_of(task, succeeds)
            ending = SUCCEEDED if failures.end_in_success else FAILED
            attempts |= {(task.name, number) for number in range(1, failures.attempts + 1)}
        tasks[task.name] = ending
        failed |= ending in (FAILED, UPSTREAM_FAILED) and not task.allow_failure
    otherwise = CANCELLED if CANCELLED in tasks.values() else SUCCEEDED
    return Expected(tasks, frozenset(attempts), FAILED if failed else otherwise)


def kept(endings: Mapping[str, str], plan: Plan, scope: str, named: Collection[str]) -> dict[str, str]:
    """The endings that a redrive keeps: of tasks that it does not run again, and that follow none that it does."""
    again: set[str] = set()
    left: dict[str, str] = {}
    for index, task in enumerate(plan.tasks):
        before = endings.get(task.name)
        wanted = {
            "all": True,
            "tasks": task.name in named,
            "from_failed": before not in (SUCCEEDED, SKIPPED),
        }[scope]
        if before is None or wanted or again & {plan.tasks[parent].name for parent in plan.parents[index]}:
            again.add(task.name)
        else:
            left[task.name] = before
    return left


@dataclass(frozen=True)
class Failures:
    """What a task goes through: the classes of its failures, and whether a success follows the last."""

    classes: tuple[str, ...]
    end_in_success: bool

    @property
    def attempts(self) -> int:
        return len(self.classes) + self.end_in_success


def failures_of(task: PlannedTask, succeeds: Succeeds) -> Failures:
    """What a task goes through whose jobs end so: it is tried again until a class of failures has used up its limit."""
    classes: list[str] = []
    while True:
        came_to = succeeds(task.name, len(classes) + 1)
        if came_to is True:
            return Failures(tuple(classes), end_in_success=True)
        classes.append(came_to or "application")
        limit, alike = _limit(task, classes[-1])
        if sum(one in alike for one in classes) >= limit:
            return Failures(tuple(classes), end_in_success=False)


def pause_seconds(task: PlannedTask, classes: Sequence[str]) -> float:
    """How long the attempt after these failures waits at least, of a task whose pauses chance does not shorten."""
    _, alike = _limit(task, classes[-1])
    policy = task.retry
    first = policy.backoff_seconds
    if first is None:
        first = 10 if classes[-1] in INFRASTRUCTURE else 0
    for one in policy.on:
        if one.failure.value == classes[-1] and one.backoff_seconds is not None:
            first = one.backoff_seconds
    grown = first * policy.backoff_factor ** (sum(one in alike for one in classes) - 1)
    return min(grown, max(first, policy.backoff_max_seconds))


def queue_of(task: PlannedTask, classes: Sequence[str]) -> str:
    """Where the attempt after these failures belongs."""
    queues = {one.failure.value: one.queue for one in task.retry.on if one.queue}
    return ([task.job.queue] + [queues[one] for one in classes if one in queues])[-1]


def _limit(task: PlannedTask, failure: str) -> tuple[int, Collection[str]]:
    """How many failures of these classes together a task may have, the last of which was `failure`."""
    named = {one.failure.value: one.attempts for one in task.retry.on}
    if failure == "cancelled":
        return 1, (failure,)
    if failure in named:
        return named[failure], (failure,)
    if task.retry.attempts is not None:
        every = ("application", "out_of_memory", "refused", "unknown", "dependency", *INFRASTRUCTURE)
        return task.retry.attempts, [one for one in every if one not in named]
    if failure in INFRASTRUCTURE:
        return 3, [one for one in INFRASTRUCTURE if one not in named]
    return 1, (failure,)


def cancelled_mistakes(
    plan: Plan,
    endings: Mapping[str, str],
    succeeds: Succeeds,
    kept: Mapping[str, str] = NOTHING_KEPT,
    empty: Collection[str] = (),
) -> list[str]:
    """What cannot be of a run that was cancelled while it went on, task by task.

    A task that ended before it was cancelled ended as it would have anyway. How a cancelled task would have ended is
    not known, so anything may be assumed of it.
    """
    mistakes = []
    for index, task in enumerate(plan.tasks):
        ending = endings[task.name]
        parents = [endings[plan.tasks[parent].name] for parent in plan.parents[index]]
        succeeded = failures_of(task, succeeds).end_in_success
        if task.name in kept:
            if ending != kept[task.name]:
                mistakes.append(f"{task.name} was to keep {kept[task.name]}, and is {ending}")
        elif ending == SUCCEEDED and not succeeded:
            mistakes.append(f"{task.name} succeeded, and none of its jobs does")
        elif ending == FAILED and succeeded:
            mistakes.append(f"{task.name} failed, and one of its jobs succeeds")
        elif ending == SKIPPED and task.name in empty:
            continue
        elif ending in (SKIPPED, UPSTREAM_FAILED) and not _may_end_so(task.trigger_rule.value, parents, ending):
            mistakes.append(f"{task.name} is {ending}, and its parents are {parents}")
    return mistakes


def _may_end_so(rule: str, parents: Sequence[str], ending: str) -> bool:
    """Whether a task can end so without starting; cancelled parents might have ended in any way."""
    choices = [(SUCCEEDED, FAILED, SKIPPED) if parent == CANCELLED else (parent,) for parent in parents]
    return bool(parents) and any(instead_of_starting(rule, assumed) == ending for assumed in product(*choices))


def instead_of_starting(rule: str, parents: Sequence[str]) -> str | None:
    """How a task ends without ever starting, all of whose parents ended so; None when it starts."""
    succeeded = parents.count(SUCCEEDED)
    skipped = parents.count(SKIPPED)
    bad = parents.count(FAILED) + parents.count(UPSTREAM_FAILED)
    assert succeeded + skipped + bad == len(parents) > 0, "every parent ended, and there is one"
    if rule == "all_success":
        if bad:
            return UPSTREAM_FAILED
        return SKIPPED if skipped else None
    if rule == "all_done":
        return None
    if rule == "all_failed":
        return None if bad == len(parents) else SKIPPED
    if rule == "one_success":
        if succeeded:
            return None
        return UPSTREAM_FAILED if bad else SKIPPED
    if rule == "one_failed":
        return None if bad else SKIPPED
    if rule == "none_failed":
        return UPSTREAM_FAILED if bad else None
    if rule == "none_failed_min_one_success":
        if bad:
            return UPSTREAM_FAILED
        return None if succeeded else SKIPPED
    raise ValueError(rule)


def may_start(rule: str, parents: Sequence[str | None]) -> bool:
    """Whether a task may start already, of whose parents some (None) have not ended: only two rules do not wait."""
    if rule == "one_success" and SUCCEEDED in parents:
        return True
    if rule == "one_failed" and (FAILED in parents or UPSTREAM_FAILED in parents):
        return True
    ended = [parent for parent in parents if parent is not None]
    return len(ended) == len(parents) and (not ended or instead_of_starting(rule, ended) is None)
