"""Runs drawn by chance: any DAG, any states, and times that need not make sense."""

from __future__ import annotations

from hypothesis import strategies as st

from batchwright.runs.view import RunView
from chalicelib.api import models as m
from chalicelib.core.failure import FailureClass
from chalicelib.core.states import RunState, TaskState
from tests.unit.rows import NOON_MS, row, view

MOMENTS = st.none() | st.integers(NOON_MS - 5_000, NOON_MS + 90_000) | st.integers(0, 2**42)


@st.composite
def attempts(draw: st.DrawFn) -> m.Attempt:
    succeeded = draw(st.booleans())
    return m.Attempt(
        job_id="job",
        succeeded=succeeded,
        exit_code=draw(st.none() | st.integers(0, 255)),
        failure=None if succeeded else draw(st.none() | st.sampled_from(FailureClass)),
        reason=draw(st.none() | st.text(max_size=30)),
        started_at_ms=draw(MOMENTS),
        stopped_at_ms=draw(MOMENTS),
    )


@st.composite
def runs(draw: st.DrawFn) -> RunView:
    """A run of up to twelve tasks. Their names begin with `task-` and end with `~`, which no other text shown does."""
    tasks: list[m.Task] = []
    for index in range(draw(st.integers(0, 12))):
        parents = draw(st.sets(st.integers(0, index - 1), max_size=4)) if index else set()
        ended = draw(st.lists(attempts(), max_size=3))
        state = draw(st.sampled_from(TaskState))
        tasks.append(
            row(
                index, f"task-{index}~", state, draw(st.integers(0, 4)), draw(st.integers(1, 5)), attempts=ended,
                depends_on=[f"task-{parent}~" for parent in sorted(parents)], claimed_at_ms=draw(MOMENTS),
                started_at_ms=draw(MOMENTS), stopped_at_ms=draw(MOMENTS), retry_at_ms=draw(MOMENTS),
                is_array=draw(st.booleans()), children=draw(st.none() | st.just(1_000)),
                kept=draw(st.booleans()),
            )
        )  # fmt: skip
    lasted = draw(st.none() | st.floats(0, 2_000_000))
    return view(*tasks, state=RunState.RUNNING if lasted is None else RunState.FAILED, lasted_seconds=lasted)
