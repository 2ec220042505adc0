"""Random plans, and what becomes of their jobs.

Owns what is drawn before a world begins to turn: the tasks, their rules, and the fate of every attempt's job. What
must come out of it is tests/oracle.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from chalicelib.core.failure import FailureClass
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.task import ClassPolicy, PlannedTask, RetryPolicy
from chalicelib.core.states import TriggerRule
from tests.memory.theatre import plan_of, task

_RULES = tuple(TriggerRule)
_FRAIL = (TriggerRule.ALL_SUCCESS, TriggerRule.ALL_SUCCESS, TriggerRule.ONE_FAILED, *_RULES)
_PATIENT = (TriggerRule.ALL_DONE, TriggerRule.ALL_DONE, TriggerRule.ALL_DONE, TriggerRule.NONE_FAILED, *_RULES)
"""Rules of tasks that are easily skipped or doomed, and of those that start nevertheless."""
_SIZES = (1, 1, 1, 2, 2, 2, 2, 3, 3, 4)
_BACKOFFS_SECONDS = (0, 0, 0, 7, 60, 1000)

REFUSED = "refused"
_FAILURES = ("application", "application", "application", REFUSED, "spot", "out_of_memory")
_NUMBERS = 10
"""More attempts than any of these policies allows."""

Shape = list[tuple[list[int], tuple[TriggerRule, ...]]]
"""Of each task, its parents and the rules that it may have."""


def random_plan(rng: Random, workflow: str = "play") -> Plan:
    """1 to 4 tasks, now and then up to 20; every rule, allowed failures, retries with and without back-off, arrays."""
    shape = rng.choice((*(_scattered,) * 7, _narrow, _layered, _joined, *(_doomed,) * 3))
    plain = rng.random() < 0.2
    tasks = []
    for index, (parents, rules) in enumerate(shape(rng)):
        one = task(
            f"t{index}",
            TriggerRule.ALL_SUCCESS if plain else rng.choice(rules),
            attempts=rng.choice((1, 1, 1, 2, 3)),
            backoff_seconds=rng.choice(_BACKOFFS_SECONDS),
            allow_failure=rng.random() < 0.2,
        )
        if rng.random() < 0.3:
            one = replace(one, retry=_by_class(rng, one.retry))
        if rng.random() < 0.1:
            one = replace(one, job=replace(one.job, array_size=rng.randint(2, 4)))
        tasks.append((one, [f"t{parent}" for parent in parents]))
    return replace(plan_of(*tasks), workflow=workflow)


def with_longer_waits(rng: Random, plan: Plan) -> Plan:
    """The plan, in which some of the longer pauses are so long that no message can be delayed for it."""
    tasks = []
    for one in plan.tasks:
        seconds = one.retry.backoff_seconds
        if seconds and seconds > 60 and rng.random() < 0.5:
            seconds = rng.choice((300, 850, 930, 2_000, 12_000))
            one = replace(one, retry=replace(one.retry, backoff_seconds=seconds, backoff_max_seconds=seconds))
        tasks.append(one)
    return replace(plan, tasks=tuple(tasks))


def _by_class(rng: Random, policy: RetryPolicy) -> RetryPolicy:
    """A policy that tells classes of failures apart, and may leave some to the defaults."""
    on = [
        ClassPolicy(FailureClass.SPOT, rng.randint(1, 3), queue="on-demand"),
        ClassPolicy(FailureClass.OUT_OF_MEMORY, rng.randint(2, 3), backoff_seconds=30),
    ]
    chosen = tuple(one for one in on if rng.random() < 0.6)
    return replace(policy, attempts=rng.choice((None, policy.attempts)), on=chosen)


def _size(rng: Random) -> int:
    return rng.randint(8, 20) if rng.random() < 0.01 else rng.choice(_SIZES)


def _scattered(rng: Random) -> Shape:
    """Any parents at all."""
    most = rng.choice((1, 2, 3, 6))
    return [(rng.sample(range(index), min(index, rng.randint(0, most))), _RULES) for index in range(_size(rng))]


def _narrow(rng: Random) -> Shape:
    """The first half are roots and the others wait for several, so that parents end at once."""
    count = _size(rng)
    return [
        ([] if index < count // 2 else rng.sample(range(index), min(index, rng.randint(2, 5))), _RULES)
        for index in range(count)
    ]


def _layered(rng: Random) -> Shape:
    """Roots, tasks that wait for one of them, and tasks that wait for several of both: where what one ending skips or
    dooms meets what another ends at the same time. Roots may come late, so that shards mix the layers."""
    roots, middle, joins = rng.randint(2, 4), rng.randint(0, 2), rng.randint(1, 2)
    layers: Shape = []
    for _ in range(roots + middle):
        root = not layers or rng.random() < roots / (roots + middle)
        layers.append(([], _RULES) if root else ([rng.randrange(len(layers))], _FRAIL))
    before = len(layers)
    return layers + [(rng.sample(range(before), min(before, rng.randint(2, 3))), _PATIENT) for _ in range(joins)]


def _joined(rng: Random) -> Shape:
    """Roots that end at about the same time, and tasks that each wait for some of them."""
    roots, joins = rng.randint(2, 4), rng.randint(1, 2)
    layers: Shape = [([], _RULES) for _ in range(roots)]
    return layers + [(rng.sample(range(roots), rng.randint(2, min(3, roots))), _PATIENT) for _ in range(joins)]


def _doomed(rng: Random) -> Shape:
    """Where the failure of one root dooms a task, and a third waits for that task and for another root: of those who
    end the two roots, one at least must see what both did."""
    first, second = rng.sample((0, 1), 2)
    doomed = (([first]), (TriggerRule.ALL_SUCCESS,))
    waiting = (([second, 2]), (TriggerRule.ALL_DONE,))
    return [([], _RULES), ([], _RULES), doomed, waiting]


FLAVOUR, PARTS = "flavour", "parts"
"""The params of every run of ours: what some of its tasks are made of, and how many jobs some of its arrays have. A
redrive may give them other values."""
FLAVOURS = ("plain", "sweet", "sour")
SIZES_OF_ARRAYS = (0, 1, 3)


def params_of_a_run(parts: int) -> dict[str, Any]:
    """How a workflow's definition declares them."""
    return {FLAVOUR: {"type": "string", "default": FLAVOURS[0]}, PARTS: {"type": "integer", "default": parts}}


