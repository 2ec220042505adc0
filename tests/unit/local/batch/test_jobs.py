"""The table of states, walked as a whole."""

from __future__ import annotations

import itertools

import pytest

from batchwright.local.batch.jobs import ENDED, MOVES, STATUSES, SUBMITTED, SUCCEEDED, IllegalMove

from .samples import make_job


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATUSES, STATUSES)))
def test_every_pair_of_states_is_either_a_move_or_refused_by_name(before: str, after: str) -> None:
    job = make_job("one")
    job.status = before
    if after in MOVES[before]:
        job.move(after, 1)
        assert job.status == after
    else:
        with pytest.raises(IllegalMove, match=f"one cannot move from {before} to {after}"):
            job.move(after, 1)


@pytest.mark.parametrize("ended", sorted(ENDED))
def test_an_ended_job_goes_nowhere(ended: str) -> None:
    assert MOVES[ended] == frozenset()


def test_a_childs_move_keeps_the_summary_of_its_array() -> None:
    array = make_job("array", size=3)
    assert array.children is not None and array.summary is not None
    for status in ("RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"):
        array.children[1].move(status, 5)
    assert array.summary[SUCCEEDED] == 1
    assert array.summary[SUBMITTED] == 2
    assert sum(array.summary.values()) == 3
    assert array.summary_at_ms == 5
