from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

import pytest

from chalicelib.core.run.merge_lists import first_runs, merged
from chalicelib.core.run.records import ListedRuns, Run, RunPlace, place_of_run
from chalicelib.core.states import RunState


def run(run_id: str, at_ms: int, state: RunState = RunState.RUNNING) -> Run:
    return Run(run_id, "w", 1, "d", {}, state, at_ms, "r")


def listed(runs: Sequence[Run], limit: int, look_at: int, state: RunState | None, after: RunPlace | None) -> ListedRuns:
    return first_runs(sorted(runs, key=lambda one: -one.created_at_ms), limit, state, after, look_at)


@pytest.mark.parametrize("seed", range(60))
def test_several_lists_are_one_whatever_the_pages_and_the_bounds(seed: int) -> None:
    """Twins of one millisecond, lists that are empty, a state that few runs have: every run comes once, in order."""
    draw = random.Random(seed)
    state = draw.choice([None, RunState.FAILED])
    lists = [
        [
            run(f"w{which}-{number:02d}", draw.randrange(8), draw.choice(list(RunState)[:5]))
            for number in range(draw.choice([0, 1, 7, 20]))
        ]
        for which in range(draw.randrange(1, 5))
    ]
    wanted = [one for runs in lists for one in runs if state in (None, one.state)]
    limit, look_at, chunk = draw.randrange(1, 6), draw.randrange(1, 9), draw.randrange(1, 4)
    seen: list[Run] = []
    after: RunPlace | None = None
    for _ in range(500):
        fetches = [partial(listed, runs, chunk, look_at, state) for runs in lists]
        page = merged(fetches, limit, after, fetches=draw.choice([0, 1, 100]))
        assert len(page.runs) <= limit
        seen += page.runs
        after = page.after
        if after is None:
            break
    assert seen == sorted(wanted, key=lambda one: place_of_run(one).order, reverse=True)


def test_a_page_that_ends_a_list_says_so_as_soon_as_it_is_known() -> None:
    runs = [run(f"r{number}", number) for number in range(3)]
    assert merged([partial(listed, runs, 5, 10, None)], 3, None, 0).after is None
    assert merged([partial(listed, runs, 5, 10, None)], 2, None, 0).after == RunPlace(1, "r1")
    assert merged([], 3, None, 0) == ListedRuns((), None)