def with_params(plan: Plan) -> Plan:
    """The plan, in which every third task is made of the one param, and every other array as large as the other."""
    environment = ((FLAVOUR, f"${{params.{FLAVOUR}}}"),)
    tasks = []
    for index, one in enumerate(plan.tasks):
        job = replace(one.job, environment=environment) if index % 3 == 1 else one.job
        if job.array_size is not None and index % 2 == 0:
            job = replace(job, array_size=f"${{params.{PARTS}}}")
        tasks.append(replace(one, job=job))
    return replace(plan, tasks=tuple(tasks))


def is_flavoured(one: PlannedTask) -> bool:
    return bool(one.job.environment)


def has_parts(one: PlannedTask) -> bool:
    return isinstance(one.job.array_size, str)


def thinned(plan: Plan, without: Collection[str]) -> Plan:
    """The plan without some of its tasks, whose edges go with them."""
    if not without:
        return plan
    kept = [index for index, one in enumerate(plan.tasks) if one.name not in without]
    names = [one.name for one in plan.tasks]
    rows = [(plan.tasks[i], [names[p] for p in plan.parents[i] if names[p] not in without]) for i in kept]
    return replace(plan_of(*rows), workflow=plan.workflow)


def changed(rng: Random, plan: Plan) -> Plan:
    """Another version of a plan: a task more, which changes the numbers of the others, and perhaps one that asks for
    something else."""
    rows = [(one, [plan.tasks[parent].name for parent in plan.parents[i]]) for i, one in enumerate(plan.tasks)]
    if rng.random() < 0.5:
        place = rng.randrange(len(rows))
        one, parents = rows[place]
        rows[place] = (replace(one, job=replace(one.job, command=("false",))), parents)
    place = rng.randint(0, len(rows))
    before = [one.name for one, _ in rows[:place]]
    added = task(f"new{len(rows)}", rng.choice(_RULES))
    rows.insert(place, (added, rng.sample(before, min(len(before), rng.randint(0, 2)))))
    return replace(plan_of(*rows), workflow=plan.workflow)


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the jobs of one run: the class of failure of each attempt that fails. One that is `refused`,
    Batch does not take at all."""

    failures: Mapping[tuple[str, int], str]

    def outcome(self, name: str, number: int) -> bool | str:
        """True for a success, else the class of its failure."""
        return self.failures.get((name, number), True)

    @property
    def refused(self) -> set[tuple[str, int]]:
        return {one for one, failure in self.failures.items() if failure == REFUSED}


def random_fates(rng: Random, plan: Plan) -> Fates:
    share = rng.choice((0, 0.25, 0.5))
    failures: dict[tuple[str, int], str] = {}
    for one in plan.tasks:
        # How a child of an array failed, its parent's events do not tell.
        classes = _FAILURES if one.job.array_size is None else _FAILURES[:4]
        for number in range(1, _NUMBERS):
            if rng.random() < share:
                failures[one.name, number] = rng.choice(classes)
    return Fates(failures)


def described(plan: Plan, fates: Fates) -> str:
    """The plan as one line a task, for whoever has to understand a seed that failed."""
    lines = []
    for index, one in enumerate(plan.tasks):
        parents = ",".join(plan.tasks[parent].name for parent in plan.parents[index])
        words = [f"    {one.name} <- [{parents}] {one.trigger_rule}"]
        if one.allow_failure:
            words.append("allow_failure")
        if one.retry.attempts != 1 or one.retry.on:
            on = [f"{mine.failure}:{mine.attempts}" for mine in one.retry.on]
            words.append(f"attempts={one.retry.attempts} backoff={one.retry.backoff_seconds}s {' '.join(on)}")
        if one.job.array_size:
            words.append(f"array={one.job.array_size}")
        for number in range(1, _NUMBERS):
            failure = fates.outcome(one.name, number)
            if failure is True:
                break
            words.append(f"{number}: {failure}")
        lines.append(" ".join(word for word in words if word))
    return "\n".join(lines)


def names_of(plans: Mapping[int, Plan]) -> list[tuple[int, str]]:
    """Every task of every plan, as the plan's number and the task's name."""
    return [(number, one.name) for number, plan in plans.items() for one in plan.tasks]
