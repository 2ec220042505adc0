"""The table's adapter and the store in memory answer alike, whatever is asked in whatever order.

The simulator runs on the store in memory: what it proves holds for the table as far as the two agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.table.store import DynamoStore
from chalicelib.core.batch.result import JobResult
from chalicelib.core.errors import Defect
from chalicelib.core.failure import FailureClass
from chalicelib.core.ids import Attempt
from chalicelib.core.run.records import Claim
from chalicelib.core.states import ENDINGS, TaskState
from chalicelib.ports.store import Store
from tests.memory.store import MemoryStore

STEPS = 400
Call = Callable[[Store], Any]
UNDER_WAY = (TaskState.SUBMITTED, TaskState.PENDING, TaskState.RUNNABLE, TaskState.STARTING, TaskState.RUNNING)
COMMITTED = (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED)


def draw_call(draw: random.Random, run_id: str, memory: MemoryStore) -> tuple[str, Call]:
    """A call that somebody could make, old news and impossible ones among them, and its name."""
    index = draw.randrange(12)
    current = memory.task(run_id, 0, index)
    number = current.attempt.number if current and draw.random() < 0.8 else draw.randint(1, 3)
    attempt = Attempt(run_id, 0 if draw.random() < 0.95 else 1, index, number)
    job = current.job_id if current and current.job_id and draw.random() < 0.8 else f"job-{draw.randrange(4)}"
    claim = Claim(f"invocation-{draw.randrange(3)}", draw.choice([0, 50, 100]))
    result = JobResult(
        job,
        draw.random() < 0.5,
        draw.choice([None, 0, 137]),
        draw.choice([None, "why", "y" * 300]),
        failure=draw.choice([None, *FailureClass]),
    )
    ms = draw.randrange(1_000)
    state, ending, tries = draw.choice(UNDER_WAY), draw.choice(COMMITTED), draw.choice([0, 0, 0, 1, 2])
    started, draw_ms = draw.choice([None, ms]), draw.choice([None, ms])
    mask = draw.getrandbits(draw.choice([2, 12])) << draw.randrange(4)
    first, second = draw.sample(ENDINGS, 2)
    endings = {first: mask} if draw.random() < 0.7 else {first: mask, second: draw.getrandbits(16) & ~mask}
    wide = {first: draw.getrandbits(256) if draw.random() < 0.5 else 0}
    calls: dict[str, Call] = {
        "claim": lambda store: store.claim(attempt, claim, ms),
        "release": lambda store: store.release(attempt, claim.owner),
        "observe": lambda store: store.observe(attempt, job, state, tries, started),
        "wait_for_retry": lambda store: store.wait_for_retry(attempt, result, ms),
        "commit": lambda store: store.commit(attempt, ending, result if ms % 4 else None),
        "tally": lambda store: store.tally(run_id, 0, 0, endings),
        "tally widely": lambda store: store.tally(run_id, 0, ms % 5, wide),
        "halt": lambda store: store.halt(run_id, 0, ms % 3),
        "set_pace": lambda store: store.set_pace(run_id, 0, ms % 3, ms % 7),
        "mark_missing": lambda store: store.mark_missing(attempt, job, draw_ms),
        "add_second_job": lambda store: store.add_second_job(attempt, job),
        "read_tally": lambda store: store.read_tally(run_id, 0, ms % 5),
        "tasks": lambda store: store.tasks(run_id, 0, 0),
    }
    if current:
        seen = replace(current, claim=current.claim if ms % 3 else claim)
        calls["record_job"] = lambda store: store.record_job(attempt, job)
        calls["take_over"] = lambda store: store.take_over(seen, claim)
        calls["request_cancel"] = lambda store: store.request_cancel(seen)
        retry = replace(attempt, number=number + 1)
        calls["claim a retry"] = lambda store: store.claim(retry, claim, ms, replaces_job=job)
    name = draw.choice(list(calls))
    return name, calls[name]


def said(call: Call, store: Store) -> Any:
    """What the store answers, or that it met what the design rules out."""
    try:
        return call(store)
    except Defect as defect:
        return str(defect)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_every_store_answers_as_the_one_in_memory(dynamodb: tuple[Any, str], fresh: str, seed: int) -> None:
    draw = random.Random(seed)
    memory, table = MemoryStore(), DynamoStore(*dynamodb)
    for step in range(STEPS):
        name, call = draw_call(draw, fresh, memory)
        assert said(call, table) == said(call, memory), f"seed {seed}, step {step}: {name}"
    assert table.tasks(fresh, 0, 0) == memory.tasks(fresh, 0, 0)
