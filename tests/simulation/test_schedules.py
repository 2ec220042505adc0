"""The engine in simulated worlds: whatever goes wrong, every run ends as the oracle says, and no rule is ever broken.

A seed that fails is told by `make sim SEED=<seed>`, and made small and kept by `make sim SEEDS=<more than it>`.
"""

import os

import pytest

from tests.simulation.campaign import play_range
from tests.simulation.kept import Kept, kept_seeds
from tests.simulation.play import play

SCHEDULES = int(os.environ.get("BATCHWRIGHT_SCHEDULES", "20000"))
AT_A_TIME = 500
EVERY_TIME = 6_000
"""So many are part of `make test`. The others are part of `make e2e`, because they only repeat."""
FIRSTS = [
    pytest.param(first, marks=() if first < EVERY_TIME else pytest.mark.long)
    for first in range(0, SCHEDULES, AT_A_TIME)
]


@pytest.mark.parametrize("first", FIRSTS)
def test_runs_end_as_their_plans_and_jobs_imply_whatever_goes_wrong_on_the_way(first):
    summary = play_range(first, min(AT_A_TIME, SCHEDULES - first))
    assert summary.failures == {}, "make sim SEED=<seed> tells the story of one"


@pytest.mark.parametrize("kept", list(kept_seeds()), ids=Kept.line)
def test_a_seed_that_once_failed_does_not_any_more(kept):
    played = play(kept.seed, kept.scope, is_told=True)
    assert played.failure is None, "\n".join([played.setting, *played.story])
