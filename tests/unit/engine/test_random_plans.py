"""The engine over the world in memory, left to chance: whatever goes wrong, the run ends as the oracle says.

A seed that fails is played again with `play(seed)`; its plan and faults are in the failure's text.
"""

from __future__ import annotations

import pytest

from chalicelib.core import limits
from chalicelib.core.states import RunState
from tests import oracle
from tests.memory.chance import Play, Violation

SEEDS = 1_500
CANCELLED_SEEDS = 500
AT_A_TIME = 100
KEPT = (201, 425, 659, 835, 1383)
"""Seeds that met a bug of test_trap_mutations.py which few others meet."""


@pytest.fixture
def sized(monkeypatch: pytest.MonkeyPatch):
    """Makes shards as small as a play wants them."""
    return lambda size: monkeypatch.setattr(limits, "SHARD_SIZE", size)


def play(seed: int, sized, *, with_cancel: bool = False) -> Play:
    """Play a seed to its end and judge it."""
    played = Play(seed, with_cancel=with_cancel)
    sized(played.menu.shard_size)
    try:
        played.run_to_the_end()
        judge(played)
    except (Exception, Violation) as failure:
        raise AssertionError(f"seed {seed}: {failure}\n{played.report()}") from failure
    return played


def judge(played: Play) -> None:
    run = played.theatre.run
    assert run.state.ended, f"the run is {run.state}"
    assert played.theatre.notices.ids, "its end was told"
    assert set(played.theatre.notices.ids) == {f"{run.run_id}/0/{run.state}"}, "and with one id"
    endings = played.theatre.endings()
    assert endings.keys() == set(played.plan.index_of), "every task ended"
    for index, one in enumerate(played.plan.tasks):
        record = played.store.task(run.run_id, run.epoch, index)
        if record is not None:
            assert record.state == endings[one.name], f"the record of {one.name} is {record.state}"
    jobs = played.jobs_by_attempt()
    assert all(len(twins) == 1 for twins in jobs.values()), "no attempt has two jobs"
    if run.state is RunState.CANCELLED:
        assert played.cancelled
        assert not played.jobs_alive()
    else:
        right = oracle.expected(played.plan, played.succeeds)
        assert endings == right.tasks
        assert run.state == right.run
        assert jobs.keys() == right.attempts - played.refused, "exactly the attempts that were due had a job"
        check_back_off(played, jobs)


def check_back_off(played: Play, jobs) -> None:
    for (name, number), (job,) in jobs.items():
        before = jobs.get((name, number - 1))
        if before:
            pause_ms = job.created_at_ms - played.ended_at_ms[before[0].job_id]
            assert (
                pause_ms >= played.plan.tasks[played.plan.index_of[name]].retry.backoff_seconds * 1000
            )  # it only grows


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_a_run_ends_as_its_plan_and_its_jobs_imply_whatever_goes_wrong_on_the_way(first, sized):
    for seed in range(first, first + AT_A_TIME):
        play(seed, sized)


@pytest.mark.parametrize("first", range(0, CANCELLED_SEEDS, AT_A_TIME))
def test_a_run_cancelled_at_any_moment_ends_with_no_job_alive(first, sized):
    for seed in range(first, first + AT_A_TIME):
        play(seed, sized, with_cancel=True)


@pytest.mark.parametrize("seed", KEPT)
def test_a_seed_that_once_met_a_rare_bug_meets_none(seed, sized):
    play(seed, sized)
    play(seed, sized, with_cancel=True)
