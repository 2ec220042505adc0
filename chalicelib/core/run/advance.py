"""What an ending makes ready, skipped or doomed: pure decisions on the plan and the tallies.

The engine calls `advance` again and again: it reads the shards that the answer names, writes the endings that the
answer holds, and stops when neither is left (engine/advance/settle.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.core.plan.model import Plan, offset_of, shard_of
from chalicelib.core.run.records import Tally
from chalicelib.core.run.trigger import ParentCounts, Verdict, verdict
from chalicelib.core.states import WITHOUT_RESULT, RunState, TaskState

Endings = dict[int, dict[TaskState, int]]
"""By shard and ending, a bit mask of offsets: what is to be added to the tallies."""

_ENDING_OF_VERDICT = {Verdict.SKIP: TaskState.SKIPPED, Verdict.DOOM: TaskState.UPSTREAM_FAILED}
# These end without a job, so no event of theirs will look at their children: whoever ended them does.
_ENDED_WITHOUT_A_JOB = (TaskState.SKIPPED, TaskState.UPSTREAM_FAILED)


@dataclass(frozen=True, slots=True)
class Advance:
    """`ready` may be claimed; `endings` are to be tallied; `unread` shards must be read to judge the rest."""

    ready: tuple[int, ...]
    endings: Endings
    unread: frozenset[int]


def advance(
    plan: Plan,
    tallies: Mapping[int, Tally],
    ended: Iterable[int],
    candidates: Iterable[int] = (),
    empty: Collection[int] = (),
) -> Advance:
    """What follows from the endings of the tasks `ended`, by the tallies that are known.

    Walks on through tasks that end without a job, found so already or found so now: a cascade that somebody began
    and did not finish is finished. `tallies` holds shards as they were read; a shard that is missing is unread.
    `candidates` are judged beside the children of the ended: tasks that nobody may have judged. `empty` are arrays of
    none, which are skipped where they could start.
    """
    view = dict(tallies)
    ready: dict[int, None] = {}
    unread: set[int] = set()
    endings: Endings = {}
    seen: set[int] = set()
    level = {child for index in set(ended) for child in plan.children[index]} | set(candidates)
    while level:
        following: list[int] = []
        for task in sorted(level):
            found = _ending(view, task)
            if found is None:
                decided = _judge(plan, view, endings, task)
                if decided is Verdict.READY and task in empty:
                    decided = Verdict.SKIP
                if decided is Verdict.READY:
                    ready[task] = None
                elif decided is Verdict.UNREAD:
                    unread |= plan.parent_masks(task).keys() - view.keys()
                elif decided is not Verdict.WAIT:
                    found = _ENDING_OF_VERDICT[decided]
                    _add(view, endings, task, found)
            if found in _ENDED_WITHOUT_A_JOB:
                seen.add(task)
                following.append(task)
        level = {child for index in following for child in plan.children[index]} - seen
    return Advance(tuple(ready), endings, frozenset(unread))


def _judge(plan: Plan, tallies: Mapping[int, Tally], assumed: Endings, index: int) -> Verdict:
    if not plan.parents[index]:
        return Verdict.READY
    return verdict(plan.tasks[index].trigger_rule, count_parents(plan, tallies, assumed, index))


def count_parents(plan: Plan, tallies: Mapping[int, Tally], assumed: Endings, index: int) -> ParentCounts:
    """How the parents of a task ended, by these tallies; `assumed` endings count in shards that were not read."""
    counts = dict.fromkeys(("succeeded", "failed", "skipped", "upstream_failed", "cancelled", "waiting", "unread"), 0)
    for shard, parents in plan.parent_masks(index).items():
        tally = tallies.get(shard)
        known = tally or Tally().adding(assumed.get(shard, {}))
        counts["succeeded"] += (known.succeeded & parents).bit_count()
        counts["failed"] += (known.failed & parents).bit_count()
        counts["skipped"] += (known.skipped & parents).bit_count()
        counts["upstream_failed"] += (known.upstream_failed & parents).bit_count()
        counts["cancelled"] += (known.cancelled & parents).bit_count()
        counts["unread" if tally is None else "waiting"] += (parents & ~known.ended).bit_count()
    return ParentCounts(**counts)


def is_full(plan: Plan, shard: int, tally: Tally) -> bool:
    """Whether every task of the shard has ended."""
    return tally.ended.bit_count() == plan.shard_size(shard)


def run_ending(plan: Plan, tallies: Mapping[int, Tally]) -> RunState:
    """How a run ends whose shards are all full.

    It failed if a task without `allow_failure` is `failed` or `upstream_failed`: its result is not there. It is
    cancelled if a task was cancelled (a redrive may leave some of an earlier epoch so).
    """
    return _ending_by(plan, tallies, WITHOUT_RESULT)


def may_have_ended(plan: Plan, tallies: Mapping[int, Tally], ending: RunState) -> bool:
    """Whether a stored ending follows from the tallies, by the rule of today or by the earlier one.

    By the earlier rule a task that is `upstream_failed` failed no run. Runs that ended so keep their ending.
    """
    return ending in (run_ending(plan, tallies), _ending_by(plan, tallies, (TaskState.FAILED,)))


def _ending_by(plan: Plan, tallies: Mapping[int, Tally], failing: Iterable[TaskState]) -> RunState:
    """How a run ends if the endings `failing` fail it, unless the task has `allow_failure`."""
    for shard, tally in tallies.items():
        allowed = plan.allowed_failures.get(shard, 0)
        if any(tally.mask(ending) & ~allowed for ending in failing):
            return RunState.FAILED
    return RunState.CANCELLED if any(tally.cancelled for tally in tallies.values()) else RunState.SUCCEEDED


def _ending(tallies: Mapping[int, Tally], index: int) -> TaskState | None:
    tally = tallies.get(shard_of(index))
    return tally.ending_of(offset_of(index)) if tally else None


def _add(view: dict[int, Tally], endings: Endings, index: int, ending: TaskState) -> None:
    shard, mask = shard_of(index), 1 << offset_of(index)
    of_shard = endings.setdefault(shard, {})
    of_shard[ending] = of_shard.get(ending, 0) | mask
    if shard in view:
        view[shard] = view[shard].adding({ending: mask})
