"""The judge is judged: each bug that is put into the engine on purpose is caught by a seed."""

from itertools import chain

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.play import play

pytestmark = pytest.mark.long

SEEDS = 20_000


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_put_into_the_engine_is_caught(name):
    mutation = MUTATIONS[name]
    # Those that caught it before come first; whatever changes the order of things may make them miss it.
    seeds = chain(mutation.seeds, range(SEEDS))
    with mutation.applied():
        assert any(play(seed, mutation.scope).failure for seed in seeds), f"no seed below {SEEDS:,} catches it"


def test_without_a_bug_the_seeds_that_catch_one_catch_none():
    for mutation in MUTATIONS.values():
        for seed in mutation.seeds:
            assert play(seed, mutation.scope).failure is None
