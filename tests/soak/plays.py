"""What is run in a soak: random plans with the endings that the oracle computes, and the movie-ratings workflow.

Owns how a random plan becomes processes that fail when they should, and what must have become of each run.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from batchwright.files.workflow_file import load_workflow
from batchwright.local.functions import Functions
from batchwright.local.prepare import prepare
from batchwright.local.stack import LocalAws
from chalicelib.core.definition.compile import compile_workflow
from chalicelib.core.params import complete_params, declarations
from chalicelib.core.plan.model import Plan
from chalicelib.core.plan.revisions import with_revisions
from chalicelib.core.plan.task import RetryPolicy
from chalicelib.core.run.records import Run
from chalicelib.ports.store import Store
from tests import oracle
from tests.functional.movie_ratings import ARCHIVE, STATEMACHINES, Film, expected, rows_of, zipped
from tests.simulation.plans import random_plan

FILMS = 1_500
JOB_SECONDS_MAXIMUM = 1.5
BACKOFF_SECONDS = (0, 0, 1, 2)


@dataclass
class Play:
    """A run that was started, and what it must end as. `cancels` holds the epochs in which a cancel was asked for."""

    run_id: str
    plan: Plan
    fails: frozenset[tuple[str, int]]
    films: Mapping[int, Film] | None = None
    story: list[str] = field(default_factory=list)
    cancels: set[int] = field(default_factory=set)
    last_seen: Run | None = None

    @property
    def expected(self) -> oracle.Expected:
        return oracle.expected(self.plan, lambda name, number: (name, number) not in self.fails)


def start_chance(aws: LocalAws, store: Store, functions: Functions, rng: Random, number: int) -> Play:
    """Start a run of a random plan whose jobs are real processes."""
    drawn = random_plan(rng)
    share = rng.choice([0, 0.2, 0.5])
    tries = [(task.name, attempt) for task in drawn.tasks for attempt in range(1, (task.retry.attempts or 1) + 1)]
    fails = frozenset(one for one in tries if rng.random() < share)
    tasks = tuple(
        replace(
            task,
            job=replace(
                task.job,
                job_definition="soak",
                queue="default",
                command=_command([attempt for name, attempt in sorted(fails) if name == task.name], rng),
            ),
            retry=RetryPolicy(task.retry.attempts or 1, rng.choice(BACKOFF_SECONDS), jitter=False),
        )
        for task in drawn.tasks
    )
    plan = replace(drawn, workflow=f"chance-{number}", tasks=tasks)
    _push(aws, store, {}, plan, {}, Path(aws.folder))
    started = functions.invoke("start", {"workflow": plan.workflow, "idempotency_key": "soak"})
    return Play(started["run_id"], plan, fails)


def _push(
    aws: LocalAws, store: Store, definition: Mapping[str, Any], plan: Plan, params: Mapping[str, Any], folder: Path
) -> None:
    """Push a plan, with what its jobs need."""
    revisions = prepare(aws.environment, plan, params, folder)
    store.push(plan.workflow, definition, with_revisions(plan, revisions), time.time_ns() // 1_000_000)


def _command(failing: list[int], rng: Random) -> tuple[str, ...]:
    """A job that takes a moment, and fails in these attempts."""
    seconds = rng.uniform(0, JOB_SECONDS_MAXIMUM)
    cases = "|".join(map(str, failing)) or "none"
    return ("sh", "-c", f"sleep {seconds:.2f}; case ${{task.attempt}} in {cases}) exit 3;; esac")


def start_movie(aws: LocalAws, store: Store, functions: Functions, rng: Random, number: int) -> Play:
    """Start a run of the movie-ratings workflow on some of its films. Every second one has a part that fails once."""
    path = STATEMACHINES / "movie_ratings.yaml"
    loaded = load_workflow(path)
    failing_part = rng.choice([-1, 0, 1])
    params = {
        "bucket": aws.environment["BATCHWRIGHT_BUCKET"],
        "parts": rng.choice([2, 3]),
        "fail_first_attempt_of_part": failing_part,
    }
    complete = complete_params(declarations(loaded.definition), params)
    plan = compile_workflow(loaded.workflow)
    _push(aws, store, loaded.definition, plan, complete, path.parent)
    asked = {"workflow": plan.workflow, "params": params, "idempotency_key": f"soak-{number}"}
    started = functions.invoke("start", asked)
    fails = frozenset({("import", 1)}) if failing_part >= 0 else frozenset()
    return Play(started["run_id"], plan, fails, films())


@cache
def films() -> dict[int, Film]:
    """The films that a run imports, as its table must hold them."""
    return expected(rows_of(archive()))


@cache
def archive() -> bytes:
    """The first films of the example's archive."""
    rows = rows_of(ARCHIVE.read_bytes())[:FILMS]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([list(row.values()) for row in rows])
    return zipped([list(row.values()) for row in rows])


def described(play: Play) -> dict[str, Any]:
    """What somebody needs to understand a run that went wrong."""
    plan = play.plan
    return {
        "run_id": play.run_id,
        "story": play.story,
        "fails": sorted(play.fails),
        "expected": dict(play.expected.tasks),
        "plan": [
            f"{task.name} <- {[plan.tasks[parent].name for parent in plan.parents[index]]} {task.trigger_rule} "
            f"attempts={task.retry.attempts} backoff={task.retry.backoff_seconds} allow_failure={task.allow_failure}"
            for index, task in enumerate(plan.tasks)
        ],
    }
