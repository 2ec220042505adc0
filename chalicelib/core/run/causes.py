"""Why a run failed: the failure that came first, failures of one kind together, and what each one took along.

Pure: tasks in, findings out. A place is a task's position in the given list, which is in the order of the plan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.core.failure import FailureClass
from chalicelib.core.run.task_view import TaskView, parents_of, result_of
from chalicelib.core.states import TaskState


class Cause(NamedTuple):
    """Why a task did not run: a task that failed, and how many others failed that are no further away."""

    place: int
    others: int


class FailureKey(NamedTuple):
    """What failures of one kind have in common."""

    failure: FailureClass | None
    exit_code: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Tasks that failed in the same way."""

    key: FailureKey
    places: tuple[int, ...]
    """In the order of the plan."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of a run, as somebody who asks why it failed needs them."""

    first: int | None
    """The failure that failed the run: of those that the workflow does not allow, the one that ended first. None if no
    task failed, or only such as may fail."""
    groups: tuple[FailureGroup, ...]
    """The largest first."""
    taken_along: dict[int, int]
    """By the place of a task that failed: how many tasks did not run because of it, the most first."""


def causes(tasks: Sequence[TaskView]) -> dict[int, Cause]:
    """For each task that did not run because of a failure before it: that failure."""
    found: dict[int, Cause] = {}
    parents = parents_of(tasks)
    for place, task in enumerate(tasks):
        if task.state is not TaskState.UPSTREAM_FAILED:
            continue
        failed = [parent for parent in parents[place] if tasks[parent].state is TaskState.FAILED]
        passed_on = [found[parent] for parent in parents[place] if parent in found]
        if failed:
            found[place] = Cause(failed[0], len(failed) - 1)
        elif passed_on:
            found[place] = passed_on[0]
    return found


def failures_of(tasks: Sequence[TaskView]) -> Failures:
    """The failures among these tasks, which are all of the run."""
    failed = [place for place, task in enumerate(tasks) if task.state is TaskState.FAILED]
    grouped: defaultdict[FailureKey, list[int]] = defaultdict(list)
    for place in failed:
        grouped[_key_of(tasks[place])].append(place)
    groups = [FailureGroup(key, tuple(places)) for key, places in grouped.items()]
    # What Batch refused has no time of its own. It comes last, because nothing says that it came first.
    ends = [(_stopped_ms(tasks[place]), place) for place in failed if not tasks[place].allow_failure]
    first = min(ends, key=lambda end: (end[0] is None, end[0] or 0, end[1]), default=None)
    taken_along = Counter(cause.place for cause in causes(tasks).values())
    return Failures(
        first=None if first is None else first[1],
        groups=tuple(sorted(groups, key=lambda group: (-len(group.places), group.places))),
        taken_along=dict(taken_along.most_common()),
    )


def _key_of(task: TaskView) -> FailureKey:
    result = result_of(task)
    return (
        FailureKey(None, None, None) if result is None else FailureKey(result.failure, result.exit_code, result.reason)
    )


def _stopped_ms(task: TaskView) -> int | None:
    result = result_of(task)
    return task.stopped_at_ms if result is None else result.stopped_at_ms
